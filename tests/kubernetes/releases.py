"""What the walk installs: the server, and senders with a native sidecar. Each is asked by suppressctl in its pod."""

import json
import os
import shutil

import cluster
from cluster import helm, kubectl, wait_until

# A copy: `helm dependency` writes into a chart.
CHARTS = shutil.copytree(os.path.join(cluster.REPOSITORY, "helm"), os.path.join(os.environ["SCRATCH"], "helm"))
IMAGE = "localhost/suppressd"


def merged(values, changes):
    """Values with others over them, maps within maps, as helm itself does it."""
    result = dict(values)
    for key, change in changes.items():
        result[key] = merged(result.get(key, {}), change) if isinstance(change, dict) else change
    return result


class Release:
    """A chart installed under a name, with values."""

    name = chart = selector = ""
    suppressd = ""  # the container that runs it
    asker = ""  # the container that suppressctl is run in
    target = ()  # how suppressctl is told where to ask
    values = {}

    def helm(self, verb, changes=None, seconds=cluster.STEP_MAX_SECONDS, **options):
        """helm install or upgrade with the values of the release, and changes over them."""
        return helm(verb, self.name, os.path.join(CHARTS, self.chart), "--values", "-", "--wait", "--timeout",
                    f"{seconds}s", stdin=json.dumps(merged(self.values, changes or {})), seconds=seconds, **options)

    def rollback(self, revision):
        helm("rollback", self.name, str(revision), "--wait", "--timeout", f"{cluster.STEP_MAX_SECONDS}s")

    def revision(self):
        return json.loads(helm("status", self.name, "--output", "json").out)["version"]

    def pods(self):
        """All of its pods, as JSON has them."""
        return cluster.objects("pods", "--selector", self.selector)

    def pod(self):
        """Its pod, once it is ready."""
        return cluster.ready_pod(self.selector)

    def ctl(self, code, *arguments, stdin=""):
        """What suppressctl in the pod prints. It must exit with the code (None: any)."""
        outcome = kubectl("exec", "--stdin", self.pod()["metadata"]["name"], "--container", self.asker, "--",
                          "suppressctl", *self.target, *arguments, stdin=stdin, code=code)
        return outcome.out + outcome.err


class Server(Release):
    """The chart of the server."""

    name = chart = suppressd = asker = "suppressd"
    target = ("--target", "127.0.0.1:7025")
    selector = "app.kubernetes.io/name=suppressd,app.kubernetes.io/component=server"
    values = {"image": {"repository": IMAGE}, "config": {"insecure": True}, "podDisruptionBudget": {"enabled": True},
              "persistence": {"storageClass": cluster.STORAGE_CLASS, "size": "2Gi"}}
    # What an upgrade changes: a full mailbox does not suppress any more, and an option.
    other_values = {"policy": {"content": "default:\n  hard:\n    MAILBOX_FULL: {action: record}\n"},
                    "config": {"maxListings": 65}}
    other_option = "--max_listings=65"
    # TLS from a Secret as cert-manager makes it, and who may do what by certificate.
    secure_values = {"config": {"insecure": False}, "tls": {"existingSecret": "suppressd-tls"},
                     "test": {"existingSecret": "helm-test-tls"},
                     "access": {"content": "identities:\n"
                                           "- {name: newsletter, certificates: ['dns:newsletter'],\n"
                                           "   grants: [{roles: [replicator], tenants: ['*']}]}\n"
                                           "- {name: test, certificates: ['dns:helm-test'],\n"
                                           "   grants: [{roles: [operator], tenants: ['*']}]}\n"}}
    # Changes that are refused, and what the refusal says.
    bad_values = [({"replicas": 2}, "set replicas to 1"),
                  ({"config": {"insecure": False}}, "set tls.existingSecret"),
                  ({"networkPolicy": {"enabled": False}}, "needs networkPolicy.enabled=true"),
                  ({"persistence": {"existingClaim": "mine"}}, "remove persistence.storageClass"),
                  ({"imagePullSecrets": [{}]}, "give the name of a Secret"),
                  ({"imagePullSecrets": [{"name": "none"}]}, "names the Secret none, which does not exist"),
                  ({"policy": {"existingConfigMap": "none"}}, "names the ConfigMap none, which does not exist"),
                  ({"policy": {"existingConfigMap": "kube-root-ca.crt"}}, "set policy.key to one that it has (ca.crt)"),
                  ({"config": {"dataDir": "/var/lib/suppressd/other"}}, "let config.dataDir end in /data"),
                  ({"fullnameOverride": "other"}, "set fullnameOverride=suppressd"),
                  ({"config": {"maxCallz": 1}}, "maxCallz")]

    def has_other_option(self):
        return self.other_option in self.pod()["spec"]["containers"][0]["args"]

    def scale(self, replicas):
        kubectl("scale", f"statefulset/{self.name}", f"--replicas={replicas}")
        wait_until(f"{replicas} server pods", lambda: len(self.pods()) == replicas and
                   all(cluster.is_ready(pod) for pod in self.pods()))


class Sender(Release):
    """The example chart, with the library chart in it."""

    name = "newsletter"
    chart = os.path.join("examples", "sender")
    suppressd, asker = "suppressd-sidecar", "app"  # the application finds the sidecar by its environment
    selector = "app.kubernetes.io/name=sender,app.kubernetes.io/instance=newsletter"
    values = {"suppressd-sidecar": {"image": {"repository": IMAGE},
                                    "config": {"upstream": "suppressd:7025", "insecure": True}}}

    secure_values = {"suppressd-sidecar": {"config": {"insecure": False}, "tls": {"existingSecret": "newsletter-tls"}}}

    def prepare(self):
        """Takes the library chart into the sender's, as its own people would."""
        helm("dependency", "update", os.path.join(CHARTS, self.chart))

    def data_directory(self, pod):
        """Where the sidecar's files are on the node."""
        return os.path.join(os.environ["KUBELET_ROOT"], "pods", pod["metadata"]["uid"], "volumes",
                            "kubernetes.io~empty-dir", "suppressd-data")


class PlainSender(Release):
    """A sender that was made from manifests, without Helm."""

    asker, selector = "app", "app=sender"

    def install(self, manifests):
        kubectl("apply", "--filename", "-", stdin=with_image(manifests))

    def remove(self):
        kubectl("delete", "deployment", "sender", "--cascade=orphan")
        kubectl("delete", "replicasets,pods", "--selector", self.selector, "--now")


def make_secrets(*hosts, clients):
    """Secrets NAME-tls: of the server, whose certificate is for these hosts, and of each client."""
    certs = os.path.join(os.environ["SCRATCH"], "certs")
    names = [part for host in hosts for part in ("--server", host)] + [part for name in clients for part in ("--client", name)]
    cluster.run(os.path.join(cluster.REPOSITORY, "script", "make_certs"), certs, *names)
    for name, stem in [("suppressd", "server"), *((client, client) for client in clients)]:
        kubectl("create", "secret", "generic", f"{name}-tls", f"--from-file=ca.crt={certs}/ca.pem",
                f"--from-file=tls.crt={certs}/{stem}.pem", f"--from-file=tls.key={certs}/{stem}-key.pem")


def with_image(manifests):
    """Manifests of helm/ with the image that is on the node."""
    return manifests.replace("registry.example.com/suppressd:", IMAGE + ":")


def read_chart_file(*path):
    with open(os.path.join(CHARTS, *path), encoding="utf-8") as file:
        return file.read()
