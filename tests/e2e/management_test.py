"""The management port: its pages, metrics that are those of docs/metrics.md, and clients that do not behave."""

import http.client
import os
import re
import shutil
import socket
import subprocess
import time
import unittest

import harness
from hostile_frames import GREETING, HEADERS, END_HEADERS, END_STREAM, frame, request_headers

WAIT_MAX_SECONDS = 60
SERIES_MAX = 2000
TOOLS = os.path.join(harness.REPOSITORY, ".tools", "bin") + os.pathsep + os.environ["PATH"]


def page(address, path, method="GET", body=None):
    """Status and text of a page."""
    connection = http.client.HTTPConnection(address, timeout=60)
    connection.request(method, path, body)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def managed_address(process):
    """Where the log says that the management port is."""
    deadline = time.monotonic() + WAIT_MAX_SECONDS
    while True:
        found = re.search(r'"event":"managing","address":"([^"]+)"', process.log())
        if found:
            return found[1]
        if time.monotonic() > deadline:
            raise AssertionError("no management port")
        time.sleep(0.02)


class ManagementTest(unittest.TestCase):
    def serve(self, *arguments):
        server = harness.Server("--management_address", "127.0.0.1:0", *arguments)
        server.__enter__()
        self.addCleanup(server.__exit__, None, None, None)
        return server, managed_address(server)

    def test_pages_say_how_it_is_doing(self):
        server, address = self.serve()
        self.assertEqual(page(address, "/livez"), (200, "ok\n"))
        self.assertEqual(page(address, "/readyz"), (200, "ok\n"))
        self.assertIn("[+]writes taken ok", page(address, "/readyz?verbose")[1])
        harness.suppressctl("--target", server.tcp, "suppress", "--note", "test", "jo@example.com")
        status, text = page(address, "/statusz")
        self.assertEqual(status, 200)
        self.assertRegex(text, r"revision: +1\n")
        self.assertNotIn("jo@example.com", text)
        self.assertEqual(page(address, "/")[0], 200)
        self.assertEqual(page(address, "/none")[0], 404)
        self.assertEqual(page(address, "/metrics", "POST")[0], 405)
        self.assertEqual(page(address, "/metrics", "GET", "a body")[0], 413)
        self.assertEqual(page(address, "/livez", "HEAD"), (200, ""))

    def test_calls_are_counted_by_method_and_code(self):
        server, address = self.serve()
        harness.suppressctl("--target", server.tcp, "report", "--recipient", "jo@example.com", "--text", "550 5.1.1 unknown")
        for _ in range(3):
            harness.grpcurl("-plaintext", "-d", '{"address": "jo@example.com"}', server.tcp,
                            f"{harness.SERVICE}/IsSuppressed")
        harness.grpcurl("-plaintext", "-d", '{"address": "none"}', server.tcp, f"{harness.SERVICE}/IsSuppressed")
        text = page(address, "/metrics")[1]
        of = 'grpc_server_handled_total{grpc_service="suppressd.v1.SuppressionService",grpc_method="IsSuppressed",grpc_code='
        self.assertIn(of + '"OK"} 3\n', text)
        self.assertIn(of + '"InvalidArgument"} 1\n', text)
        self.assertIn('suppressd_lookups_total{result="suppressed"} 3\n', text)
        self.assertIn('suppressd_lookups_total{result="failed"} 1\n', text)
        self.assertIn('suppressd_classified_total{class="hard",reason="address_not_found"} 1\n', text)
        self.assertNotIn("example.com", text)

    def test_the_metrics_are_those_of_the_document(self):
        certificates = os.path.join(self.make_certificates())
        server, address = self.serve("--tls_cert_file", f"{certificates}/server.pem", "--tls_key_file",
                                     f"{certificates}/server-key.pem", "--policy_file", self.policy(), "--backup_dir", f"{certificates}/backups")
        with harness.Sidecar("unix:" + server.unix, "--management_address", "127.0.0.1:0") as sidecar:
            deadline = time.monotonic() + WAIT_MAX_SECONDS
            while page(managed_address(sidecar), "/readyz")[0] != 200:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.02)
            shown = {"server": page(address, "/metrics")[1], "sidecar": page(managed_address(sidecar), "/metrics")[1]}
        with open(os.path.join(harness.REPOSITORY, "docs", "metrics.md"), encoding="utf-8") as file:
            rows = re.findall(r"^\| `(\w+)` \| (counter|gauge|histogram) \|([\w, ]*)\| (both|server|sidecar) \|", file.read(), re.M)
        for kind, text in shown.items():
            families = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M))
            documented = {name: metric for name, metric, _, on in rows if on in ("both", kind)}
            self.assertEqual(families, documented, kind)
            for name, _, labels, on in rows:
                for series in re.findall(rf"^{name}(?:_bucket)?\{{([^}}]*)\}}", text, re.M) if on in ("both", kind) else []:
                    used = set(re.findall(r'(\w+)="', series)) - {"le"}
                    self.assertLessEqual(used, set(filter(None, labels.strip().split(", "))), f"{name} has undocumented labels")
            promtool = shutil.which("promtool", path=TOOLS)
            if promtool:
                checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True,
                                         check=False)
                self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def make_certificates(self):
        directory = harness.TemporaryDirectory()
        self.addCleanup(directory.__exit__)
        path = directory.__enter__()
        subprocess.run([os.path.join(harness.REPOSITORY, "script", "make_certs"), path], check=True, capture_output=True)
        return path

    def policy(self):
        directory = harness.TemporaryDirectory()
        self.addCleanup(directory.__exit__)
        path = os.path.join(directory.__enter__(), "policy.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write("default:\n  complaint: {action: record}\n")
        return path

    def test_callers_cannot_make_series(self):
        """Methods that do not exist, and tenants."""
        server, address = self.serve()
        host, port = server.tcp.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall(GREETING)
            for number in range(1000):
                connection.sendall(frame(HEADERS, END_HEADERS | END_STREAM, 2 * number + 1, request_headers(f"/a.B/C{number}")))
            connection.recv(1)
        for number in range(100):
            checked = harness.suppressctl("--target", server.tcp, "--tenant", f"t{number}", "check", "a@example.com")
            self.assertEqual(checked.code, 0, str(checked))
        text = page(address, "/metrics")[1]
        self.assertNotIn('"t7"', text)
        self.assertLess(len([line for line in text.splitlines() if not line.startswith("#")]), SERIES_MAX)

    def test_clients_that_do_not_behave_cost_nobody_else_anything(self):
        server, address = self.serve()
        host, port = address.rsplit(":", 1)
        open_ones = []
        for kind in (b"", b"GET /met", b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 4000, b"\0\1\2\3"):
            for _ in range(20):
                connection = socket.create_connection((host, int(port)), timeout=60)
                connection.sendall(kind)
                open_ones.append(connection)
        self.assertEqual(page(address, "/livez")[0], 200)
        with socket.create_connection((host, int(port)), timeout=60) as large:
            large.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 20000 + b"\r\n\r\n")
            self.assertIn(b"431", large.recv(4096))
        with socket.create_connection((host, int(port)), timeout=60) as two_at_once:
            two_at_once.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
            text = b""
            while text.count(b"200 OK") < 2:
                text += two_at_once.recv(4096)
        # Beyond the limit the oldest that asks nothing makes room: nobody keeps a probe out.
        for _ in range(100):
            open_ones.append(socket.create_connection((host, int(port)), timeout=60))
        self.assertEqual(page(address, "/livez")[0], 200)
        self.assertEqual(open_ones[0].recv(1), b"", "it was closed")
        for connection in open_ones:
            connection.close()
        self.assertEqual(harness.suppressctl("--target", server.tcp, "check", "a@example.com").code, 0)

    def test_an_address_that_is_none_or_taken_is_refused_with_a_sentence(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            for where, what in ((f"127.0.0.1:{taken.getsockname()[1]}", "cannot listen on"), ("nowhere", "is not HOST:PORT"),
                                ("::1:7026", "an IPv6 address stands in brackets"), ("[127.0.0.1]:0", "is not HOST:PORT"),
                                ("example.com:80", "is no IP address")):
                with harness.TemporaryDirectory() as data:
                    ended = harness.run([harness.options.suppressd, "serve", "--data_dir", data, "--listen_address",
                                         "127.0.0.1:0", "--management_address", where])
                self.assertNotEqual(ended.code, 0)
                self.assertIn(what, ended.err)

    def test_a_sidecar_without_a_replica_is_alive_and_not_ready(self):
        with harness.Sidecar("127.0.0.1:1", "--on_empty", "unknown", "--management_address", "127.0.0.1:0") as sidecar:
            address = managed_address(sidecar)
            self.assertEqual(page(address, "/livez")[0], 200)
            status, text = page(address, "/readyz")
            self.assertEqual(status, 503)
            self.assertIn("[-]replica served failed", text)
            self.assertIn("sidecar", page(address, "/statusz")[1])


if __name__ == "__main__":
    harness.main()
