{{- /* ConfigMaps that the values name but the cluster does not have, or without the key that is named. Only where a cluster is
       asked at all: every namespace has the ConfigMap kube-root-ca.crt, which `helm template` does not find. */}}
{{- define "suppressd-sidecar.validateExisting" -}}
{{- $v := index .Values "suppressd-sidecar" }}
{{- range $file := list "policy" "rules" }}
{{- $source := index $v $file }}
{{- $name := $source.existingConfigMap }}
{{- if and $name $v.checkExisting (lookup "v1" "ConfigMap" $.Release.Namespace "kube-root-ca.crt") }}
{{- $found := lookup "v1" "ConfigMap" $.Release.Namespace $name }}
{{- if not $found }}
{{- fail (printf "suppressd-sidecar.%s.existingConfigMap names the ConfigMap %s, which does not exist in the namespace %s: create it first, or set suppressd-sidecar.checkExisting=false where your chart makes it." $file $name $.Release.Namespace) }}
{{- end }}
{{- $keys := concat (keys ($found.data | default dict)) (keys ($found.binaryData | default dict)) }}
{{- if not (has $source.key $keys) }}
{{- fail (printf "suppressd-sidecar.%s.existingConfigMap names the ConfigMap %s, which has no key %s: set suppressd-sidecar.%s.key to one that it has (%s)." $file $name $source.key $file ($keys | sortAlpha | join ", ")) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
