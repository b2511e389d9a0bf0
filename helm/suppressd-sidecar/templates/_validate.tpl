{{- /* Values that contradict each other: one sentence each, which says what to do. */}}
{{- define "suppressd-sidecar.validate" -}}
{{- $v := index .Values "suppressd-sidecar" }}
{{- if not $v.image.repository }}
{{- fail "suppressd-sidecar.image.repository is missing: build the image with script/image, push it to your registry and set image.repository to where it is." }}
{{- end }}
{{- if and $v.image.tag $v.image.digest }}
{{- fail "suppressd-sidecar.image.tag and image.digest are both set: a digest names one image already, so remove image.tag." }}
{{- end }}
{{- if not $v.config.upstream }}
{{- fail "suppressd-sidecar.config.upstream is missing: set it to the server, such as suppressd.mail.svc:7025." }}
{{- end }}
{{- $local := `^(unix:|127\.|localhost:|\[::1\]:)` }}
{{- if and (not $v.config.insecure) (not (regexMatch $local $v.config.upstream)) }}
{{- fail "suppressd-sidecar.config.insecure is not set, and this version has no TLS: set config.insecure=true to accept plaintext to the upstream, where a NetworkPolicy closes the namespace." }}
{{- end }}
{{- if not (hasPrefix "unix:/" (first $v.config.listenAddress)) }}
{{- fail "suppressd-sidecar.config.listenAddress must begin with unix:PATH, the socket that your containers use: put other addresses after it." }}
{{- end }}
{{- range rest $v.config.listenAddress }}
{{- if not (regexMatch $local .) }}
{{- fail (printf "suppressd-sidecar.config.listenAddress has %s, which other pods can reach in plaintext: use a loopback address or a Unix socket." .) }}
{{- end }}
{{- end }}
{{- if not (regexMatch `^unix:/[^/]+(/[^/]+)+$` (first $v.config.listenAddress)) }}
{{- fail "suppressd-sidecar.config.listenAddress must put the socket into a folder of its own: give a path of at least two parts, such as unix:/run/suppressd/suppressd.sock." }}
{{- end }}
{{- if not (regexMatch `^/[^/]+(/[^/]+)+$` $v.config.dataDir) }}
{{- fail "suppressd-sidecar.config.dataDir must be a folder inside the volume's mount: give an absolute path of at least two parts, such as /var/lib/suppressd-sidecar/data." }}
{{- end }}
{{- range $file := list "policy" "rules" }}
{{- $source := index $v $file }}
{{- if and (index $v.config (printf "%sFile" $file)) $source.existingConfigMap }}
{{- fail (printf "suppressd-sidecar.config.%sFile and %s.existingConfigMap are both set: keep one of them." $file $file) }}
{{- end }}
{{- if and (not $source.existingConfigMap) (ne $source.key (printf "%s.yaml" $file)) }}
{{- fail (printf "suppressd-sidecar.%s.key is set, but %s.existingConfigMap is missing: name the ConfigMap that has this key, or remove %s.key." $file $file $file) }}
{{- end }}
{{- end }}
{{- if and $v.data.subPath (not $v.data.existingVolume) }}
{{- fail "suppressd-sidecar.data.subPath is set, but data.existingVolume is missing: name the volume of your pod, or remove data.subPath." }}
{{- end }}
{{- $drain := kindIs "invalid" $v.config.drainTimeoutSeconds | ternary 20 $v.config.drainTimeoutSeconds | int }}
{{- if le (int $v.terminationGracePeriodSeconds) $drain }}
{{- fail (printf "suppressd-sidecar.terminationGracePeriodSeconds is %d, but the sidecar may take %d s to deliver its reports (config.drainTimeoutSeconds): make it larger, or the drain shorter." (int $v.terminationGracePeriodSeconds) $drain) }}
{{- end }}
{{- range $v.extraEnv }}
{{- if hasPrefix "SUPPRESSD_" .name }}
{{- fail (printf "suppressd-sidecar.extraEnv has %s: set config.%s instead, so that the chart knows of it." .name (trimPrefix "SUPPRESSD_" .name | lower | camelcase | untitle)) }}
{{- end }}
{{- end }}
{{- $known := concat (splitList " " (include "suppressd-sidecar.plainOptions" .)) (list "listen_address" "policy_file" "rules_file" "tenants") }}
{{- range $v.extraArgs }}
{{- $option := regexReplaceAll `^--([^=]*).*$` . "${1}" }}
{{- if has $option $known }}
{{- fail (printf "suppressd-sidecar.extraArgs has --%s: set config.%s instead, so that the chart knows of it." $option ($option | camelcase | untitle)) }}
{{- end }}
{{- end }}
{{- include "suppressd-sidecar.validateExisting" . }}
{{- end }}
