{{- /* Objects that the values name but the cluster does not have, or without the key that is named. Only where a cluster is
       asked at all: every namespace has the ConfigMap kube-root-ca.crt, which `helm template` does not find. Takes a list of
       root, kind, name, value, and the key where one of its keys is named. */}}
{{- define "suppressd.validateExisting" -}}
{{- $root := index . 0 }}
{{- $kind := index . 1 }}
{{- $name := index . 2 }}
{{- $value := index . 3 }}
{{- $asked := and $name $root.Values.checkExisting (not (include "suppressd.isExtra" (list $root $kind $name))) }}
{{- if and $asked (lookup "v1" "ConfigMap" $root.Release.Namespace "kube-root-ca.crt") }}
{{- $found := lookup "v1" $kind $root.Release.Namespace $name }}
{{- if not $found }}
{{- fail (printf "%s names the %s %s, which does not exist in the namespace %s: create it first, or set checkExisting=false where something else makes it in time." $value $kind $name $root.Release.Namespace) }}
{{- end }}
{{- if gt (len .) 4 }}
{{- $keys := concat (keys ($found.data | default dict)) (keys ($found.binaryData | default dict)) }}
{{- if not (has (index . 4) $keys) }}
{{- fail (printf "%s names the %s %s, which has no key %s: set %s.key to one that it has (%s)." $value $kind $name (index . 4) (first (splitList "." $value)) ($keys | sortAlpha | join ", ")) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Whether extraObjects makes an object. Takes a list of root, kind, name. */}}
{{- define "suppressd.isExtra" -}}
{{- $root := index . 0 }}
{{- $kind := index . 1 }}
{{- $name := index . 2 }}
{{- range $root.Values.extraObjects }}
{{- range regexSplit `(?m)^---` (tpl (kindIs "string" . | ternary . (toYaml .)) $root) -1 }}
{{- $object := fromYaml . }}
{{- if and (eq (toString $object.kind) $kind) (eq (toString ($object.metadata | default dict).name) $name) }}true{{ end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* What would lose sight of the list that is there, or what Kubernetes could not change. */}}
{{- define "suppressd.validateInstalled" -}}
{{- $name := include "suppressd.fullname" . }}
{{- $installed := lookup "apps/v1" "StatefulSet" .Release.Namespace $name }}
{{- range dig "spec" "template" "spec" "containers" list $installed }}
{{- range .args }}
{{- if and (hasPrefix "--data_dir=" .) (ne (base .) (base $.Values.config.dataDir)) }}
{{- fail (printf "config.dataDir is %s, but the installed server has its list in the folder %s of the volume, and would begin with an empty one: let config.dataDir end in /%s, or delete the StatefulSet first to begin anew." $.Values.config.dataDir (base .) (base .)) }}
{{- end }}
{{- end }}
{{- end }}
{{- $label := dig "spec" "selector" "matchLabels" "app.kubernetes.io/name" "" $installed }}
{{- if and $label (ne $label (include "suppressd.name" .)) }}
{{- fail (printf "nameOverride gives the name %s, but the installed server has %s in its selectors, which cannot change: set nameOverride=%s." (include "suppressd.name" .) $label $label) }}
{{- end }}
{{- if .Values.checkExisting }}
{{- range (lookup "apps/v1" "StatefulSet" .Release.Namespace "").items }}
{{- $labels := .metadata.labels | default dict }}
{{- $ours := and (eq (get $labels "app.kubernetes.io/instance") $.Release.Name) (eq (get $labels "app.kubernetes.io/component") "server") }}
{{- if and $ours (regexMatch (printf `^%s-[0-9]` $.Chart.Name) (get $labels "helm.sh/chart")) (ne .metadata.name $name) }}
{{- fail (printf "fullnameOverride and nameOverride give the name %s, but the installed server is called %s, and so is the claim with its list: set fullnameOverride=%s, or uninstall the release first." $name .metadata.name .metadata.name) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
