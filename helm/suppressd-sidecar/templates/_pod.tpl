{{- /* What a pod includes. Each ends without a line break, and begins without one. */}}

{{- /* Items of the pod's initContainers: the native sidecar, or nothing below Kubernetes 1.29. */}}
{{- define "suppressd-sidecar.initContainers" -}}
{{- include "suppressd-sidecar.validate" . }}
{{- if include "suppressd-sidecar.isNative" . -}}
- restartPolicy: Always
  {{- include "suppressd-sidecar.container" . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* Items of the pod's containers: the plain container below Kubernetes 1.29, else nothing. */}}
{{- define "suppressd-sidecar.containers" -}}
{{- include "suppressd-sidecar.validate" . }}
{{- if not (include "suppressd-sidecar.isNative" .) -}}
- {{ include "suppressd-sidecar.container" . | nindent 2 | trim }}
{{- end }}
{{- end }}

{{- /* Items of the pod's volumes. */}}
{{- define "suppressd-sidecar.volumes" -}}
{{- $v := index .Values "suppressd-sidecar" -}}
- name: suppressd-socket
  emptyDir: {}
{{- if not $v.data.existingVolume }}
- name: suppressd-data
  emptyDir: {sizeLimit: {{ $v.data.sizeLimit }}}
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
{{- end }}

{{- /* Items of volumeMounts of a container that asks. */}}
{{- define "suppressd-sidecar.volumeMounts" -}}
- name: suppressd-socket
  mountPath: {{ include "suppressd-sidecar.socket" . | trimPrefix "unix:" | dir }}
{{- end }}

{{- /* Items of env of a container that asks. */}}
{{- define "suppressd-sidecar.env" -}}
- name: SUPPRESSION_TARGET
  value: {{ include "suppressd-sidecar.socket" . | quote }}
{{- end }}

{{- /* The pod's grace period. */}}
{{- define "suppressd-sidecar.terminationGracePeriodSeconds" -}}
{{- (index .Values "suppressd-sidecar").terminationGracePeriodSeconds }}
{{- end }}
