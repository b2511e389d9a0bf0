{{- /* What the server and the check of its configuration have in common. Ends with the arguments. */}}
{{- define "suppressd.container" -}}
image: {{ include "suppressd.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
{{- with .Values.extraEnv }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  - name: data
    mountPath: {{ dir .Values.config.dataDir }}
  {{- if .Values.backup.enabled }}
  - name: backups
    mountPath: {{ include "suppressd.backupMount" . }}
  {{- end }}
  {{- range $file := list "policy" "rules" "access" }}
  {{- $source := index $.Values $file }}
  {{- if or $source.content $source.existingConfigMap }}
  - name: {{ $file }}
    mountPath: /etc/suppressd/{{ $file }}
    readOnly: true
  {{- end }}
  {{- end }}
  {{- range $secret := list "tls" "tokens" }}
  {{- if (index $.Values $secret).existingSecret }}
  - name: {{ $secret }}
    mountPath: /etc/suppressd/{{ $secret }}
    readOnly: true
  {{- end }}
  {{- end }}
  {{- if .Values.logKey.existingSecret }}
  - name: log-key
    mountPath: /etc/suppressd/log-key
    readOnly: true
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
args:
  {{- include "suppressd.args" . | nindent 2 }}
{{- end }}

{{- define "suppressd.volumes" -}}
{{- with .Values.persistence }}
{{- if not .enabled }}
- name: data
  emptyDir: {sizeLimit: {{ .size }}}
{{- else if .existingClaim }}
- name: data
  persistentVolumeClaim:
    claimName: {{ .existingClaim }}
{{- end }}
{{- end }}
{{- with .Values.backup }}
{{- if .enabled }}
- name: backups
  persistentVolumeClaim:
    claimName: {{ .existingClaim | default (printf "%s-backups" (include "suppressd.fullname" $)) }}
{{- end }}
{{- end }}
{{- range $file := list "policy" "rules" "access" }}
{{- $source := index $.Values $file }}
{{- if or $source.content $source.existingConfigMap }}
- name: {{ $file }}
  configMap:
    name: {{ $source.existingConfigMap | default (printf "%s-config" (include "suppressd.fullname" $)) }}
    items:
      - key: {{ $source.key }}
        path: {{ $file }}.yaml
{{- end }}
{{- end }}
{{- with .Values.logKey.existingSecret }}
- name: log-key
  secret:
    secretName: {{ . }}
    defaultMode: 0440
    items:
      - key: {{ $.Values.logKey.key }}
        path: key
{{- end }}
{{- with .Values.tls.existingSecret }}
- name: tls
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- with .Values.tokens.existingSecret }}
- name: tokens
  secret:
    secretName: {{ . }}
    defaultMode: 0440
    items:
      - key: {{ $.Values.tokens.key }}
        path: tokens
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
