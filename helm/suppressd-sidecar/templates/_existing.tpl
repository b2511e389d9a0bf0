{{- /* ConfigMaps that the values name but the cluster does not have. Only where a cluster is asked at all: every namespace
       has the ConfigMap kube-root-ca.crt, which `helm template` does not find. */}}
{{- define "suppressd-sidecar.validateExisting" -}}
{{- range $file := list "policy" "rules" }}
{{- $name := (index $.Values "suppressd-sidecar" $file).existingConfigMap }}
{{- if and $name (lookup "v1" "ConfigMap" $.Release.Namespace "kube-root-ca.crt") }}
{{- if not (lookup "v1" "ConfigMap" $.Release.Namespace $name) }}
{{- fail (printf "suppressd-sidecar.%s.existingConfigMap names the ConfigMap %s, which does not exist in the namespace %s: create it first." $file $name $.Release.Namespace) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
