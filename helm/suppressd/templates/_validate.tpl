{{- /* Values that contradict each other: one sentence each, which says what to do. */}}
{{- define "suppressd.validate" -}}
{{- $v := .Values }}
{{- if not (kindIs "invalid" $v.enabled | ternary true $v.enabled) }}
{{- fail "enabled is false, but a chart cannot leave itself out: remove enabled, or name it as the condition of this dependency in your Chart.yaml." }}
{{- end }}
{{- range $name := list "nameOverride" "fullnameOverride" }}
{{- if gt (len (index $v $name | default "")) 40 }}
{{- fail (printf "%s has %d characters, and names of objects are made from 40 at most: shorten it." $name (len (index $v $name))) }}
{{- end }}
{{- end }}
{{- if not $v.image.repository }}
{{- fail "image.repository is missing: build the image with script/image, push it to your registry and set image.repository to where it is." }}
{{- end }}
{{- if and $v.image.tag $v.image.digest }}
{{- fail "image.tag and image.digest are both set: a digest names one image already, so remove image.tag." }}
{{- end }}
{{- range $index, $secret := $v.imagePullSecrets }}
{{- if not $secret.name }}
{{- fail (printf "imagePullSecrets[%d] has no name: give the name of a Secret of type kubernetes.io/dockerconfigjson." $index) }}
{{- end }}
{{- end }}
{{- if ne (int $v.replicas) 1 }}
{{- fail (printf "replicas is %d, but each server keeps a log of its own: set replicas to 1; to answer more checks give each sender a sidecar, to stop the server use kubectl scale statefulset." (int $v.replicas)) }}
{{- end }}
{{- include "suppressd.validateListening" . }}
{{- include "suppressd.validateFiles" . }}
{{- include "suppressd.validateStorage" . }}
{{- include "suppressd.validatePod" . }}
{{- end }}

{{- define "suppressd.validateListening" -}}
{{- $v := .Values }}
{{- range $v.config.listenAddress }}
{{- if not (or (hasPrefix "unix:" .) (and (regexMatch `:[1-9][0-9]*$` .) (le (regexFind `[0-9]+$` . | int) 65535))) }}
{{- fail (printf "config.listenAddress has %s, which has no port that can be used: give a number from 1 to 65535 that does not begin with 0." .) }}
{{- end }}
{{- end }}
{{- if not (include "suppressd.port" .) }}
{{- fail "config.listenAddress has no TCP address that others can reach, so the Services would lead nowhere: add one such as 0.0.0.0:7025." }}
{{- end }}
{{- $tls := include "suppressd.hasTls" . }}
{{- if not (or $v.config.insecure $tls) }}
{{- fail "there is no TLS: set tls.existingSecret to a Secret with tls.crt, tls.key and ca.crt, or config.insecure=true to accept plaintext inside the namespace." }}
{{- end }}
{{- if and $v.config.insecure $tls }}
{{- fail "config.insecure is true, but there is TLS: remove config.insecure, or tls.existingSecret and config.tlsCertFile." }}
{{- end }}
{{- if and $v.tls.existingSecret $v.config.tlsCertFile }}
{{- fail "tls.existingSecret and config.tlsCertFile are both set: keep one of them." }}
{{- end }}
{{- if and $v.tls.existingSecret (or $v.config.tlsKeyFile $v.config.tlsClientCaFile) }}
{{- fail "tls.existingSecret has the key and ca.crt already: remove config.tlsKeyFile and config.tlsClientCaFile." }}
{{- end }}
{{- if and (not $v.tls.existingSecret) (not $v.tls.clientCa) }}
{{- fail "tls.clientCa is false, but tls.existingSecret is missing: remove tls.clientCa." }}
{{- end }}
{{- if and $v.tokens.existingSecret $v.config.tokenFile }}
{{- fail "tokens.existingSecret and config.tokenFile are both set: keep one of them." }}
{{- end }}
{{- if and (not $v.tokens.existingSecret) (ne $v.tokens.key "tokens") }}
{{- fail "tokens.key is set, but tokens.existingSecret is missing: name the Secret that has this key, or remove tokens.key." }}
{{- end }}
{{- $access := or $v.config.accessFile $v.access.content $v.access.existingConfigMap }}
{{- if and (or $v.tokens.existingSecret $v.config.tokenFile $v.config.jwksFile) (not $access) }}
{{- fail "tokens mean nothing without an access file: set access.content, access.existingConfigMap or config.accessFile." }}
{{- end }}
{{- if and $tls (not (or $access $v.config.tlsClientCaFile (and $v.tls.existingSecret $v.tls.clientCa))) }}
{{- fail "TLS alone lets everyone in who can connect: set tls.clientCa=true, or an access file (access)." }}
{{- end }}
{{- if and $v.metrics.serviceMonitor.enabled (not (include "suppressd.managementPort" .)) }}
{{- fail "metrics.serviceMonitor.enabled is true, but there is no management port: set config.managementAddress, such as 0.0.0.0:7026." }}
{{- end }}
{{- if and $v.test.existingSecret (not $tls) }}
{{- fail "test.existingSecret is a client certificate, but there is no TLS: remove it." }}
{{- end }}
{{- if and $v.config.insecure (not $v.networkPolicy.enabled) }}
{{- fail "config.insecure=true needs networkPolicy.enabled=true: plaintext is allowed only where a NetworkPolicy says who may connect." }}
{{- end }}
{{- range $index, $peer := ternary $v.networkPolicy.from list $v.config.insecure }}
{{- if and (hasKey $peer "namespaceSelector") (include "suppressd.selectsAll" $peer.namespaceSelector) (include "suppressd.selectsAll" $peer.podSelector) }}
{{- fail (printf "networkPolicy.from[%d] lets everyone in, and config.insecure=true sends addresses in plaintext: name the namespaces, pods or networks that may connect." $index) }}
{{- end }}
{{- $block := dig "ipBlock" "cidr" "" $peer }}
{{- if and $block (lt (regexFind `[0-9]+$` $block | atoi) 8) }}
{{- fail (printf "networkPolicy.from[%d] lets in %s, and config.insecure=true sends addresses in plaintext: name the networks that may connect, each with a prefix of /8 or longer." $index $block) }}
{{- end }}
{{- end }}
{{- if and $v.networkPolicy.enabled (not (or $v.networkPolicy.sameNamespace $v.networkPolicy.from)) }}
{{- fail "networkPolicy.sameNamespace is false and networkPolicy.from is empty, so nobody could ask the server: name in networkPolicy.from who may connect." }}
{{- end }}
{{- $port := include "suppressd.port" . }}
{{- $needsIpv6 := or (has "IPv6" $v.service.ipFamilies) (has $v.service.ipFamilyPolicy (list "PreferDualStack" "RequireDualStack")) }}
{{- $hasIpv6 := false }}
{{- range $v.config.listenAddress }}
{{- if and (hasPrefix "[" .) (hasSuffix (printf "]:%s" $port) .) (not (include "suppressd.isLocal" .)) }}{{ $hasIpv6 = true }}{{ end }}
{{- end }}
{{- if and $needsIpv6 (not $hasIpv6) }}
{{- fail (printf "service.ipFamilies or service.ipFamilyPolicy asks for IPv6, but config.listenAddress has no IPv6 address with the port %s: set config.listenAddress to [::]:%s, which listens on IPv4 too." $port $port) }}
{{- end }}
{{- $sockets := false }}
{{- range $v.config.listenAddress }}
{{- if hasPrefix "unix:" . }}{{ $sockets = true }}{{ end }}
{{- end }}
{{- if and (or $v.config.socketMode $v.config.socketGroup) (not $sockets) }}
{{- fail "config.socketMode and config.socketGroup are about Unix sockets, and config.listenAddress has none: remove them, or add unix:PATH on a volume of yours." }}
{{- end }}
{{- with $v.config.socketGroup }}
{{- if not (regexMatch `^[0-9]+$` .) }}
{{- fail (printf "config.socketGroup is %s, but the image knows no groups of yours by name: give the number of the group." .) }}
{{- end }}
{{- $pod := $v.podSecurityContext }}
{{- $groups := concat (list $pod.runAsGroup $pod.fsGroup $v.securityContext.runAsGroup) ($pod.supplementalGroups | default list) }}
{{- $member := false }}
{{- range $groups }}
{{- if and (not (kindIs "invalid" .)) (eq (int64 .) (int64 $v.config.socketGroup)) }}{{ $member = true }}{{ end }}
{{- end }}
{{- if not $member }}
{{- fail (printf "config.socketGroup is %s, but the server may give a socket only to a group that it is in: add %s to podSecurityContext.supplementalGroups." . .) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Whether a label selector, which may be missing, selects everything. */}}
{{- define "suppressd.selectsAll" -}}
{{- $selector := . | default dict }}
{{- if not (or $selector.matchLabels $selector.matchExpressions) }}true{{ end }}
{{- end }}

{{- define "suppressd.validateFiles" -}}
{{- $v := .Values }}
{{- range $file := list "policy" "rules" "access" }}
{{- $source := index $v $file }}
{{- $path := index $v.config (printf "%sFile" $file) }}
{{- if and $source.content $source.existingConfigMap }}
{{- fail (printf "%s.content and %s.existingConfigMap are both set: keep one of them." $file $file) }}
{{- end }}
{{- if and $path (or $source.content $source.existingConfigMap) }}
{{- fail (printf "config.%sFile and %s are both set: remove config.%sFile, or %s.content and %s.existingConfigMap." $file $file $file $file $file) }}
{{- end }}
{{- if and (not $source.existingConfigMap) (ne $source.key (printf "%s.yaml" $file)) }}
{{- fail (printf "%s.key is set, but %s.existingConfigMap is missing: name the ConfigMap that has this key, or remove %s.key." $file $file $file) }}
{{- end }}
{{- end }}
{{- $logKey := $v.logKey }}
{{- if and $v.config.logKeyFile $logKey.existingSecret }}
{{- fail "config.logKeyFile and logKey.existingSecret are both set: keep one of them." }}
{{- end }}
{{- if and (not $logKey.existingSecret) (ne $logKey.key "key") }}
{{- fail "logKey.key is set, but logKey.existingSecret is missing: name the Secret that has this key, or remove logKey.key." }}
{{- end }}
{{- end }}

{{- define "suppressd.validateStorage" -}}
{{- $p := .Values.persistence }}
{{- $class := not (kindIs "invalid" $p.storageClass) }}
{{- if and $p.existingClaim $class }}
{{- fail "persistence.existingClaim and persistence.storageClass are both set: the claim has its storage class already, so remove persistence.storageClass, or persistence.existingClaim to have a claim made." }}
{{- end }}
{{- if and $p.existingClaim $p.annotations }}
{{- fail "persistence.existingClaim and persistence.annotations are both set: the chart does not change a claim of yours, so annotate it yourself and remove persistence.annotations." }}
{{- end }}
{{- if and (not $p.enabled) (or $p.existingClaim $class $p.annotations) }}
{{- fail "persistence.enabled is false, but persistence.existingClaim, storageClass or annotations is set: set persistence.enabled=true to use it, or remove it." }}
{{- end }}
{{- $b := .Values.backup }}
{{- $backupClass := not (kindIs "invalid" $b.storageClass) }}
{{- if and $b.existingClaim $backupClass }}
{{- fail "backup.existingClaim and backup.storageClass are both set: the claim has its storage class already, so remove backup.storageClass, or backup.existingClaim to have a claim made." }}
{{- end }}
{{- if and $b.existingClaim $b.annotations }}
{{- fail "backup.existingClaim and backup.annotations are both set: the chart does not change a claim of yours, so annotate it yourself and remove backup.annotations." }}
{{- end }}
{{- if and (not $b.enabled) (or $b.existingClaim $backupClass $b.annotations) }}
{{- fail "backup.enabled is false, but backup.existingClaim, storageClass or annotations is set: set backup.enabled=true to use it, or remove it." }}
{{- end }}
{{- if and $b.enabled .Values.config.backupDir }}
{{- fail "backup.enabled and config.backupDir are both set: keep one of them." }}
{{- end }}
{{- if not (regexMatch `^/[^/]+(/[^/]+)+$` .Values.config.dataDir) }}
{{- fail "config.dataDir must be a folder inside the volume's mount: give an absolute path of at least two parts, such as /var/lib/suppressd/data." }}
{{- end }}
{{- $mounts := list (dir .Values.config.dataDir) }}
{{- range $file := list "policy" "rules" "access" }}
{{- $source := index $.Values $file }}
{{- if or $source.content $source.existingConfigMap }}
{{- $mounts = append $mounts (printf "/etc/suppressd/%s" $file) }}
{{- end }}
{{- end }}
{{- range $secret := list "tls" "tokens" }}
{{- if (index $.Values $secret).existingSecret }}
{{- $mounts = append $mounts (printf "/etc/suppressd/%s" $secret) }}
{{- end }}
{{- end }}
{{- if .Values.logKey.existingSecret }}
{{- $mounts = append $mounts "/etc/suppressd/log-key" }}
{{- end }}
{{- if $b.enabled }}
{{- $mounts = append $mounts (include "suppressd.backupMount" .) }}
{{- end }}
{{- range .Values.extraVolumeMounts }}
{{- $mounts = append $mounts (clean .mountPath) }}
{{- end }}
{{- range $index, $path := $mounts }}
{{- if has $path (slice $mounts 0 $index) }}
{{- fail (printf "two volumes would be mounted at %s: give config.dataDir or extraVolumeMounts another folder." $path) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* A quantity in MiB, rounded down. A number without unit is in bytes. */}}
{{- define "suppressd.mebibytes" -}}
{{- $unit := regexFind `[A-Za-z]*$` . }}
{{- $bytes := dict "n" 0.000000001 "u" 0.000001 "m" 0.001 "" 1.0 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 "Pi" 1125899906842624.0 "Ei" 1152921504606846976.0 }}
{{- divf (mulf (trimSuffix $unit . | float64) (get $bytes $unit)) 1048576.0 | floor | int64 }}
{{- end }}

{{- define "suppressd.validatePod" -}}
{{- $v := .Values }}
{{- $drain := kindIs "invalid" $v.config.drainTimeoutSeconds | ternary 20 $v.config.drainTimeoutSeconds | int }}
{{- if le (int $v.terminationGracePeriodSeconds) $drain }}
{{- fail (printf "terminationGracePeriodSeconds is %d, but the server may take %d s to drain (config.drainTimeoutSeconds): make it larger, or the drain shorter." (int $v.terminationGracePeriodSeconds) $drain) }}
{{- end }}
{{- $cache := kindIs "invalid" $v.config.blockCacheMib | ternary 256 $v.config.blockCacheMib | int }}
{{- $memory := dig "limits" "memory" "" $v.resources | default "" | toString }}
{{- $limit := empty $memory | ternary "0" $memory | include "suppressd.mebibytes" | int64 }}
{{- if and $memory (ge (int64 $cache) $limit) }}
{{- fail (printf "config.blockCacheMib is %d, which the memory limit of %d MiB (resources.limits.memory) does not hold: raise the limit, or make the cache smaller." $cache $limit) }}
{{- end }}
{{- if and (not $v.serviceAccount.create) (not $v.serviceAccount.name) }}
{{- fail "serviceAccount.create is false and serviceAccount.name is missing: name the ServiceAccount to use, such as default." }}
{{- end }}
{{- if and (not $v.serviceAccount.create) $v.serviceAccount.annotations }}
{{- fail "serviceAccount.annotations is set, but serviceAccount.create is false: annotate your ServiceAccount yourself, and remove serviceAccount.annotations." }}
{{- end }}
{{- if not (kindIs "invalid" $v.podDisruptionBudget.minAvailable) }}
{{- fail "podDisruptionBudget.minAvailable is set, but with one server it would keep the node from ever being drained, or do nothing: remove it, and set podDisruptionBudget.maxUnavailable." }}
{{- end }}
{{- range $labels := list "commonLabels" "podLabels" }}
{{- range $key := list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" }}
{{- if hasKey (index $v $labels | default dict) $key }}
{{- fail (printf "%s has %s, which the selectors use: remove it; nameOverride changes the name before the first install." $labels $key) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $v.extraEnv }}
{{- if hasPrefix "SUPPRESSD_" .name }}
{{- fail (printf "extraEnv has %s: set config.%s instead, so that the chart knows of it." .name (trimPrefix "SUPPRESSD_" .name | lower | camelcase | untitle)) }}
{{- end }}
{{- end }}
{{- $known := concat (splitList " " (include "suppressd.plainOptions" .)) (list "listen_address" "policy_file" "rules_file" "log_key_file" "check_config") }}
{{- range $v.extraArgs }}
{{- $option := regexReplaceAll `^--([^=]*).*$` . "${1}" }}
{{- if has $option $known }}
{{- fail (printf "extraArgs has --%s: set config.%s instead, so that the chart knows of it." $option ($option | camelcase | untitle)) }}
{{- end }}
{{- end }}
{{- end }}
