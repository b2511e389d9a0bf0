"""What an operator does with the charts, on a real Kubernetes (script/test_kubernetes): one walk, its steps in order.

A step that fails ends the walk, with objects, events and logs printed.
"""

import os
import signal
import sys
import time
import unittest

import cluster
import demo
from cluster import Failed, get, helm, kubectl, wait_until
from releases import SENDER, SERVER, Sender, Server

SOFT_LIMIT_SECONDS = 240  # the aim for all steps


def gone_address(name):
    return ("--recipient", f"{name}@example.com", "--code", "550", "--text", "5.1.1 no such user here", "--source",
            "walk")


class Walk(unittest.TestCase):
    server, sender = Server(), Sender()

    def setUp(self):
        self.started = time.monotonic()

    def tearDown(self):
        print(f"{time.monotonic() - self.started:6.1f} s  {self._testMethodName}", file=sys.stderr)

    def assert_suppressed(self, where, *names):
        for name in names:
            self.assertRegex(where.ctl(1, "check", f"{name}@example.com"), "yes +HARD_BOUNCE ADDRESS_NOT_FOUND")

    def test_01_the_namespace_refuses_what_restricted_does_not_allow(self):
        cluster.create_namespace()
        refused = kubectl("run", "refused", "--image", "localhost/pause:1", "--privileged", code=1)
        self.assertIn("violates PodSecurity", refused.err)

    def test_02_the_server_installs(self):
        cluster.create_volume("server", cluster.STORAGE_CLASS)
        self.server.install()
        self.assertRegex(self.server.ctl(0, "status"), "SERVING")

    def test_03_helm_test_passes(self):
        helm("test", SERVER, "--logs")

    def test_04_the_demo_walk_passes_in_the_pod(self):
        demo.Demo(self.server.ctl).walk()

    def test_05_a_sender_with_a_sidecar_gets_the_list(self):
        self.sender.install()
        self.assertRegex(self.sender.ctl(1, "check", "mary@example.edu"), "yes +HARD_BOUNCE")

    def test_06_what_is_reported_to_the_server_is_answered_beside_the_sender(self):
        self.server.ctl(0, "report", *gone_address("told-server"))
        wait_until("the sidecar has the report", lambda: "yes" in self.sender.ctl(None, "check",
                                                                                   "told-server@example.com"))
        self.sender.ctl(0, "report", *gone_address("told-sidecar"))
        self.assert_suppressed(self.server, "told-sidecar")

    def test_07_a_deleted_server_pod_comes_back_with_its_data_and_the_sidecar_answers_meanwhile(self):
        before = self.server.pod()["metadata"]["uid"]
        kubectl("delete", "pod", self.server.pod_name(), "--wait=false")
        answers = 0
        while not self.server.is_back(before):
            self.assert_suppressed(self.sender, "told-server", "told-sidecar")
            answers += 1
            self.assertLess(time.monotonic() - self.started, cluster.STEP_MAX_SECONDS)
        self.assertGreater(answers, 0)
        self.assert_suppressed(self.server, "told-server", "told-sidecar")

    def test_08_a_report_while_the_server_is_away_arrives_when_it_is_back(self):
        self.server.scale(0)
        answer = self.sender.ctl(0, "report", *gone_address("told-while-away"))
        self.assertIn("LOCAL_DURABLE", answer)
        self.assert_suppressed(self.sender, "told-while-away", "told-server")
        self.server.scale(1)
        wait_until("the report has arrived at the server", lambda: "yes" in self.server.ctl(
            None, "check", "told-while-away@example.com"))

    def test_09_an_upgrade_changes_options_and_policy_and_a_rollback_takes_them_back(self):
        full = ("--code", "552", "--enhanced", "5.2.2", "--text", "552 5.2.2 mailbox is over quota", "--recipient")
        self.assertIn("SUPPRESSED", self.server.ctl(0, "report", *full, "full-1@example.com"))
        self.server.upgrade(self.server.values_with_another_policy())
        self.assertIn("--log_level", str(self.server.pod()["spec"]) )
        answer = self.server.ctl(0, "report", *full, "full-2@example.com")
        self.assertRegex(answer, "RECORDED")
        self.assert_suppressed(self.server, "told-server", "told-while-away")
        helm("rollback", SERVER, "1", "--wait")
        self.server.wait_for_rollout()
        self.assertIn("SUPPRESSED", self.server.ctl(0, "report", *full, "full-3@example.com"))
        self.assert_suppressed(self.server, "told-server", "told-while-away")
