#!/usr/bin/env python3
"""helm/suppressd: what it renders, refuses, and never changes."""
import json
import pathlib
import unittest

import yaml

import charts
import mutations
import rejected
from charts import Chart, NEWEST, OLDEST, ROOT, SERVER, at, breaches, containers, leaves, merged

CHART = ROOT / "helm" / "suppressd"
PLAIN = ROOT / "helm" / "examples" / "plain"
chart = Chart("suppressd", SERVER)
POLICY = "default:\n  complaint: {action: record}\n"
RULES = "words:\n  gone: 'parti'\n"
# A null below them is Kubernetes' own default.
IN_KUBERNETES_FORM = ("podSecurityContext.", "securityContext.", "resources.")
# What people combine; each is held against the schemas of the oldest and the newest Kubernetes.
MATRIX = [
    {},
    merged(at("policy.content", POLICY), at("rules.content", RULES), at("config.checkConfig", True)),
    merged(at("policy.existingConfigMap", "mine"), at("rules", {"existingConfigMap": "mine", "key": "r"})),
    at("logKey", {"existingSecret": "mine", "key": "k"}),
    at("persistence.existingClaim", "mine"),
    at("persistence", {"storageClass": "", "annotations": {"a": "b"}}),
    at("persistence.enabled", False),
    merged(at("backup", {"enabled": True, "storageClass": "", "annotations": {"a": "b"}}), at("config.backupIntervalHours", 1)),
    at("backup", {"enabled": True, "existingClaim": "mine"}),
    at("podDisruptionBudget.enabled", True),
    merged(at("networkPolicy", {"sameNamespace": False, "from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}],
                                "egress": [{"ports": [{"port": 53}]}]})),
    at("serviceAccount", {"create": False, "name": "default"}),
    merged(at("service", {"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv6", "IPv4"], "annotations": {"a": "b"}}),
           at("config.listenAddress", ["[::]:7025"])),
    merged(at("commonLabels", {"team": "mail"}), at("commonAnnotations", {"team": "mail"}), at("podLabels", {"a": "b"}),
           at("podAnnotations", {"a": "b"}), at("imagePullSecrets", [{"name": "registry"}]),
           at("priorityClassName", "high"), mutations.KUBERNETES_OWN),
    at("image.digest", mutations.DIGEST),
    merged(at("config", {"listenAddress": ["[::]:7025", "unix:/mnt/more/s.sock"], "socketGroup": "8"}),
           at("podSecurityContext.supplementalGroups", [7, 8]),
           at("extraVolumes", mutations.KUBERNETES_OWN["extraVolumes"]),
           at("extraVolumeMounts", [{"name": "more", "mountPath": "/mnt/more"}])),
]


def pod_of(changes=None):
    return chart.object("StatefulSet", changes)["spec"]["template"]["spec"]


class Renders(unittest.TestCase):
    def test_lint_finds_nothing(self):
        result = charts.run(charts.tool("helm"), "lint", "--strict", "--kube-version", OLDEST, chart.folder,
                            "--set", "image.repository=x,config.insecure=true")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertNotRegex(result.stdout, r"\[(WARNING|ERROR)\]")

    def test_every_combination_is_valid_for_the_oldest_and_the_newest_kubernetes(self):
        for version in OLDEST, NEWEST:
            self.assertEqual(charts.invalid("\n---\n".join(chart.many(MATRIX, version)), version), "")

    def test_a_disruption_budget_lets_a_server_go_that_is_not_ready(self):
        for allowed in 0, 1, "50%":
            changes = at("podDisruptionBudget", {"enabled": True, "maxUnavailable": allowed})
            spec = chart.object("PodDisruptionBudget", changes)["spec"]
            self.assertEqual(spec["maxUnavailable"], allowed)
            self.assertEqual(spec["unhealthyPodEvictionPolicy"], "AlwaysAllow")
            self.assertEqual(charts.invalid(chart.text(changes), OLDEST), "")

    def test_schemas_of_kubernetes_are_strict(self):
        self.assertIn("periodSecondz", charts.invalid(chart.text().replace("periodSeconds", "periodSecondz"), OLDEST))

    def test_an_older_kubernetes_is_refused(self):
        result = chart.template(version="1.28.0")
        self.assertIn("requires kubeVersion: >=1.29", result.stderr)

    def test_pods_hold_under_pod_security_restricted(self):
        for changes in {}, MATRIX[1]:
            self.assertEqual(breaches(pod_of(changes)), [])
            self.assertEqual(breaches(chart.object("Pod", changes)["spec"]), [])
        self.assertIs(chart.object("ServiceAccount")["automountServiceAccountToken"], False)

    def test_restricted_is_really_looked_at(self):
        self.assertIn("suppressd: read-only root", breaches(pod_of(at("securityContext.readOnlyRootFilesystem", False))))

    def test_the_log_key_is_mounted_so_that_only_the_group_reads_it(self):
        pod = pod_of(at("logKey", {"existingSecret": "mine", "key": "k"}))
        volume = next(volume for volume in pod["volumes"] if volume["name"] == "log-key")
        self.assertEqual(volume["secret"], {"secretName": "mine", "defaultMode": 0o440, "items": [{"key": "k", "path": "key"}]})
        self.assertIn("--log_key_file=/etc/suppressd/log-key/key", pod["containers"][0]["args"])
        self.assertIn({"name": "log-key", "mountPath": "/etc/suppressd/log-key", "readOnly": True},
                      pod["containers"][0]["volumeMounts"])
        self.assertEqual(pod["securityContext"]["fsGroup"], 65532)

    def test_backups_have_a_volume_that_outlives_the_release(self):
        changes = at("backup", {"enabled": True, "annotations": {"a": "b"}})
        claim = chart.object("PersistentVolumeClaim", changes)
        self.assertEqual(claim["metadata"]["name"], "r-suppressd-backups")
        self.assertEqual(claim["metadata"]["annotations"], {"a": "b", "helm.sh/resource-policy": "keep"})
        self.assertEqual(claim["spec"], {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "20Gi"}}})
        pod = pod_of(changes)
        self.assertIn({"name": "backups", "persistentVolumeClaim": {"claimName": "r-suppressd-backups"}}, pod["volumes"])
        self.assertIn({"name": "backups", "mountPath": "/var/backups/suppressd"}, pod["containers"][0]["volumeMounts"])
        self.assertIn("--backup_dir=/var/backups/suppressd/backups", pod["containers"][0]["args"])
        own = at("backup", {"enabled": True, "existingClaim": "mine"})
        self.assertIn({"name": "backups", "persistentVolumeClaim": {"claimName": "mine"}}, pod_of(own)["volumes"])
        self.assertEqual([part for part in chart.objects(own) if part["kind"] == "PersistentVolumeClaim"], [])

    def test_policy_and_rules_are_mounted_as_given(self):
        changes = merged(at("policy.content", POLICY), at("rules.content", RULES))
        self.assertEqual(chart.object("ConfigMap", changes)["data"], {"policy.yaml": POLICY, "rules.yaml": RULES})
        pod = pod_of(changes)
        container = pod["containers"][0]
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        for name in "policy", "rules":
            self.assertIn(f"--{name}_file=/etc/suppressd/{name}/{name}.yaml", container["args"])
            self.assertEqual(mounts[f"/etc/suppressd/{name}"], name)
            source = next(volume["configMap"] for volume in pod["volumes"] if volume["name"] == name)
            self.assertEqual(source, {"name": "r-suppressd-config", "items": [{"key": f"{name}.yaml", "path": f"{name}.yaml"}]})

    def test_a_changed_policy_restarts_the_pod(self):
        def checksum(policy):
            template = chart.object("StatefulSet", at("policy.content", policy))["spec"]["template"]
            return template["metadata"]["annotations"]["checksum/config"]
        self.assertNotEqual(checksum("a: 1"), checksum("a: 2"))

    def test_probes_ask_for_the_process_and_for_the_service(self):
        container = pod_of(at("config.listenAddress", ["127.0.0.1:9", "[::]:7100"]))["containers"][0]
        self.assertEqual(container["ports"], [{"name": "grpc", "containerPort": 7100, "protocol": "TCP"}])
        # commands_test.py says why not by gRPC.
        for probe in "startupProbe", "livenessProbe":
            self.assertEqual({key for key in container[probe] if not key.endswith(("Seconds", "Threshold"))}, {"tcpSocket"})
            self.assertEqual(container[probe]["tcpSocket"], {"port": "grpc"})
        self.assertEqual(container["readinessProbe"]["grpc"], {"port": 7100, "service": "suppressd.v1.SuppressionService"})

    def test_the_helm_test_reports_reads_reactivates_and_checks_in_order(self):
        pod = chart.object("Pod")
        self.assertEqual(pod["metadata"]["annotations"]["helm.sh/hook"], "test")
        steps = [container["name"] for part in containers(pod["spec"]) for container in part]
        self.assertEqual(steps, ["status", "report", "details", "reactivate", "check"])

    def test_notes_tell_the_next_command(self):
        notes = chart.folder / "templates" / "notes-for-the-test.yaml"
        notes.write_text('notes: {{ include (print .Template.BasePath "/NOTES.txt") . | quote }}\n')
        self.addCleanup(notes.unlink)
        text = next(part["notes"] for part in chart.objects(at("persistence.enabled", False)) if "notes" in part)
        self.assertIn("helm test r --namespace mail --logs", text)
        self.assertIn("r-suppressd.mail.svc:7025", text)
        self.assertIn("LOST WITH THE POD", text)


class Frozen(unittest.TestCase):
    def test_names_selectors_and_claims_are_as_released(self):
        frozen = {}
        for part in chart.objects(MATRIX[1]):
            spec, kept = part.get("spec", {}), {}
            for key in ("selector", "podSelector", "serviceName", "podManagementPolicy", "volumeClaimTemplates", "clusterIP"):
                if key in spec:
                    kept[key] = spec[key]
            if "template" in spec:
                kept["containers"] = [container["name"] for container in spec["template"]["spec"]["containers"]]
                labels = spec["template"]["metadata"]["labels"]
                kept["labels"] = {key: value for key, value in labels.items() if key in spec["selector"]["matchLabels"]}
            frozen[f"{part['kind']}/{part['metadata']['name']}"] = kept
        self.assertEqual(frozen, yaml.safe_load((pathlib.Path(__file__).parent / "frozen.yaml").read_text()))

    def test_the_plain_example_is_what_the_chart_renders(self):
        parts = []
        for part in chart.objects(release="suppressd"):
            if part["kind"] == "Pod":
                continue
            del part["metadata"]["namespace"]
            for label in "helm.sh/chart", "app.kubernetes.io/managed-by":
                del part["metadata"]["labels"][label]
            parts.append(part)
        text = (PLAIN / "server.yaml").read_text()
        self.assertEqual(list(yaml.safe_load_all(text)), parts)


class Values(unittest.TestCase):
    def setUp(self):
        self.schema = json.loads((CHART / "values.schema.json").read_text())
        self.defaults = yaml.safe_load((CHART / "values.yaml").read_text())

    def schema_of(self, path):
        schema = self.schema
        for key in path.split("."):
            schema = schema.get("properties", {}).get(key, {})
        return schema

    def test_every_value_changes_the_output(self):
        changed = {}
        for path, value in leaves(self.defaults):
            if path not in mutations.SERVER_FIXED:
                change = at(path, mutations.changed(path, value, mutations.SERVER, self.schema_of(path)))
                changed[path] = mutations.SERVER_BESIDE.get(path, {}), change
        charts.check_every_value_changes_the_output(self, chart, self.defaults, changed)

    def test_unknown_keys_are_refused_wherever_they_stand(self):
        charts.check_unknown_keys(self, chart, self.defaults, ("resources.requests", "resources.limits"))

    def test_global_and_enabled_are_allowed(self):
        chart.text({"global": {"any": {"thing": 1}}, "enabled": True})

    def test_null_for_what_the_chart_needs_is_refused_by_name(self):
        needed = [path for path in charts.folders(self.defaults) if not path.startswith(IN_KUBERNETES_FORM)]
        needed += [path for path, value in leaves(self.defaults) if not path.startswith(IN_KUBERNETES_FORM) and
                   value not in (None, "", [], {}) and "null" not in self.schema_of(path).get("type", ())]
        self.assertGreater(len(needed), 40)
        # A path and what is below it cannot be null at once.
        for depth in {path.count(".") for path in needed}:
            paths = [path for path in needed if path.count(".") == depth]
            said = chart.template(merged(*(at(path, None) for path in paths))).stderr
            for path in paths:
                folder, _, name = path.rpartition(".")
                self.assertIn(f"- {folder or '(root)'}: {name} is required", said)

    def test_null_for_what_is_empty_changes_nothing(self):
        given = [path for path, _ in leaves(SERVER)]
        empty = [path for path, value in leaves(self.defaults) if value in (None, "", [], {}) and path not in given]
        self.assertEqual(chart.text(merged(*(at(path, None) for path in empty))), chart.text())

    def test_a_memory_limit_counts_however_it_is_written(self):
        for limit, mebibytes in mutations.QUANTITIES.items():
            with self.subTest(limit=limit):
                limited = at("resources.limits.memory", limit)
                chart.text(merged(limited, at("config.blockCacheMib", mebibytes - 1)))
                result = chart.template(merged(limited, at("config.blockCacheMib", mebibytes)))
                self.assertIn(f"which the memory limit of {mebibytes} MiB (resources.limits.memory) does not hold", result.stderr)

    def test_no_memory_limit_holds_every_cache(self):
        chart.text(merged(at("resources.limits", None), at("config.blockCacheMib", 1048576)))

    def test_values_out_of_range_are_refused(self):
        for path, value in (("config.maxCalls", 0), ("config.maxCalls", "many"), ("config.logLevel", "loud"), ("replicas", "1"),
                            ("image.pullPolicy", "Sometimes"), ("image.repository", "a:b"), ("persistence.size", "10 GB"),
                            ("service.port", 0), ("config.listenAddress", []), ("terminationGracePeriodSeconds", 0),
                            ("image.digest", "abc"), ("networkPolicy.from", [{}]), ("extraEnv", [{"value": "x"}]),
                            # A selector of a misspelt key is one that selects everything.
                            ("networkPolicy.from", [{"namespaceSelector": {"team": None}}]),
                            ("networkPolicy.from", [{"podSelector": {"team": "mail"}}]),
                            ("networkPolicy.from", [{"ipBlock": {"cidr": "10.0.0.1"}}])):
            with self.subTest(path=path, value=value):
                result = chart.template(at(path, value))
                self.assertIn("values don't meet the specifications of the schema", result.stderr)

    def test_contradictions_are_refused_with_their_sentence_and_every_sentence_is_reached(self):
        charts.check_rejections(self, chart, rejected.SERVER, CHART / "templates" / "_validate.tpl")


if __name__ == "__main__":
    charts.main()
