#!/usr/bin/env python3
"""helm/suppressd-sidecar through helm/examples/sender, the Kustomize component, and the plain example."""
import json
import pathlib
import re
import shutil
import tempfile
import unittest

import yaml

import charts
import mutations
import rejected
from charts import BEFORE_NATIVE, Chart, NEWEST, OLDEST, ROOT, SIDECAR, at, breaches, containers, leaves, merged

CHART = ROOT / "helm" / "suppressd-sidecar"
KEY = "suppressd-sidecar"
sender = Chart("examples/sender", SIDECAR, dependencies=True)
MATRIX = [
    {},
    at(KEY, {"policy": {"existingConfigMap": "mine"}, "rules": {"existingConfigMap": "mine", "key": "r"},
             "logKey": {"existingSecret": "mine", "key": "k"}}),
    at(KEY, {"native": False}),
    at(KEY, {"extraEnv": mutations.SIDECAR["extraEnv"], "extraArgs": mutations.SIDECAR["extraArgs"],
             "extraVolumeMounts": [{"name": "suppressd-data", "mountPath": "/mnt/more"}]}),
]


def pod_of(changes=None, version=OLDEST):
    return sender.object("Deployment", at(KEY, changes or {}), version)["spec"]["template"]["spec"]


def sidecar_of(pod):
    return next(container for part in containers(pod) for container in part if container["name"] == "suppressd-sidecar")


def app_of(pod):
    return next(container for container in pod["containers"] if container["name"] == "app")


def essence(pod):
    """What must be the same however the sidecar came into the pod."""
    sidecar, app = sidecar_of(pod), app_of(pod)
    arguments = set(sidecar["args"])
    for variable in sidecar.get("env", []):
        if variable["name"] == "SUPPRESSD_UPSTREAM":
            arguments.add("--upstream=suppressd:7025")
    kept = ("restartPolicy", "image", "securityContext", "resources", "startupProbe", "livenessProbe", "volumeMounts")
    return {
        "arguments": arguments,
        "sidecar": {key: sidecar.get(key) for key in kept},
        "app": {key: app.get(key) for key in ("env", "volumeMounts", "image", "command")},
        "pod": {key: pod.get(key) for key in ("volumes", "terminationGracePeriodSeconds")},
    }


class Shapes(unittest.TestCase):
    def test_lint_finds_nothing(self):
        with open(sender.folder / "least.json", "w") as file:
            json.dump(SIDECAR, file)
        result = charts.run(charts.tool("helm"), "lint", "--strict", "--kube-version", OLDEST, sender.folder,
                            "--values", file.name)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_every_shape_is_valid_for_its_kubernetes(self):
        for version in BEFORE_NATIVE, OLDEST, NEWEST:
            self.assertEqual(charts.invalid("\n---\n".join(sender.many(MATRIX, version)), version), "")

    def test_a_native_sidecar_from_kubernetes_1_29_on(self):
        for version in OLDEST, NEWEST:
            pod = pod_of(version=version)
            self.assertEqual([container["name"] for container in pod["initContainers"]], ["suppressd-sidecar"])
            self.assertEqual(pod["initContainers"][0]["restartPolicy"], "Always")
            self.assertEqual([container["name"] for container in pod["containers"]], ["app"])

    def test_a_plain_container_before_or_where_it_is_asked_for(self):
        for pod in pod_of(version=BEFORE_NATIVE), pod_of({"native": False}):
            self.assertFalse(pod["initContainers"])
            self.assertEqual([container["name"] for container in pod["containers"]], ["app", "suppressd-sidecar"])
            self.assertNotIn("restartPolicy", sidecar_of(pod))
        self.assertTrue(pod_of({"native": True}, BEFORE_NATIVE)["initContainers"])

    def test_pods_hold_under_pod_security_restricted(self):
        for version in BEFORE_NATIVE, OLDEST:
            self.assertEqual(breaches(pod_of(version=version)), [])

    def test_no_readiness_probe_takes_the_pod_out_of_service(self):
        sidecar = sidecar_of(pod_of())
        self.assertNotIn("readinessProbe", sidecar)
        self.assertIn("startupProbe", sidecar)
        self.assertIn("livenessProbe", sidecar)

    def test_probes_ask_for_a_list_that_is_served(self):
        command = sidecar_of(pod_of({"config": {"tenants": ["shop", "news"]}}))["livenessProbe"]["exec"]["command"]
        self.assertIn("--tenant=shop", command)

    def test_the_app_finds_the_socket_that_the_sidecar_binds(self):
        pod = pod_of({"config": {"listenAddress": ["unix:/run/mail/list.sock"]}})
        self.assertEqual(app_of(pod)["env"], [{"name": "SUPPRESSION_TARGET", "value": "unix:/run/mail/list.sock"}])
        mount = {"name": "suppressd-socket", "mountPath": "/run/mail"}
        self.assertIn(mount, app_of(pod)["volumeMounts"])
        self.assertIn(mount, sidecar_of(pod)["volumeMounts"])
        self.assertIn("--listen_address=unix:/run/mail/list.sock", sidecar_of(pod)["args"])

    def test_a_sidecar_that_is_not_enabled_leaves_nothing_behind_and_is_not_checked(self):
        changes = {"enabled": False, "config": {"upstream": ""}}
        for version in BEFORE_NATIVE, OLDEST, NEWEST:
            pod = pod_of(changes, version)
            self.assertEqual([container["name"] for part in containers(pod) for container in part], ["app"])
            for key in "env", "volumeMounts":
                self.assertFalse(app_of(pod)[key], key)
            for key in "volumes", "terminationGracePeriodSeconds":
                self.assertFalse(pod[key], key)
            self.assertEqual(charts.invalid(sender.text(at(KEY, changes), version), version), "")

    def test_the_lines_of_the_documentation_are_all_that_a_pod_needs(self):
        for page in ROOT / "docs" / "kubernetes.md", CHART / "README.md":
            lines = re.search(r"^(?:then .*)?In the pod of your Deployment.*\n\n```yaml\n((?:.*\n)+?)```", page.read_text(), re.M)[1]
            template = sender.folder / "templates" / "documented.yaml"
            template.write_text(f"kind: Documented\nspec:\n  template:\n    spec:\n{lines}")
            self.addCleanup(template.unlink, missing_ok=True)
            for version in BEFORE_NATIVE, OLDEST:
                documented = essence(sender.object("Documented", version=version)["spec"]["template"]["spec"])
                wanted = essence(pod_of(version=version))
                for key in "image", "command":  # the application's own
                    wanted["app"][key] = None
                self.assertEqual(documented, wanted, page)
            template.unlink()

    def test_the_container_can_be_placed_by_hand(self):
        template = sender.folder / "templates" / "by-hand.yaml"
        template.write_text('{{- if .Values.byHand }}\nkind: Alone\n{{ include "suppressd-sidecar.container" . }}\n{{- end }}\n')
        self.addCleanup(template.unlink)
        alone = sender.object("Alone", {"byHand": True})
        alone.pop("kind")
        self.assertEqual({**alone, "restartPolicy": "Always"}, sidecar_of(pod_of()))


class Values(unittest.TestCase):
    def setUp(self):
        self.schema = json.loads((CHART / "values.schema.json").read_text())
        self.defaults = yaml.safe_load((CHART / "values.yaml").read_text())

    def test_every_value_changes_the_output(self):
        changed = {}
        for path, value in leaves(self.defaults):
            schema = self.schema
            for key in path.split("."):
                schema = schema.get("properties", {}).get(key, {})
            if path not in mutations.SIDECAR_FIXED:
                changed[path] = (merged({}, mutations.SIDECAR_BESIDE.get(path, {})),
                                 at(path, mutations.changed(path, value, mutations.SIDECAR, schema)))
        charts.check_every_value_changes_the_output(self, sender, self.defaults, changed, KEY)

    def test_null_is_the_default_of_the_chart(self):
        given = [path for path, _ in leaves(SIDECAR[KEY])]
        for paths in ([path for path, _ in leaves(self.defaults) if path not in given],
                      [path for path in self.defaults if path not in ("image", "config")]):
            self.assertEqual(sender.text(at(KEY, merged(*(at(path, None) for path in paths)))), sender.text())

    def test_a_memory_limit_counts_however_it_is_written(self):
        for limit, mebibytes in mutations.QUANTITIES.items():
            with self.subTest(limit=limit):
                limited = at("resources.limits.memory", limit)
                pod_of(merged(limited, at("config.blockCacheMib", mebibytes // 2 - 1)))
                result = sender.template(at(KEY, merged(limited, at("config.blockCacheMib", (mebibytes + 1) // 2))))
                self.assertIn(f"less than the memory limit of {mebibytes} MiB", result.stderr)

    def test_unknown_keys_are_refused_wherever_they_stand(self):
        charts.check_unknown_keys(self, sender, self.defaults, ("resources.requests", "resources.limits"), KEY)

    def test_contradictions_are_refused_with_their_sentence_and_every_sentence_is_reached(self):
        charts.check_rejections(self, sender, rejected.SIDECAR, CHART / "templates" / "_validate.tpl", KEY)


class WithoutHelm(unittest.TestCase):
    def setUp(self):
        result = charts.run(charts.tool("kustomize"), "build", ROOT / "helm" / "kustomize" / "example")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.kustomized = result.stdout
        self.plain = (ROOT / "helm" / "examples" / "plain" / "sender.yaml").read_text()

    @staticmethod
    def pod(text):
        deployment = next(part for part in yaml.safe_load_all(text) if part["kind"] == "Deployment")
        return deployment["spec"]["template"]["spec"]

    def test_kustomize_plain_and_chart_give_the_same_sidecar(self):
        values = at(KEY, {"config": {"upstream": "suppressd:7025"}, "image": {"tag": "0.1.0"}})
        rendered = essence(sender.object("Deployment", values)["spec"]["template"]["spec"])
        self.assertEqual(essence(self.pod(self.kustomized)), rendered)
        self.assertEqual(essence(self.pod(self.plain)), rendered)

    def test_kustomize_leaves_the_grace_period_of_the_pod_alone(self):
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(shutil.copytree(ROOT / "helm" / "kustomize", pathlib.Path(scratch, "kustomize")))
            deployment = folder / "example" / "deployment.yaml"
            text = deployment.read_text()
            self.assertIn("terminationGracePeriodSeconds: 60", text)
            deployment.write_text(text.replace("terminationGracePeriodSeconds: 60", "terminationGracePeriodSeconds: 120"))
            result = charts.run(charts.tool("kustomize"), "build", folder / "example")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.pod(result.stdout)["terminationGracePeriodSeconds"], 120)

    def test_the_upstream_of_kustomize_comes_from_its_config_map(self):
        parts = {part["kind"]: part for part in yaml.safe_load_all(self.kustomized)}
        self.assertEqual(parts["ConfigMap"]["data"], {"upstream": "suppressd:7025"})
        source = sidecar_of(self.pod(self.kustomized))["env"][0]["valueFrom"]["configMapKeyRef"]
        self.assertEqual(source, {"name": parts["ConfigMap"]["metadata"]["name"], "key": "upstream"})

    def test_both_are_valid_and_hold_under_pod_security_restricted(self):
        server = (ROOT / "helm" / "examples" / "plain" / "server.yaml").read_text()
        for text in self.kustomized, self.plain:
            self.assertEqual(breaches(self.pod(text)), [])
        for version in OLDEST, NEWEST:
            self.assertEqual(charts.invalid("\n---\n".join((self.kustomized, self.plain, server)), version), "")


if __name__ == "__main__":
    charts.main()
