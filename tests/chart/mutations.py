"""A changed value for every value of the charts, and what must stand beside it to be allowed."""
from charts import at, merged

KUBERNETES_OWN = {
    "tolerations": [{"key": "mail", "operator": "Exists"}],
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
    "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}]}}},
    "nodeSelector": {"disk": "ssd"},
    "extraEnv": [{"name": "TZ", "value": "UTC"}],
    "extraArgs": ["--of_a_later_version=1"],
    "extraVolumes": [{"name": "more", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "data", "mountPath": "/mnt/more"}],
    "extraContainers": [{"name": "beside", "image": "registry.example.com/beside:1"}],
    "extraInitContainers": [{"name": "before", "image": "registry.example.com/before:1"}],
    "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-more"}}],
}
DIGEST = "sha256:" + "0123456789abcdef" * 4
# Memory limits and what they are in MiB.
QUANTITIES = {"512Mi": 512, "2Gi": 2048, "0.5Gi": 512, "200M": 190, "1.5G": 1430, "300000k": 286, "0.001T": 953,
              "524288Ki": 512, 536870912: 512, "536870912": 512, "536870912000m": 512}
CONFIG = {
    "listenAddress": ["[::]:7026"], "dataDir": "/data/suppressd", "policyFile": "/mnt/policy.yaml", "rulesFile": "/mnt/rules.yaml",
    "backupDir": "/mnt/backups", "portFile": "/mnt/ports", "socketMode": "0600", "socketGroup": "65532", "logLevel": "warning", "logKeyFile": "/mnt/log_key", "channelz": False,
    "checkConfig": True, "managementAddress": "0.0.0.0:7027", "tlsClientCerts": "optional",
    **{name: f"/mnt/{name}" for name in ("tlsCertFile", "tlsKeyFile", "tlsClientCaFile", "accessFile", "tokenFile", "jwksFile",
                                              "quotaFile")},
    "jwtIssuer": "https://issuer.example.com", "jwtAudience": "suppressd",
}
NO_TLS_BESIDE = {"config.tokenFile": at("config.accessFile", "/mnt/access"), "config.jwksFile": at("config.accessFile", "/mnt/access")}
OWN_TLS = merged(at("config.insecure", False), at("config.tlsClientCaFile", "/mnt/ca"), at("config.tlsCertFile", "/mnt/first"))
MANAGED = at("config.managementAddress", "0.0.0.0:7026")
WITH_TLS = merged(at("config.insecure", False), at("tls.existingSecret", "certs"))
SERVER = {
    "nameOverride": "list", "fullnameOverride": "list", "commonLabels": {"team": "mail"}, "commonAnnotations": {"team": "mail"},
    "image.repository": "registry.example.com/other", "image.tag": "0.2.0", "image.digest": DIGEST, "image.pullPolicy": "Always",
    "imagePullSecrets": [{"name": "registry"}],
    **{f"config.{key}": value for key, value in CONFIG.items()},
    "config.acceptClock": "2026-11-28", "policy.content": "default:\n  complaint: {action: record}\n", "policy.existingConfigMap": "mine", "policy.key": "p.yaml",
    "rules.content": "words:\n  gone: 'parti'\n", "rules.existingConfigMap": "mine", "rules.key": "r.yaml",
    "logKey.existingSecret": "mine", "logKey.key": "k",
    "persistence.existingClaim": "mine", "persistence.storageClass": "fast", "persistence.size": "20Gi",
    "persistence.annotations": {"team": "mail"},
    "backup.existingClaim": "mine", "backup.storageClass": "fast", "backup.size": "40Gi", "backup.annotations": {"team": "mail"},
    "service.annotations": {"team": "mail"}, "service.ipFamilyPolicy": "PreferDualStack", "service.ipFamilies": ["IPv6"],
    "networkPolicy.from": [{"namespaceSelector": {"matchLabels": {"team": "mail"}}}],
    "networkPolicy.egress": [{"to": [{"podSelector": {}}]}],
    "serviceAccount.name": "mine", "serviceAccount.annotations": {"team": "mail"},
    "updateStrategy": "OnDelete", "podAnnotations": {"team": "mail"}, "podLabels": {"team": "mail"},
    "podSecurityContext.fsGroupChangePolicy": "Always", "podSecurityContext.seccompProfile.type": "Unconfined",
    "securityContext.capabilities.drop": ["NET_RAW"],
    "resources.requests.cpu": "200m", "resources.requests.memory": "768Mi", "resources.limits.memory": "2Gi",
    "priorityClassName": "high", "test.tenant": "try", **KUBERNETES_OWN,
    "metrics.serviceMonitor.labels": {"release": "prometheus"}, "metrics.serviceMonitor.interval": "1m",
    "metrics.dashboard.labels": {"folder": "mail"}, "metrics.prometheusRule.labels": {"release": "prometheus"}, "metrics.prometheusRule.alertLabels": {"team": "mail"},
    "tls.existingSecret": "others", "access.content": "identities: []\n", "access.existingConfigMap": "mine", "access.key": "a.yaml",
    "tokens.existingSecret": "tokens", "tokens.key": "t", "test.existingSecret": "client",
}
SERVER_BESIDE = {
    "config.socketMode": at("config.listenAddress", ["0.0.0.0:7025", "unix:/mnt/s.sock"]),
    "config.socketGroup": at("config.listenAddress", ["0.0.0.0:7025", "unix:/mnt/s.sock"]),
    "service.ipFamilyPolicy": at("config.listenAddress", ["[::]:7025"]),
    "service.ipFamilies": at("config.listenAddress", ["[::]:7025"]),
    "config.tlsCertFile": OWN_TLS, "config.tlsClientCaFile": {}, "tls.existingSecret": WITH_TLS,
    "tls.clientCa": merged(WITH_TLS, at("config.accessFile", "/mnt/access")),
    "access.key": at("access.existingConfigMap", "mine"), "tokens.existingSecret": at("config.accessFile", "/mnt/access"),
    "tokens.key": merged(at("tokens.existingSecret", "mine"), at("config.accessFile", "/mnt/access")),
    "test.existingSecret": WITH_TLS, **NO_TLS_BESIDE, "metrics.serviceMonitor.enabled": MANAGED,
    "metrics.serviceMonitor.labels": merged(MANAGED, at("metrics.serviceMonitor.enabled", True)),
    "metrics.serviceMonitor.interval": merged(MANAGED, at("metrics.serviceMonitor.enabled", True)),
    "metrics.prometheusRule.labels": at("metrics.prometheusRule.enabled", True),
    "metrics.dashboard.labels": at("metrics.dashboard.enabled", True),
    "metrics.prometheusRule.alertLabels": at("metrics.prometheusRule.enabled", True),
    "policy.key": at("policy.existingConfigMap", "mine"), "rules.key": at("rules.existingConfigMap", "mine"),
    "logKey.key": at("logKey.existingSecret", "mine"),
    **{f"backup.{name}": at("backup.enabled", True) for name in ("existingClaim", "storageClass", "size", "annotations")},
    "networkPolicy.sameNamespace": at("networkPolicy.from", [{"namespaceSelector": {"matchLabels": {"team": "mail"}}}]),
    "serviceAccount.create": at("serviceAccount.name", "mine"),
    "podDisruptionBudget.maxUnavailable": at("podDisruptionBudget.enabled", True),
}
# One value alone is allowed today; that every other is refused with its sentence, rejected.py says. What checkExisting
# changes, existing_test.py says.
SERVER_FIXED = {"replicas", "config.insecure", "networkPolicy.enabled", "checkExisting"}
SIDECAR_FIXED = {"checkExisting"}

SIDECAR = {
    "name": "list", "native": False, "image.repository": "registry.example.com/other", "image.tag": "0.2.0",
    "image.digest": DIGEST, "image.pullPolicy": "Always",
    **{f"config.{key}": value for key, value in CONFIG.items()},
    "config.upstream": "elsewhere:7025", "config.insecure": False, "tls.existingSecret": "certs",
    "config.upstreamCaFile": "/mnt/ca", "config.upstreamCertFile": "/mnt/cert", "config.upstreamKeyFile": "/mnt/key",
    "config.upstreamServerName": "suppressd", "config.upstreamTokenFile": "/mnt/token", "config.upstreamTls": True, "config.listenAddress": ["unix:/run/other/s.sock"], "config.replicaId": "here",
    "config.tenants": ["shop"], "config.onEmpty": "unknown",
    "policy.existingConfigMap": "mine", "policy.key": "p.yaml", "rules.existingConfigMap": "mine", "rules.key": "r.yaml",
    "logKey.existingSecret": "mine", "logKey.key": "k",
    "data.existingVolume": "mine", "data.subPath": "sidecar", "data.sizeLimit": "8Gi",
    "securityContext.seccompProfile.type": "Unconfined", "securityContext.capabilities.drop": ["NET_RAW"],
    "resources.requests.cpu": "200m", "resources.requests.memory": "256Mi", "resources.limits.memory": "1Gi",
    "extraEnv": KUBERNETES_OWN["extraEnv"], "extraArgs": KUBERNETES_OWN["extraArgs"],
    "extraVolumeMounts": KUBERNETES_OWN["extraVolumeMounts"],
}
SIDECAR_BESIDE = {
    "policy.key": at("policy.existingConfigMap", "mine"), "rules.key": at("rules.existingConfigMap", "mine"),
    "logKey.key": at("logKey.existingSecret", "mine"),
    "data.subPath": at("data.existingVolume", "mine"),
    "config.insecure": at("config.upstream", "127.0.0.1:7025"),
    "config.onEmptyTimeoutSeconds": at("config.onEmpty", "fail"),
}


def changed(path, value, table, schema):
    """Another value for a path: from the table, the other boolean, a number one higher, or the least the schema allows."""
    if path in table:
        return table[path]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if value is None and "minimum" in schema:
        return schema["minimum"] + 1
    raise KeyError(f"mutations.py has no changed value for {path}")
