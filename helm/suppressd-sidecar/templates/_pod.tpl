{{- /* What a pod includes. Each ends without a line break, and begins without one. Each gives nothing when the sidecar is
       not enabled. */}}

{{- /* Items of the pod's initContainers: the native sidecar, or nothing below Kubernetes 1.29. */}}
{{- define "suppressd-sidecar.initContainers" -}}
{{- if and (include "suppressd-sidecar.isEnabled" .) (include "suppressd-sidecar.isNative" .) -}}
- restartPolicy: Always
  {{- include "suppressd-sidecar.container" . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* Items of the pod's containers: the plain container below Kubernetes 1.29, else nothing. */}}
{{- define "suppressd-sidecar.containers" -}}
{{- if and (include "suppressd-sidecar.isEnabled" .) (not (include "suppressd-sidecar.isNative" .)) -}}
- {{ include "suppressd-sidecar.container" . | nindent 2 | trim }}
{{- end }}
{{- end }}

{{- /* Items of the pod's volumes. */}}
{{- define "suppressd-sidecar.volumes" -}}
{{- if include "suppressd-sidecar.isEnabled" . -}}
{{- $v := index .Values "suppressd-sidecar" -}}
- name: suppressd-socket
  emptyDir: {}
{{- if not $v.data.existingVolume }}
- name: suppressd-data
  emptyDir: {sizeLimit: {{ $v.data.sizeLimit }}}
{{- end }}
{{- with $v.tls.existingSecret }}
- name: suppressd-tls
  secret: {secretName: {{ . }}}
{{- end }}
{{- range $file := list "policy" "rules" }}
{{- $source := index $v $file }}
{{- with $source.existingConfigMap }}
- name: suppressd-{{ $file }}
  configMap:
    name: {{ . }}
    items:
      - key: {{ $source.key }}
        path: {{ $file }}.yaml
{{- end }}
{{- end }}
{{- with $v.logKey.existingSecret }}
- name: suppressd-log-key
  secret:
    secretName: {{ . }}
    defaultMode: 0440
    items:
      - key: {{ $v.logKey.key }}
        path: key
{{- end }}
{{- end }}
{{- end }}

{{- /* Items of volumeMounts of a container that asks. */}}
{{- define "suppressd-sidecar.volumeMounts" -}}
{{- if include "suppressd-sidecar.isEnabled" . -}}
- name: suppressd-socket
  mountPath: {{ include "suppressd-sidecar.socket" . | trimPrefix "unix:" | dir }}
{{- end }}
{{- end }}

{{- /* Items of env of a container that asks. */}}
{{- define "suppressd-sidecar.env" -}}
{{- if include "suppressd-sidecar.isEnabled" . -}}
- name: SUPPRESSION_TARGET
  value: {{ include "suppressd-sidecar.socket" . | quote }}
{{- end }}
{{- end }}

{{- /* The pod's grace period. */}}
{{- define "suppressd-sidecar.terminationGracePeriodSeconds" -}}
{{- if include "suppressd-sidecar.isEnabled" . }}{{ (index .Values "suppressd-sidecar").terminationGracePeriodSeconds }}{{ end }}
{{- end }}
