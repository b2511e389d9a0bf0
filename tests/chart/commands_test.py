#!/usr/bin/env python3
"""What the charts let run in containers, run here: the steps of `helm test`, and the probe of the sidecar."""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "e2e"))
import harness  # noqa: E402
from charts import Chart, SERVER, SIDECAR, containers, run  # noqa: E402


def command_of(container):
    assert container["command"] == ["suppressctl"]
    return container["args"]


def passed(probe, address):
    """Tries a probe of the server as the kubelet does."""
    if "tcpSocket" in probe:
        host, port = address.rsplit(":", 1)
        try:
            socket.create_connection((host, int(port)), timeout=probe["timeoutSeconds"]).close()
        except OSError:
            return False
        return True
    assert "grpc" in probe, probe
    service = {"service": probe["grpc"]["service"]} if "service" in probe["grpc"] else {}
    return harness.grpcurl("-plaintext", "-max-time", str(probe["timeoutSeconds"]), "-d", json.dumps(service), address,
                           "grpc.health.v1.Health/Check").code == 0


class Commands(unittest.TestCase):
    def ask(self, arguments):
        return run(harness.options.suppressctl, *arguments).returncode

    def test_the_steps_of_helm_test_pass_in_their_order_and_again(self):
        pod = Chart("suppressd", SERVER).object("Pod")["spec"]
        steps = [(container["name"], command_of(container)) for part in containers(pod) for container in part]
        with harness.Server() as server:
            for _ in range(2):
                for name, arguments in steps:
                    here = [re.sub("^--target=.*", f"--target={server.tcp}", argument) for argument in arguments]
                    self.assertEqual(self.ask(here), 0, name)
                    if name == "details":
                        # What the pod cannot tell, having no shell: suppressed is exit code 1.
                        self.assertEqual(self.ask([f"--target={server.tcp}", "--tenant=helm-test", "check",
                                                   "helm-test@example.com"]), 1)
            self.assertEqual(self.ask([f"--target={server.tcp}", "check", "helm-test@example.com"]), 0, "another list")

    def test_helm_test_fails_where_nothing_was_reported(self):
        pod = Chart("suppressd", SERVER).object("Pod")["spec"]
        arguments = {container["name"]: command_of(container) for container in pod["initContainers"]}
        with harness.Server() as server:
            for name in "details", "reactivate":
                here = [re.sub("^--target=.*", f"--target={server.tcp}", argument) for argument in arguments[name]]
                self.assertNotEqual(self.ask(here), 0, name)

    def test_a_server_whose_connections_are_all_taken_is_alive_but_not_ready(self):
        container = Chart("suppressd", SERVER).object("StatefulSet")["spec"]["template"]["spec"]["containers"][0]
        passes = {"startupProbe": True, "livenessProbe": True, "readinessProbe": False}
        with harness.Server() as server:
            for probe in passes:
                self.assertTrue(passed(container[probe], server.tcp), probe)
        with harness.Server("--max_connections", "1") as server:
            host, port = server.tcp.rsplit(":", 1)
            with socket.create_connection((host, int(port))) as taken:
                self.assertTrue(taken.recv(1), "the server does not speak to its one connection")
                for probe, passes_then in passes.items():
                    self.assertEqual(passed(container[probe], server.tcp), passes_then, probe)

    def test_the_probe_of_the_sidecar_passes_once_it_serves_and_while_the_server_is_away(self):
        sender = Chart("examples/sender", SIDECAR, dependencies=True)
        for tenants in [], ["shop"]:
            pod = sender.object("Deployment", {"suppressd-sidecar": {"config": {"tenants": tenants}}})
            container = pod["spec"]["template"]["spec"]["initContainers"][0]
            with self.subTest(tenants=tenants), harness.TemporaryDirectory() as scratch:
                self.probed(container, scratch)

    def probed(self, container, scratch):
        def moved(argument):
            return re.sub("^(--\\w+=(?:unix:)?)/", rf"\1{scratch}/", argument)
        os.makedirs(f"{scratch}/run/suppressd")
        probe = [moved(argument) for argument in container["livenessProbe"]["exec"]["command"][1:]]
        self.assertNotEqual(self.ask(probe), 0)
        sidecar = None
        try:
            with harness.Server() as server:
                upstream = [re.sub("^--upstream=.*", f"--upstream={server.tcp}", argument) for argument in container["args"]]
                sidecar = subprocess.Popen([harness.options.suppressd, *map(moved, upstream), f"--port_file={scratch}/ports"],
                                           stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                harness.wait_for_port_file(sidecar, f"{scratch}/ports")
                self.assertEqual(self.ask(probe), 0)
            self.assertEqual(self.ask(probe), 0, "the server is away")
            sidecar.send_signal(signal.SIGTERM)
            self.assertEqual(sidecar.wait(60), 0)
        finally:
            if sidecar and sidecar.poll() is None:
                sidecar.kill()
                sidecar.wait()


if __name__ == "__main__":
    harness.main()
