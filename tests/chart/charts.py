"""Renders the charts with the real helm, and says what pods must hold."""
import argparse
import copy
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TOOLS = ROOT / ".tools" / "bin"
SCHEMAS = ROOT / ".tools" / "kubernetes-schemas"
OLDEST, NEWEST, BEFORE_NATIVE = "1.29.0", "1.37.0", "1.28.0"
# The least that the charts need.
SERVER = {"image": {"repository": "registry.example.com/suppressd"}, "config": {"insecure": True}}
SIDECAR = {"suppressd-sidecar": {"image": {"repository": "registry.example.com/suppressd"},
                                 "config": {"upstream": "suppressd.mail.svc:7025", "insecure": True}}}
programs = argparse.Namespace()


def tool(name):
    """A program that bootstrap has built, or one of that name on PATH."""
    found = TOOLS / name if (TOOLS / name).is_file() else shutil.which(name)
    if not found:
        sys.exit(f"{name} is missing: run script/bootstrap chart")
    return str(found)


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, **options)


def merged(*parts):
    """Mappings merged in order, as helm does; the later one wins."""
    result = {}
    for part in parts:
        for key, value in part.items():
            both = isinstance(value, dict) and isinstance(result.get(key), dict)
            result[key] = merged(result[key], value) if both else copy.deepcopy(value)
    return result


def at(path, value):
    """{"a": {"b": value}} for "a.b"."""
    for key in reversed(path.split(".")):
        value = {key: value}
    return value


def get(mapping, path):
    for key in path.split("."):
        mapping = mapping[key]
    return mapping


class Chart:
    """A chart in a scratch copy of helm/, so that dependencies are never written into the checkout."""

    _scratch = None

    def __init__(self, name, values, dependencies=False):
        if Chart._scratch is None:
            Chart._scratch = tempfile.TemporaryDirectory()
            shutil.copytree(ROOT / "helm", Chart._scratch.name, dirs_exist_ok=True,
                            ignore=shutil.ignore_patterns("charts", "Chart.lock"))
        self.folder = pathlib.Path(Chart._scratch.name, name)
        self.values = values
        if dependencies:
            result = run(tool("helm"), "dependency", "update", self.folder)
            assert result.returncode == 0, result.stderr

    def template(self, changes=None, version=OLDEST, release="r", *more):
        """What `helm template` ends with; `changes` are merged over the least values, or are all when exact."""
        return self.exactly(merged(self.values, changes or {}), version, release, *more)

    def exactly(self, values, version=OLDEST, release="r", *more):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(values, file)
            file.flush()
            return run(tool("helm"), "template", release, self.folder, "--namespace", "mail", "--kube-version", version,
                       "--values", file.name, *more)

    def text(self, changes=None, version=OLDEST, release="r"):
        result = self.template(changes, version, release)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def objects(self, changes=None, version=OLDEST, release="r"):
        return [part for part in yaml.safe_load_all(self.text(changes, version, release)) if part]

    def many(self, all_changes, version=OLDEST):
        """What each of many changes renders, in one run of helm: a parent chart has the chart once for each."""
        parent = pathlib.Path(Chart._scratch.name, "parent")
        shutil.rmtree(parent, ignore_errors=True)
        shutil.copytree(self.folder, parent / "charts" / self.folder.name)
        names = [f"copy{number:04}" for number in range(len(all_changes))]
        about = {"apiVersion": "v2", "name": "parent", "version": "0.1.0", "dependencies": [
            {"name": self.folder.name, "version": "0.1.0", "alias": name} for name in names]}
        (parent / "Chart.yaml").write_text(json.dumps(about))
        values = parent / "values.json"
        values.write_text(json.dumps({name: merged(self.values, changes) for name, changes in zip(names, all_changes)}))
        result = run(tool("helm"), "template", "r", parent, "--namespace", "mail", "--kube-version", version, "--values", values)
        assert result.returncode == 0, result.stderr
        texts = dict.fromkeys(names, "")
        for part in result.stdout.split("---\n# Source: parent/charts/")[1:]:
            name = part.split("/")[0]
            texts[name] += "---\n# Source: " + part.replace(name, "copy")
        return list(texts.values())

    def object(self, kind, changes=None, version=OLDEST):
        found = [part for part in self.objects(changes, version) if part["kind"] == kind]
        assert len(found) == 1, f"{len(found)} of kind {kind}"
        return found[0]


def containers(pod):
    return pod.get("initContainers") or [], pod["containers"]


def invalid(text, version):
    """What kubeconform has against manifests, by the strict schemas of a version of Kubernetes; empty: nothing."""
    result = run(tool("kubeconform"), "-strict", "-summary", "-schema-location",
                 f"{SCHEMAS}/{version}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json", input=text)
    if result.returncode == 0 and "Valid: 0" not in result.stdout:
        return ""
    return result.stdout + result.stderr


def breaches(pod):
    """Where a pod's spec breaks pod security admission "restricted" (v1.29), or has a writable root or a token."""
    found = []
    if pod.get("automountServiceAccountToken") is not False:
        found.append("mounts a token")
    found += [key for key in ("hostNetwork", "hostPID", "hostIPC") if pod.get(key)]
    allowed = {"name", "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
    found += [f"volume {volume['name']}" for volume in pod.get("volumes") or [] if set(volume) - allowed]
    ours = pod.get("securityContext", {})
    for container in sum(containers(pod), []):
        context = container.get("securityContext", {})
        wanted = {
            "privilege escalation": context.get("allowPrivilegeEscalation") is False,
            "privileged": not context.get("privileged"),
            "capabilities": context.get("capabilities") == {"drop": ["ALL"]},
            "non-root": context.get("runAsNonRoot", ours.get("runAsNonRoot")) is True,
            "user": context.get("runAsUser", ours.get("runAsUser")) == 65532,
            "seccomp": context.get("seccompProfile", ours.get("seccompProfile")) == {"type": "RuntimeDefault"},
            "read-only root": context.get("readOnlyRootFilesystem") is True,
            "host port": not any(port.get("hostPort") for port in container.get("ports", [])),
        }
        found += [f"{container['name']}: {name}" for name, holds in wanted.items() if not holds]
    return found


def leaves(values, path=""):
    """(path, value) of every value that is no mapping with something in it."""
    for key, value in values.items():
        here = f"{path}.{key}" if path else key
        if isinstance(value, dict) and value:
            yield from leaves(value, here)
        else:
            yield here, value


def check_every_value_changes_the_output(test, chart, defaults, changed, key=""):
    """`changed`: path to (what stands beside it, the change); `key`: where in the chart's values the paths begin."""
    paths = [path for path, _ in leaves(defaults) if path in changed]
    under = (lambda values: {key: values}) if key else (lambda values: values)
    after = [under(merged(*changed[path])) for path in paths]
    # Most have nothing beside them, so what they are compared with is rendered once.
    before = list({repr(changed[path][0]): changed[path][0] for path in paths}.values())
    rendered = chart.many(after + [under(beside) for beside in before])
    for path, new in zip(paths, rendered):
        old = rendered[len(after) + before.index(changed[path][0])]
        test.assertIn("kind: ", old)
        test.assertTrue(old != new, f"{path} changes nothing")


def check_rejections(test, chart, rows, template, key=""):
    """Each row is refused with its sentence, and each sentence of the template is reached."""
    said = []
    for changes, sentence in rows:
        with test.subTest(sentence):
            result = chart.template({key: changes} if key else changes)
            test.assertNotEqual(result.returncode, 0)
            test.assertIn(sentence, result.stderr)
            said.append(result.stderr)
    sentences = re.findall(r'fail \(?(?:printf )?"([^"]+)"', template.read_text())
    test.assertGreater(len(sentences), 10)
    for sentence in sentences:
        pattern = re.sub("%[sd]", ".+", re.escape(sentence))
        test.assertTrue(any(re.search(pattern, text) for text in said), f"reached by no row: {sentence}")


def folders(values, path=""):
    """Paths of the mappings with something in them."""
    for key, value in values.items():
        here = f"{path}.{key}" if path else key
        if isinstance(value, dict) and value:
            yield here
            yield from folders(value, here)


def check_unknown_keys(test, chart, defaults, free, key=""):
    """A key that no value has is refused in every mapping but those of `free`."""
    def strange(values):
        return {**{name: strange(value) for name, value in values.items() if isinstance(value, dict) and value}, "strange": 1}
    result = chart.template({key: strange(defaults)} if key else strange(defaults))
    for path in {path.rpartition(".")[0] for path, _ in leaves(defaults)} - set(free):
        test.assertIn(f"- {path or '(root)'}: Additional property strange is not allowed", result.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--suppressd", required=True)
    parser.add_argument("--suppressctl", required=True)
    known, rest = parser.parse_known_args(namespace=programs)
    unittest.main(module="__main__", argv=[sys.argv[0], *rest])
