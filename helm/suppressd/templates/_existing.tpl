{{- /* Objects that the values name but the cluster does not have. Only where a cluster is asked at all: every namespace has
       the ConfigMap kube-root-ca.crt, which `helm template` does not find. Takes a list of root, kind, name, value. */}}
{{- define "suppressd.validateExisting" -}}
{{- $root := index . 0 }}
{{- $kind := index . 1 }}
{{- $name := index . 2 }}
{{- if and $name (lookup "v1" "ConfigMap" $root.Release.Namespace "kube-root-ca.crt") }}
{{- if not (lookup "v1" $kind $root.Release.Namespace $name) }}
{{- fail (printf "%s names the %s %s, which does not exist in the namespace %s: create it first." (index . 3) $kind $name $root.Release.Namespace) }}
{{- end }}
{{- end }}
{{- end }}
