"""Parts of the tests on a real Kubernetes: kubectl, helm, and waiting for a condition with what was seen when it fails.

The tests run beside the node (node.sh), which sets KUBECONFIG, NODE_NAME, CONTAINERD_SOCKET and VOLUMES.
"""

import json
import os
import signal
import subprocess
import sys
import time

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NAMESPACE = "mail"
STORAGE_CLASS = "node-disk"
CALL_MAX_SECONDS = 60
STEP_MAX_SECONDS = 120
POLL_SECONDS = 0.2
USER = 65532  # that the programs run as


class Failed(AssertionError):
    """A command or a wait that failed, with what it printed."""


class Outcome:
    """What a program printed and how it ended."""

    def __init__(self, command, completed):
        self.command, self.code = command, completed.returncode
        self.out, self.err = completed.stdout, completed.stderr

    def __str__(self):
        return f"$ {' '.join(self.command)}\nexit code {self.code}\n{self.out}{self.err}"


def run(*command, stdin="", code=0, seconds=CALL_MAX_SECONDS):
    """Runs a program, which must end with `code` (None: any) in time."""
    try:
        completed = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as expired:
        raise Failed(f"$ {' '.join(command)}\nnot done after {seconds} s\n{expired.stdout}\n{expired.stderr}") from None
    outcome = Outcome(command, completed)
    if code is not None and outcome.code != code:
        raise Failed(f"expected exit code {code}\n{outcome}")
    return outcome


def kubectl(*arguments, **options):
    """kubectl in the namespace of the test; "--namespace" among the arguments overrides it."""
    return run("kubectl", "--namespace", NAMESPACE, *arguments, **options)


def helm(*arguments, seconds=STEP_MAX_SECONDS, **options):
    return run("helm", "--namespace", NAMESPACE, *arguments, seconds=seconds + CALL_MAX_SECONDS, **options)


def get(kind, name=None, *arguments):
    """An object, or the list of a kind, as JSON has it. None when there is none."""
    outcome = kubectl("get", kind, *([name] if name else []), "--output", "json", "--ignore-not-found", *arguments)
    return json.loads(outcome.out) if outcome.out.strip() else None


def objects(kind, *arguments):
    """All objects of a kind in the namespace."""
    return (get(kind, None, *arguments) or {"items": []})["items"]


def apply(*objects):
    kubectl("apply", "--filename", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))


def wait_until(what, condition, seconds=STEP_MAX_SECONDS):
    """The first true value of condition(). What it raised or returned last is in the failure."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            seen = condition()
            if seen:
                return seen
        except Failed as failure:
            seen = failure
        if time.monotonic() > deadline:
            raise Failed(f"not within {seconds} s: {what}; last seen: {seen}")
        time.sleep(POLL_SECONDS)


def is_ready(pod):
    """True when a pod, as JSON has it, is ready and not about to go."""
    conditions = {c["type"]: c["status"] for c in pod["status"].get("conditions", [])}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]


def ready_pod(selector, besides=None):
    """Waits for the ready pod that a selector finds, not the one with the uid `besides`; returns it."""
    def find():
        pods = objects("pods", "--selector", selector)
        return next((p for p in pods if is_ready(p) and p["metadata"]["uid"] != besides), None)
    return wait_until(f"a pod {selector} is ready", find)


def create_namespace():
    """The namespace of the tests: no pod comes in that the security standard `restricted` does not allow."""
    enforce = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": enforce}})
    wait_until("the namespace has its service account", lambda: get("serviceaccount", "default"))


def create_volume(name, size="2Gi"):
    """A volume on the node's disk. Its directory has our owner: the kubelet changes none of such a volume."""
    path = os.path.join(os.environ["VOLUMES"], name)
    os.makedirs(path)
    os.chown(path, USER, USER)
    os.chmod(path, 0o700)
    apply({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": STORAGE_CLASS},
           "provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer"},
          {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
           "spec": {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "storageClassName": STORAGE_CLASS,
                    "persistentVolumeReclaimPolicy": "Retain", "hostPath": {"path": path},
                    "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
                        {"key": "kubernetes.io/hostname", "operator": "In", "values": [os.environ["NODE_NAME"]]}]}]}}}})
    return path


def explain():
    """Prints what helps to see why a step failed: objects, events, and the logs of the pods."""
    def show(*arguments):
        print(kubectl(*arguments, code=None), file=sys.stderr)
    show("get", "all,persistentvolumeclaims", "--output", "wide")
    show("get", "events", "--sort-by=.lastTimestamp")
    show("describe", "pods")
    for pod in objects("pods"):
        for logs in ([], ["--previous"]):
            show("logs", "--all-containers", "--prefix", "--tail", "30", *logs, pod["metadata"]["name"])


def keep():
    """With --keep: the node goes on until Ctrl-C, which ends script/test_kubernetes and all below it."""
    if os.environ.get("KEEP") == "true":
        print("The node goes on until Ctrl-C.", file=sys.stderr)
        signal.pause()
