{{- /* Options that are passed on as they are; the key in `config` is the option in camel case. */}}
{{- define "suppressd-sidecar.plainOptions" -}}
upstream upstream_tls upstream_ca_file upstream_cert_file upstream_key_file upstream_server_name upstream_token_file management_address tls_cert_file tls_key_file tls_client_ca_file tls_client_certs access_file token_file jwks_file jwt_issuer jwt_audience quota_file data_dir port_file socket_mode socket_group log_level insecure channelz check_config max_request_kib max_calls max_batches max_listings max_mails max_watches max_connections max_connections_per_peer max_calls_per_connection drain_timeout_seconds min_free_disk_mib block_cache_mib change_log_max_revisions change_log_max_age_days replica_id on_empty on_empty_timeout_seconds forward_timeout_millis outbox_max_reports outbox_max_mib
{{- end }}

{{- /* Arguments of `suppressd sidecar`. Helm keeps numbers as floats, which print as 5e+06. */}}
{{- define "suppressd-sidecar.args" -}}
{{- $v := index .Values "suppressd-sidecar" -}}
- sidecar
{{- range $v.config.listenAddress }}
- {{ printf "--listen_address=%s" . | quote }}
{{- end }}
{{- range $v.config.tenants }}
- {{ printf "--tenants=%s" . | quote }}
{{- end }}
{{- range $file := list "policy" "rules" }}
{{- $path := index $v.config (printf "%sFile" $file) }}
{{- if (index $v $file).existingConfigMap }}
{{- $path = printf "/etc/suppressd/%s/%s.yaml" $file $file }}
{{- end }}
{{- with $path }}
- {{ printf "--%s_file=%s" $file . | quote }}
{{- end }}
{{- end }}
{{- if $v.tls.existingSecret }}
- "--upstream_ca_file=/etc/suppressd/tls/ca.crt"
- "--upstream_cert_file=/etc/suppressd/tls/tls.crt"
- "--upstream_key_file=/etc/suppressd/tls/tls.key"
{{- end }}
{{- with empty $v.logKey.existingSecret | ternary $v.config.logKeyFile "/etc/suppressd/log-key/key" }}
- {{ printf "--log_key_file=%s" . | quote }}
{{- end }}
{{- range $option := splitList " " (include "suppressd-sidecar.plainOptions" .) }}
{{- $value := index $v.config ($option | camelcase | untitle) }}
{{- if not (kindIs "invalid" $value) }}
- {{ printf "--%s=%s" $option (kindIs "float64" $value | ternary (int64 (kindIs "float64" $value | ternary $value 0)) $value | toString) | quote }}
{{- end }}
{{- end }}
{{- with $v.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}
