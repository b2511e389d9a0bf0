"""As much of a cluster as helm asks for templates that look objects up."""
import http.server
import json
import tempfile
import threading

# Where the API has each kind: its group and version, and its name in a path.
RESOURCES = {"ConfigMap": ("api/v1", "configmaps"), "Secret": ("api/v1", "secrets"),
             "PersistentVolumeClaim": ("api/v1", "persistentvolumeclaims"), "StatefulSet": ("apis/apps/v1", "statefulsets")}


def named(kind, name, **more):
    return {"apiVersion": RESOURCES[kind][0].partition("/")[2], "kind": kind, "metadata": {"name": name, "namespace": "mail"}, **more}


class Cluster:
    """Answers with the given objects; in a `with` block, `kubeconfig` is a file that leads to it."""

    def __init__(self, *objects):
        # Kubernetes puts this one into every namespace.
        self.objects = [named("ConfigMap", "kube-root-ca.crt", data={"ca.crt": ""}), *objects]

    def __enter__(self):
        cluster = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # pylint: disable=invalid-name
                answer = cluster.answer(self.path.partition("?")[0].strip("/"))
                body = json.dumps(answer or {"kind": "Status", "apiVersion": "v1", "reason": "NotFound", "code": 404}).encode()
                self.send_response(200 if answer else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.file = tempfile.NamedTemporaryFile("w", suffix=".json")
        json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "c", "users": [],
                   "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.server.server_port}"}}],
                   "contexts": [{"name": "c", "context": {"cluster": "c", "user": ""}}]}, self.file)
        self.file.flush()
        self.kubeconfig = self.file.name
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        self.file.close()

    def answer(self, path):
        """What the API has at a path; None: nothing."""
        for version in sorted({version for version, _ in RESOURCES.values()}):
            if path == version:
                return {"kind": "APIResourceList", "groupVersion": version.partition("/")[2], "resources": [
                    {"name": plural, "namespaced": True, "kind": kind, "verbs": ["get", "list"]}
                    for kind, (where, plural) in RESOURCES.items() if where == version]}
        for kind, (version, plural) in RESOURCES.items():
            found = [thing for thing in self.objects if thing["kind"] == kind]
            folder = f"{version}/namespaces/mail/{plural}"
            if path == folder:
                return {"apiVersion": version.partition("/")[2], "kind": f"{kind}List", "metadata": {}, "items": found}
            for thing in found:
                if path == f"{folder}/{thing['metadata']['name']}":
                    return thing
        return None
