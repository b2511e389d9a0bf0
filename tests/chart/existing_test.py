#!/usr/bin/env python3
"""What the charts ask the cluster that they are installed into: whether what the values name is there, and whether the server
that is installed would keep its list."""
import re
import unittest

import charts
from charts import Chart, OLDEST, ROOT, SERVER, SIDECAR, at, merged
from fake_cluster import Cluster, named

KEY = "suppressd-sidecar"
server = Chart("suppressd", SERVER)
sender = Chart("examples/sender", SIDECAR, dependencies=True)
MINE = named("ConfigMap", "mine", data={"policy.yaml": "default: {}\n"}, binaryData={"rules.yaml": "e30K"})
NAMES = [at("policy.existingConfigMap", "mine"), at("rules.existingConfigMap", "mine")]
said = []


def asked(chart, changes, *objects, release="r"):
    """What helm ends with for a cluster that has these objects."""
    with Cluster(*objects) as cluster:
        result = chart.template(changes, OLDEST, release, "--dry-run=server", "--kubeconfig", cluster.kubeconfig)
    said.append(result.stderr)
    return result


class Asked(unittest.TestCase):
    def assert_taken(self, result):
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("kind: ", result.stdout)

    def assert_refused(self, result, sentence):
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(sentence, result.stderr)


class Named(Asked):
    def test_what_is_there_is_taken(self):
        self.assert_taken(asked(server, merged(*NAMES), MINE))
        self.assert_taken(asked(sender, at(KEY, merged(*NAMES)), MINE))
        self.assert_taken(asked(server, at("imagePullSecrets", [{"name": "mine"}]), named("Secret", "mine")))
        self.assert_taken(asked(server, at("persistence.existingClaim", "mine"), named("PersistentVolumeClaim", "mine")))

    def test_what_is_missing_is_refused(self):
        for changes, what in ((NAMES[0], "policy.existingConfigMap names the ConfigMap mine"),
                              (NAMES[1], "rules.existingConfigMap names the ConfigMap mine"),
                              (at("persistence.existingClaim", "mine"),
                               "persistence.existingClaim names the PersistentVolumeClaim mine"),
                              (at("backup", {"enabled": True, "existingClaim": "mine"}),
                               "backup.existingClaim names the PersistentVolumeClaim mine"),
                              (at("imagePullSecrets", [{"name": "mine"}]), "imagePullSecrets[0].name names the Secret mine")):
            self.assert_refused(asked(server, changes), what + ", which does not exist in the namespace mail")
        for changes in NAMES:
            self.assert_refused(asked(sender, at(KEY, changes)), "existingConfigMap names the ConfigMap mine, which does not exist")

    def test_a_key_that_is_missing_is_refused_with_those_that_are_there(self):
        for changes in merged(NAMES[0], at("policy.key", "other")), merged(NAMES[1], at("rules.key", "other")):
            file = next(iter(changes))
            self.assert_refused(asked(server, changes, MINE),
                                f"{file}.existingConfigMap names the ConfigMap mine, which has no key other: "
                                f"set {file}.key to one that it has (policy.yaml, rules.yaml)")
            self.assert_refused(asked(sender, at(KEY, changes), MINE),
                                f"set suppressd-sidecar.{file}.key to one that it has (policy.yaml, rules.yaml)")

    def test_the_secret_of_the_log_key_is_asked_for_with_its_key(self):
        changes = at("logKey.existingSecret", "mine")
        for chart, values, value in (server, changes, "logKey"), (sender, at(KEY, changes), "suppressd-sidecar.logKey"):
            self.assert_taken(asked(chart, values, named("Secret", "mine", data={"key": "a2V5"})))
            self.assert_refused(asked(chart, values), f"{value}.existingSecret names the Secret mine, which does not exist")
            self.assert_refused(asked(chart, values, named("Secret", "mine", data={"other": "a2V5"})),
                                f"{value}.existingSecret names the Secret mine, which has no key key: "
                                f"set {value}.key to one that it has (other)")
            self.assert_refused(asked(chart, values, named("ConfigMap", "mine", data={"key": "key"})), "which does not exist")

    def test_what_extra_objects_makes_need_not_be_there(self):
        claim = "apiVersion: v1\nkind: Secret\nmetadata: {name: other}\n---\nkind: PersistentVolumeClaim\nmetadata: {name: '{{ .Release.Name }}-claim'}\n"
        extra = at("extraObjects", [{"kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-mine"}}, claim])
        both = merged(at("policy.existingConfigMap", "r-mine"), at("persistence.existingClaim", "r-claim"))
        self.assert_taken(asked(server, merged(extra, both)))
        self.assert_refused(asked(server, both), "which does not exist")
        # Another kind of that name is another object.
        self.assert_refused(asked(server, merged(extra, at("imagePullSecrets", [{"name": "r-mine"}]))), "names the Secret r-mine")

    def test_the_check_can_be_switched_off(self):
        off = at("checkExisting", False)
        self.assert_taken(asked(server, merged(*NAMES, off)))
        self.assert_taken(asked(sender, at(KEY, merged(*NAMES, off))))

    def test_helm_template_asks_no_cluster(self):
        server.text(merged(*NAMES))
        sender.text(at(KEY, merged(*NAMES)))


class Installed(Asked):
    def installed(self, changes=None, release="r"):
        result = server.template(changes, release=release)
        self.assertEqual(result.returncode, 0, result.stderr)
        return [part for part in charts.yaml.safe_load_all(result.stdout) if part and part["kind"] == "StatefulSet"]

    def test_an_upgrade_that_keeps_the_list_is_taken(self):
        self.assert_taken(asked(server, {}, *self.installed()))
        self.assert_taken(asked(server, at("config.maxCalls", 5), *self.installed(at("config.checkConfig", True))))
        # The same folder of the volume, mounted elsewhere.
        self.assert_taken(asked(server, at("config.dataDir", "/mnt/list/data"), *self.installed()))
        self.assert_taken(asked(server, {}, *self.installed(release="other")))

    def test_another_folder_of_the_volume_is_refused(self):
        moved = at("config.dataDir", "/var/lib/suppressd/other")
        for changes in moved, merged(moved, at("checkExisting", False)):
            self.assert_refused(asked(server, changes, *self.installed()),
                                "config.dataDir is /var/lib/suppressd/other, but the installed server has its list in the folder data")
        self.assert_taken(asked(server, moved))

    def test_another_name_is_refused(self):
        for changes in at("fullnameOverride", "list"), at("nameOverride", "list"):
            self.assert_refused(asked(server, changes, *self.installed()), "but the installed server is called r-suppressd")
            self.assert_refused(asked(server, {}, *self.installed(changes)), "give the name r-suppressd, but the installed server is called")
            self.assert_taken(asked(server, changes, *self.installed(changes)))
        self.assert_taken(asked(server, merged(at("fullnameOverride", "list"), at("checkExisting", False)), *self.installed()))
        same = at("fullnameOverride", "same")
        self.assert_refused(asked(server, merged(same, at("nameOverride", "list")), *self.installed(same)),
                            "nameOverride gives the name list, but the installed server has suppressd in its selectors")

    def test_another_server_of_the_same_release_is_none_of_ours(self):
        other = self.installed(at("fullnameOverride", "list"))
        other[0]["metadata"]["labels"]["helm.sh/chart"] = "second-0.1.0"  # the chart under an alias
        self.assert_taken(asked(server, {}, *other))


class Sentences(unittest.TestCase):
    """Last: by their names, the classes before have run."""

    def test_every_sentence_is_reached(self):
        for name in "suppressd", KEY:
            text = (ROOT / "helm" / name / "templates" / "_existing.tpl").read_text()
            sentences = re.findall(r'fail \(printf "([^"]+)"', text)
            self.assertGreater(len(sentences), 1)
            for sentence in sentences:
                pattern = re.sub("%[sd]", ".+", re.escape(sentence))
                self.assertTrue(any(re.search(pattern, text) for text in said), f"reached by no test: {sentence}")


if __name__ == "__main__":
    charts.main()
