{{- /* ConfigMaps and the Secret that the values name but the cluster does not have, or without the key that is named. Only where
       a cluster is asked at all: every namespace has the ConfigMap kube-root-ca.crt, which `helm template` does not find. */}}
{{- define "suppressd-sidecar.validateExisting" -}}
{{- $v := index .Values "suppressd-sidecar" }}
{{- $named := list (list "ConfigMap" $v.policy.existingConfigMap "policy" $v.policy.key) (list "ConfigMap" $v.rules.existingConfigMap "rules" $v.rules.key) (list "Secret" $v.logKey.existingSecret "logKey" $v.logKey.key) }}
{{- range $one := $named }}
{{- $kind := index $one 0 }}
{{- $name := index $one 1 }}
{{- $value := index $one 2 }}
{{- $key := index $one 3 }}
{{- if and $name $v.checkExisting (lookup "v1" "ConfigMap" $.Release.Namespace "kube-root-ca.crt") }}
{{- $found := lookup "v1" $kind $.Release.Namespace $name }}
{{- if not $found }}
{{- fail (printf "suppressd-sidecar.%s.existing%s names the %s %s, which does not exist in the namespace %s: create it first, or set suppressd-sidecar.checkExisting=false where your chart makes it." $value $kind $kind $name $.Release.Namespace) }}
{{- end }}
{{- $keys := concat (keys ($found.data | default dict)) (keys ($found.binaryData | default dict)) }}
{{- if not (has $key $keys) }}
{{- fail (printf "suppressd-sidecar.%s.existing%s names the %s %s, which has no key %s: set suppressd-sidecar.%s.key to one that it has (%s)." $value $kind $kind $name $key $value ($keys | sortAlpha | join ", ")) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
