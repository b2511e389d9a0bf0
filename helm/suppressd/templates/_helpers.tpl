{{- define "suppressd.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- /* At most 40 characters, so that every name made of it keeps within 63. */}}
{{- define "suppressd.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "suppressd.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "suppressd.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "suppressd.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "suppressd.fullname" .) }}
{{- end }}

{{- /* Frozen: a StatefulSet cannot change its selector. */}}
{{- define "suppressd.selectorLabels" -}}
app.kubernetes.io/name: {{ include "suppressd.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: server
{{- end }}

{{- define "suppressd.commonLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | trimSuffix "-" | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* metadata of an object: list of root, suffix of the name, component, annotations of its own, the name where it is
       another (else empty), and labels of its own. */}}
{{- define "suppressd.metadata" -}}
{{- $root := index . 0 -}}
name: {{ if and (gt (len .) 4) (index . 4) }}{{ index . 4 }}{{ else }}{{ include "suppressd.fullname" $root }}{{ index . 1 }}{{ end }}
namespace: {{ $root.Release.Namespace }}
labels:
  app.kubernetes.io/name: {{ include "suppressd.name" $root }}
  app.kubernetes.io/instance: {{ $root.Release.Name }}
  app.kubernetes.io/component: {{ index . 2 }}
  {{- include "suppressd.commonLabels" $root | nindent 2 }}
  {{- if gt (len .) 5 }}
  {{- with index . 5 }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- end }}
{{- with merge (dict) (index . 3 | default dict) ($root.Values.commonAnnotations | default dict) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "suppressd.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{- /* Whether only the machine itself reaches the address: a Unix socket or loopback. */}}
{{- define "suppressd.isLocal" -}}
{{- if regexMatch `^(unix:|127\.|localhost:|\[::1\]:)` . }}true{{ end }}
{{- end }}

{{- /* Port of the first address that others can reach; empty when there is none. */}}
{{- define "suppressd.port" -}}
{{- $port := "" }}
{{- range .Values.config.listenAddress }}
{{- if not (or $port (include "suppressd.isLocal" .)) }}
{{- $port = regexFind `[0-9]+$` . }}
{{- end }}
{{- end }}
{{- $port }}
{{- end }}

{{- define "suppressd.hasTls" -}}
{{- if or .Values.tls.existingSecret .Values.config.tlsCertFile }}true{{ end }}
{{- end }}

{{- /* Port of the management address; empty when there is none. */}}
{{- define "suppressd.managementPort" -}}
{{- if .Values.config.managementAddress }}{{ regexFind `[0-9]+$` .Values.config.managementAddress }}{{ else if include "suppressd.hasTls" . }}7026{{ end }}
{{- end }}

{{- /* Where the volume of backups is mounted. They lie in a folder of it, which the server makes for itself alone. */}}
{{- define "suppressd.backupMount" -}}/var/backups/suppressd{{- end }}

{{- define "suppressd.hasConfigMap" -}}
{{- if or .Values.policy.content .Values.rules.content .Values.access.content }}true{{ end }}
{{- end }}

{{- /* Options that are passed on as they are; the key in `config` is the option in camel case. */}}
{{- define "suppressd.plainOptions" -}}
data_dir port_file management_address tls_cert_file tls_key_file tls_client_ca_file tls_client_certs access_file token_file jwks_file jwt_issuer jwt_audience quota_file socket_mode socket_group log_level insecure channelz max_request_kib max_calls max_batches max_listings max_mails max_watches max_connections max_connections_per_peer max_calls_per_connection drain_timeout_seconds min_free_disk_mib block_cache_mib change_log_max_revisions change_log_max_age_days max_replicas max_snapshots snapshot_hold_minutes accept_clock bounce_retention_days request_window_days backup_dir backup_interval_hours backup_keep_count backup_keep_days
{{- end }}

{{- /* Arguments of `suppressd serve`. Helm keeps numbers as floats, which print as 5e+06. */}}
{{- define "suppressd.args" -}}
- serve
{{- range .Values.config.listenAddress }}
- {{ printf "--listen_address=%s" . | quote }}
{{- end }}
{{- range $file := list "policy" "rules" "access" }}
{{- $source := index $.Values $file }}
{{- $path := index $.Values.config (printf "%sFile" $file) }}
{{- if or $source.content $source.existingConfigMap }}
{{- $path = printf "/etc/suppressd/%s/%s.yaml" $file $file }}
{{- end }}
{{- with $path }}
- {{ printf "--%s_file=%s" $file . | quote }}
{{- end }}
{{- end }}
{{- with empty .Values.logKey.existingSecret | ternary .Values.config.logKeyFile "/etc/suppressd/log-key/key" }}
- {{ printf "--log_key_file=%s" . | quote }}
{{- end }}
{{- with .Values.tls.existingSecret }}
- "--tls_cert_file=/etc/suppressd/tls/tls.crt"
- "--tls_key_file=/etc/suppressd/tls/tls.key"
{{- if $.Values.tls.clientCa }}
- "--tls_client_ca_file=/etc/suppressd/tls/ca.crt"
{{- end }}
{{- end }}
{{- with .Values.tokens.existingSecret }}
- "--token_file=/etc/suppressd/tokens/tokens"
{{- end }}
{{- if .Values.backup.enabled }}
- "--backup_dir={{ include "suppressd.backupMount" . }}/backups"
{{- end }}
{{- if and (include "suppressd.managementPort" .) (not .Values.config.managementAddress) }}
- "--management_address=0.0.0.0:7026"
{{- end }}
{{- range $option := without (splitList " " (include "suppressd.plainOptions" .)) "access_file" }}
{{- $value := index $.Values.config ($option | camelcase | untitle) }}
{{- if not (kindIs "invalid" $value) }}
- {{ printf "--%s=%s" $option (kindIs "float64" $value | ternary (int64 (kindIs "float64" $value | ternary $value 0)) $value | toString) | quote }}
{{- end }}
{{- end }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}
