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
{{- $tls := or $v.tls.existingSecret $v.config.upstreamTls $v.config.upstreamCaFile $v.config.upstreamCertFile $v.config.upstreamKeyFile $v.config.upstreamServerName }}
{{- if not (or $v.config.insecure $tls (regexMatch $local $v.config.upstream)) }}
{{- fail "suppressd-sidecar: there is no TLS to the upstream: set tls.existingSecret to a Secret with tls.crt, tls.key and ca.crt, or config.insecure=true to accept plaintext where a NetworkPolicy closes the namespace." }}
{{- end }}
{{- if and $v.tls.existingSecret (or $v.config.upstreamCaFile $v.config.upstreamCertFile $v.config.upstreamKeyFile) }}
{{- fail "suppressd-sidecar.tls.existingSecret and config.upstreamCaFile, upstreamCertFile or upstreamKeyFile are both set: keep one of them." }}
{{- end }}
{{- range append $v.config.listenAddress $v.config.upstream }}
{{- if not (or (hasPrefix "unix:" .) (and (regexMatch `:[1-9][0-9]*$` .) (le (regexFind `[0-9]+$` . | int) 65535))) }}
{{- fail (printf "suppressd-sidecar.config.listenAddress or upstream is %s, which has no port that can be used: give a number from 1 to 65535 that does not begin with 0." .) }}
{{- end }}
{{- end }}
{{- if not (hasPrefix "unix:/" (first $v.config.listenAddress)) }}
{{- fail "suppressd-sidecar.config.listenAddress must begin with unix:PATH, the socket that your containers use: put other addresses after it." }}
{{- end }}
{{- range rest $v.config.listenAddress }}
{{- if not (or $v.config.tlsCertFile (regexMatch $local .)) }}
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
{{- $logKey := $v.logKey }}
{{- if and $v.config.logKeyFile $logKey.existingSecret }}
{{- fail "suppressd-sidecar.config.logKeyFile and logKey.existingSecret are both set: keep one of them." }}
{{- end }}
{{- if and (not $logKey.existingSecret) (ne $logKey.key "key") }}
{{- fail "suppressd-sidecar.logKey.key is set, but logKey.existingSecret is missing: name the Secret that has this key, or remove logKey.key." }}
{{- end }}
{{- if not (regexMatch `^[0-9]*$` ($v.config.socketGroup | default "")) }}
{{- fail (printf "suppressd-sidecar.config.socketGroup is %s, but the image knows no groups of yours by name: give the number of the group, and add it to supplementalGroups in your pod's securityContext." $v.config.socketGroup) }}
{{- end }}
{{- include "suppressd-sidecar.validateSizes" . }}
{{- include "suppressd-sidecar.validateMounts" . }}
{{- if and $v.config.onEmptyTimeoutSeconds (ne ($v.config.onEmpty | default "wait") "fail") }}
{{- fail "suppressd-sidecar.config.onEmptyTimeoutSeconds is set, but only config.onEmpty=fail waits for it: set config.onEmpty=fail, or remove config.onEmptyTimeoutSeconds." }}
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
{{- $known := concat (splitList " " (include "suppressd-sidecar.plainOptions" .)) (list "listen_address" "policy_file" "rules_file" "log_key_file" "tenants") }}
{{- range $v.extraArgs }}
{{- $option := regexReplaceAll `^--([^=]*).*$` . "${1}" }}
{{- if has $option $known }}
{{- fail (printf "suppressd-sidecar.extraArgs has --%s: set config.%s instead, so that the chart knows of it." $option ($option | camelcase | untitle)) }}
{{- end }}
{{- end }}
{{- include "suppressd-sidecar.validateExisting" . }}
{{- end }}

{{- define "suppressd-sidecar.validateSizes" -}}
{{- $v := index .Values "suppressd-sidecar" }}
{{- $cache := kindIs "invalid" $v.config.blockCacheMib | ternary 64 $v.config.blockCacheMib | int64 }}
{{- $memory := dig "limits" "memory" "" $v.resources | default "" | toString }}
{{- $limit := empty $memory | ternary "0" $memory | include "suppressd-sidecar.mebibytes" | int64 }}
{{- if and $memory (ge (mul 2 $cache) $limit) }}
{{- fail (printf "suppressd-sidecar.config.blockCacheMib is %d, and twice that must be less than the memory limit of %d MiB (resources.limits.memory), since a new snapshot has a cache of its own: raise the limit, or make the cache smaller." $cache $limit) }}
{{- end }}
{{- $outbox := kindIs "invalid" $v.config.outboxMaxMib | ternary 256 $v.config.outboxMaxMib | int64 }}
{{- $room := include "suppressd-sidecar.mebibytes" ($v.data.sizeLimit | toString) | int64 }}
{{- if and (not $v.data.existingVolume) (ge $outbox $room) }}
{{- fail (printf "suppressd-sidecar.config.outboxMaxMib is %d, which the emptyDir of %d MiB (data.sizeLimit) does not hold beside the list: raise data.sizeLimit, or make the outbox smaller." $outbox $room) }}
{{- end }}
{{- if and $v.data.existingVolume (ne ($v.data.sizeLimit | toString) "4Gi") }}
{{- fail "suppressd-sidecar.data.sizeLimit is set, but it is the limit of an emptyDir, and data.existingVolume names a volume of yours: remove one of them." }}
{{- end }}
{{- end }}

{{- /* A quantity in MiB, rounded down. A number without unit is in bytes. */}}
{{- define "suppressd-sidecar.mebibytes" -}}
{{- $unit := regexFind `[A-Za-z]*$` . }}
{{- $bytes := dict "n" 0.000000001 "u" 0.000001 "m" 0.001 "" 1.0 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 "Pi" 1125899906842624.0 "Ei" 1152921504606846976.0 }}
{{- divf (mulf (trimSuffix $unit . | float64) (get $bytes $unit)) 1048576.0 | floor | int64 }}
{{- end }}

{{- define "suppressd-sidecar.validateMounts" -}}
{{- $v := index .Values "suppressd-sidecar" }}
{{- $mounts := list (include "suppressd-sidecar.socket" . | trimPrefix "unix:" | dir) (dir $v.config.dataDir) }}
{{- if $v.tls.existingSecret }}
{{- $mounts = append $mounts "/etc/suppressd/tls" }}
{{- end }}
{{- range $file := list "policy" "rules" }}
{{- if (index $v $file).existingConfigMap }}
{{- $mounts = append $mounts (printf "/etc/suppressd/%s" $file) }}
{{- end }}
{{- end }}
{{- if $v.logKey.existingSecret }}
{{- $mounts = append $mounts "/etc/suppressd/log-key" }}
{{- end }}
{{- range $v.extraVolumeMounts }}
{{- $mounts = append $mounts (clean .mountPath) }}
{{- end }}
{{- range $index, $path := $mounts }}
{{- if has $path (slice $mounts 0 $index) }}
{{- fail (printf "suppressd-sidecar: two volumes would be mounted at %s: give config.dataDir, config.listenAddress or extraVolumeMounts another folder." $path) }}
{{- end }}
{{- end }}
{{- end }}
