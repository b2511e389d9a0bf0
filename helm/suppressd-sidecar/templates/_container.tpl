{{- /* True where the sidecar is wanted; its values have then passed all checks. */}}
{{- define "suppressd-sidecar.isEnabled" -}}
{{- if (index .Values "suppressd-sidecar").enabled }}{{ include "suppressd-sidecar.validate" . }}true{{ end }}
{{- end }}

{{- define "suppressd-sidecar.socket" -}}
{{- first (index .Values "suppressd-sidecar").config.listenAddress }}
{{- end }}

{{- define "suppressd-sidecar.isNative" -}}
{{- $native := (index .Values "suppressd-sidecar").native }}
{{- if kindIs "invalid" $native | ternary (semverCompare ">=1.29.0-0" .Capabilities.KubeVersion.Version) $native }}true{{ end }}
{{- end }}

{{- define "suppressd-sidecar.image" -}}
{{- $image := (index .Values "suppressd-sidecar").image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default (index .Subcharts "suppressd-sidecar").Chart.AppVersion }}
{{- end }}
{{- end }}

{{- /* Asks for an address that nobody has. `suppressctl status` also fails when writes do not work, and a restart would
       not help that: checks go on. */}}
{{- define "suppressd-sidecar.probe" -}}
{{- $v := index .Values "suppressd-sidecar" -}}
exec:
  command:
    - suppressctl
    - --target={{ include "suppressd-sidecar.socket" . }}
    - --timeout=4s
    {{- with $v.config.tenants }}
    - {{ printf "--tenant=%s" (first .) | quote }}
    {{- end }}
    - check
    - nobody@probe.invalid
{{- end }}

{{- /* The container as a map, for who places it by hand. */}}
{{- define "suppressd-sidecar.container" -}}
{{- if include "suppressd-sidecar.isEnabled" . }}
{{- $v := index .Values "suppressd-sidecar" -}}
name: {{ $v.name }}
image: {{ include "suppressd-sidecar.image" . | quote }}
imagePullPolicy: {{ $v.image.pullPolicy }}
args:
  {{- include "suppressd-sidecar.args" . | nindent 2 }}
{{- with $v.extraEnv }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml $v.securityContext | nindent 2 }}
resources:
  {{- toYaml $v.resources | nindent 2 }}
startupProbe:
  {{- include "suppressd-sidecar.probe" . | nindent 2 }}
  {{- toYaml $v.startupProbe | nindent 2 }}
livenessProbe:
  {{- include "suppressd-sidecar.probe" . | nindent 2 }}
  {{- toYaml $v.livenessProbe | nindent 2 }}
volumeMounts:
  - name: suppressd-socket
    mountPath: {{ include "suppressd-sidecar.socket" . | trimPrefix "unix:" | dir }}
  - name: {{ $v.data.existingVolume | default "suppressd-data" }}
    mountPath: {{ dir $v.config.dataDir }}
    {{- with $v.data.subPath }}
    subPath: {{ . }}
    {{- end }}
  {{- if $v.tls.existingSecret }}
  - name: suppressd-tls
    mountPath: /etc/suppressd/tls
    readOnly: true
  {{- end }}
  {{- range $file := list "policy" "rules" }}
  {{- if (index $v $file).existingConfigMap }}
  - name: suppressd-{{ $file }}
    mountPath: /etc/suppressd/{{ $file }}
    readOnly: true
  {{- end }}
  {{- end }}
  {{- if $v.logKey.existingSecret }}
  - name: suppressd-log-key
    mountPath: /etc/suppressd/log-key
    readOnly: true
  {{- end }}
  {{- with $v.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}
