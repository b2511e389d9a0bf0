"""What an operator does with the charts, on a real Kubernetes (script/test_kubernetes): one walk, its steps in order.

A step that fails ends the walk, with objects, events and logs printed.
"""

import os
import sys
import time
import unittest

import cluster
import demo
from cluster import helm, kubectl, objects, wait_until
from releases import CHARTS, PlainSender, Sender, Server, make_secrets, read_chart_file, with_image

OVER_QUOTA = ("--code", "552", "--enhanced", "5.2.2", "--text", "552 5.2.2 mailbox is over quota", "--recipient")
UNKNOWN_USER = ("--code", "550", "--text", "5.1.1 no such user here", "--source", "walk", "--recipient")


class Walk(unittest.TestCase):
    server, sender = Server(), Sender()

    def setUp(self):
        self.started = time.monotonic()

    def tearDown(self):
        print(f"{time.monotonic() - self.started:6.1f} s ", end="", file=sys.stderr)

    def assert_suppressed(self, where, *names):
        for name in names:
            self.assertRegex(where.ctl(1, "check", f"{name}@example.com"), "yes +HARD_BOUNCE ADDRESS_NOT_FOUND")

    def wait_until_suppressed(self, where, name):
        wait_until(f"{name} is suppressed at the {where.name}",
                   lambda: "yes  " in where.ctl(None, "check", f"{name}@example.com"))

    def test_01_the_namespace_refuses_what_restricted_does_not_allow(self):
        cluster.create_namespace()
        refused = kubectl("run", "refused", "--image", "localhost/pause:1", code=1)
        self.assertIn("violates PodSecurity", refused.err)

    def test_02_the_server_is_installed(self):
        cluster.create_volume("server")
        self.server.helm("install")
        self.assertRegex(self.server.ctl(0, "status"), "SERVING +SERVING +SERVING")
        self.assertEqual(len(objects("networkpolicies")), 1)

    def test_03_helm_test_passes(self):
        helm("test", self.server.name, "--logs", "--timeout", f"{cluster.STEP_MAX_SECONDS}s")

    def test_04_the_demo_walk_passes_in_the_pod(self):
        demo.Demo(self.server.ctl).walk()

    def test_05_a_sender_is_installed_and_its_sidecar_answers(self):
        self.sender.prepare()
        self.sender.helm("install")
        self.assertRegex(self.sender.ctl(1, "check", "mary@example.edu"), "yes +HARD_BOUNCE")
        # The server by its whole name, too, past the sidecar.
        service = f"{self.server.name}.{cluster.NAMESPACE}.svc.cluster.local:7025"
        self.assertIn("yes", self.sender.ctl(1, "--target", service, "--insecure", "check", "mary@example.edu"))

    def test_06_what_is_reported_on_one_side_is_answered_on_the_other(self):
        self.server.ctl(0, "report", *UNKNOWN_USER, "told-server@example.com")
        self.wait_until_suppressed(self.sender, "told-server")
        self.assertIn("SUPPRESSED", self.sender.ctl(0, "report", *UNKNOWN_USER, "told-sidecar@example.com"))
        self.assert_suppressed(self.server, "told-sidecar")

    def test_07_the_examples_without_helm_run_as_well(self):
        kustomized = kubectl("kustomize", os.path.join(CHARTS, "kustomize", "example")).out
        for manifests in (read_chart_file("examples", "plain", "sender.yaml"), kustomized):
            sender = PlainSender()
            sender.install(manifests)
            self.assert_suppressed(sender, "told-server")
            sender.remove()
        server = kubectl("apply", "--dry-run=server", "--filename", "-", "--namespace", "default",
                         stdin=with_image(read_chart_file("examples", "plain", "server.yaml")))
        self.assertIn("statefulset.apps/suppressd created", server.out)

    def test_08_a_deleted_server_pod_comes_back_with_its_data_and_the_sidecar_answers_meanwhile(self):
        pod = self.server.pod()
        kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false")
        answers, is_back = 0, False
        while not is_back:
            self.assert_suppressed(self.sender, "told-server")
            answers += 1
            is_back = any(cluster.is_ready(p) and p["metadata"]["uid"] != pod["metadata"]["uid"]
                          for p in self.server.pods())
            self.assertLess(time.monotonic() - self.started, cluster.STEP_MAX_SECONDS, "the pod does not come back")
        self.assertGreater(answers, 1)
        self.assert_suppressed(self.server, "told-server", "told-sidecar")

    def test_09_a_report_while_the_server_is_away_arrives_when_it_is_back(self):
        self.server.scale(0)
        self.assertIn("AT_SIDECAR", self.sender.ctl(0, "report", *UNKNOWN_USER, "told-meanwhile@example.com"))
        self.assert_suppressed(self.sender, "told-server", "told-meanwhile")
        self.server.scale(1)
        self.wait_until_suppressed(self.server, "told-meanwhile")

    def test_10_an_upgrade_changes_policy_and_options_and_a_rollback_takes_them_back(self):
        def effect_of(address):
            return self.server.ctl(0, "report", *OVER_QUOTA, address)
        revision = self.server.revision()
        self.assertIn("SUPPRESSED", effect_of("full-1@example.com"))
        self.server.helm("upgrade", self.server.other_values)
        self.assertTrue(self.server.has_other_option())
        wait_until("the new policy is in force", lambda: "RECORDED" in effect_of(f"full-{time.time()}@example.com"))
        self.assert_suppressed(self.server, "told-server", "told-meanwhile")
        self.server.rollback(revision)
        self.assertFalse(self.server.has_other_option())
        wait_until("the old policy is in force", lambda: "SUPPRESSED" in effect_of(f"full-{time.time()}@example.com"))
        self.assert_suppressed(self.server, "told-server", "told-meanwhile")

    def test_11_a_policy_that_the_server_refuses_is_named_in_its_log_and_rolled_back(self):
        revision = self.server.revision()
        refused = {"policy": {"content": "default:\n  hard: {MAILBOX_FUL: {action: record}}\n"}}
        self.server.helm("upgrade", refused, seconds=5, code=1)
        wait_until("the log names file and line", lambda: "policy.yaml:2" in kubectl(
            "logs", self.server.pods()[0]["metadata"]["name"], code=None).out)
        self.assert_suppressed(self.sender, "told-server", "told-meanwhile")
        # A server that serves nobody does not keep its node, whatever its budget counts.
        drained = kubectl("drain", os.environ["NODE_NAME"], "--pod-selector", self.server.selector, "--dry-run=server",
                          "--timeout=10s", seconds=10 + cluster.CALL_MAX_SECONDS)
        self.assertIn("drained (server dry run)", drained.out)
        self.server.rollback(revision)
        self.assert_suppressed(self.server, "told-server", "told-meanwhile")

    def test_12_values_that_cannot_be_are_refused_and_change_nothing(self):
        revision = self.server.revision()
        for values, sentence in self.server.bad_values:
            with self.subTest(values=values):
                refused = self.server.helm("upgrade", values, code=1)
                self.assertIn(sentence, refused.err)
        self.assertEqual(self.server.revision(), revision)

    def test_13_a_drained_node_gets_its_pods_back_with_their_data(self):
        node = os.environ["NODE_NAME"]
        def drain(seconds, *arguments, **options):
            return kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", f"--timeout={seconds}s",
                           *arguments, seconds=seconds + cluster.CALL_MAX_SECONDS, **options)
        # A budget that allows no disruption is respected; the server's own allows one.
        self.server.helm("upgrade", {"podDisruptionBudget": {"maxUnavailable": 0}})
        refused = drain(2, "--pod-selector", self.server.selector, code=1)
        self.assertIn("violate the pod's disruption budget", refused.err)
        self.server.helm("upgrade")
        drain(cluster.STEP_MAX_SECONDS)
        self.assertFalse([p for p in objects("pods") if p["spec"].get("nodeName")], "the node is not empty")
        kubectl("uncordon", node)
        self.assert_suppressed(self.server, "told-server", "told-meanwhile")
        self.assert_suppressed(self.sender, "told-server", "told-meanwhile")

    def test_14_server_and_senders_go_over_to_mtls_and_roles_and_back(self):
        before = self.server.revision(), self.sender.revision()
        make_secrets("suppressd", f"suppressd.{cluster.NAMESPACE}.svc", clients=(self.sender.name, "helm-test"))
        self.server.helm("upgrade", self.server.secure_values)
        helm("test", self.server.name, "--logs", "--timeout", f"{cluster.STEP_MAX_SECONDS}s")
        kubectl("delete", "pod", f"{self.server.name}-test")  # helm leaves it
        self.sender.helm("upgrade", self.sender.secure_values)
        self.assert_suppressed(self.sender, "told-server", "told-meanwhile")
        self.assertIn("SUPPRESSED", self.sender.ctl(0, "report", *UNKNOWN_USER, "told-by-tls@example.com"))
        # The roles of its certificate let it follow and report, and no more.
        denied = self.sender.ctl(2, "suppress", "by-hand@example.com", "--note", "walk")
        self.assertIn("ACCESS_DENIED", denied)
        plaintext = self.sender.ctl(2, "--target", "suppressd:7025", "--insecure", "check", "told-server@example.com")
        self.assertIn("TLS", plaintext)
        self.server.rollback(before[0])
        self.sender.rollback(before[1])
        self.assert_suppressed(self.server, "told-server", "told-by-tls")

    def test_15_the_claim_template_changes_as_the_documentation_says_without_a_restart(self):
        before = self.server.pod()["metadata"]["uid"]
        kubectl("delete", "statefulset", self.server.name, "--cascade=orphan")
        self.server.helm("upgrade", {"persistence": {"size": "3Gi"}})
        self.assertEqual(self.server.pod()["metadata"]["uid"], before)
        self.assert_suppressed(self.server, "told-server", "told-meanwhile")

    def test_16_uninstalling_leaves_the_volume_and_a_new_install_finds_the_data(self):
        helm("uninstall", self.server.name, "--wait", "--timeout", f"{cluster.STEP_MAX_SECONDS}s")
        wait_until("the server pod is gone", lambda: not self.server.pods())
        claims = objects("persistentvolumeclaims")
        self.assertEqual([c["status"]["phase"] for c in claims], ["Bound"])
        self.server.helm("install")
        self.assert_suppressed(self.server, "told-server", "told-meanwhile")

    def test_17_everything_is_uninstalled(self):
        for release in (self.sender, self.server):
            helm("uninstall", release.name, "--wait", "--timeout", f"{cluster.STEP_MAX_SECONDS}s")
        wait_until("no pod is left", lambda: not objects("pods"))


def main():
    started = time.monotonic()
    walk = unittest.main(module="__main__", verbosity=2, failfast=True, exit=False)
    passed = walk.result.wasSuccessful()
    print(f"the walk took {time.monotonic() - started:.0f} s", file=sys.stderr)
    if not passed:
        cluster.explain()
    cluster.keep()
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
