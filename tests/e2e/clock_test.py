"""The server's clock is stepped by two years, both ways, with and without a restart: nothing is lost and nothing sticks.

The server runs under libfaketime, which reads how far its clock is off from a file; its steady clock stays true.
"""

import glob
import json
import os
import time
import unittest

import harness

YEARS = 2 * 365 * 86_400
IDS = [f"3f0c1f6e-7a55-4c5e-9d1b-{n:012d}" for n in range(100)]


class Machine:
    """A data directory, and a clock that servers on it are started with."""

    def __init__(self, directory):
        self.data = os.path.join(directory, "data")
        self.clock = os.path.join(directory, "clock")
        self.step(0)

    def step(self, seconds):
        """From now on the clock is this far ahead of the true one."""
        with open(self.clock + ".new", "w", encoding="ascii") as file:
            file.write(f"{seconds:+d}\n")
        os.rename(self.clock + ".new", self.clock)

    def prefix(self):
        """What a program under this clock is started with."""
        library = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
        if not library:
            raise RuntimeError("no libfaketime here: run script/bootstrap test")
        return ("env", "LD_PRELOAD=" + library[0], "FAKETIME_TIMESTAMP_FILE=" + self.clock, "FAKETIME_NO_CACHE=1",
                "DONT_FAKE_MONOTONIC=1", "ASAN_OPTIONS=detect_leaks=0")

    def server(self, *arguments):
        return harness.Server(*arguments, data=self.data, prefix=self.prefix())


class Clock(unittest.TestCase):
    def setUp(self):
        directory = harness.TemporaryDirectory()
        self.machine = Machine(directory.__enter__())
        self.addCleanup(directory.__exit__)
        self.ids = iter(IDS)

    def call(self, server, method, request, service=harness.SERVICE, *flags):
        return harness.grpcurl("-plaintext", *flags, "-d", json.dumps(request), server.tcp, f"{service}/{method}")

    def ok(self, server, method, request):
        answer = self.call(server, method, request)
        self.assertEqual(answer.code, 0, f"{method}: {answer}")
        return answer.json()[0]

    def bounce(self, server, address, request_id=None):
        return self.ok(server, "ReportBounce", {
            "request_id": request_id or next(self.ids),
            "smtp_reply": {"recipient": address, "text": "550 5.1.1 no such user"}})

    def reactivate(self, server, address):
        return self.ok(server, "Reactivate", {"address": address, "note": "works", "request_id": next(self.ids)})

    def suppressed(self, server, address):
        check = self.ok(server, "IsSuppressed", {"address": address})
        self.assertIn(check["answer"], ("SUPPRESSED", "NOT_SUPPRESSED"))
        return check["answer"] == "SUPPRESSED"

    def assert_suspect(self, server):
        for method, request in (("ReportBounce", {"complaint": {"recipient": "x@example.com"}}),
                                ("Suppress", {"address": "x@example.com", "type": "MANUAL", "note": "n"}),
                                ("Reactivate", {"address": "x@example.com", "note": "n"})):
            refused = self.call(server, method, request)
            self.assertIn("CLOCK_SUSPECT", refused.err, f"{method}: {refused}")
            self.assertIn("--accept_clock", refused.err)

    def assert_nothing_sticks(self, server, address):
        """A hard bounce, a reactivation and another bounce do what they do at any time."""
        self.assertEqual(self.bounce(server, address)["outcomes"][0]["effect"], "SUPPRESSED")
        self.assertTrue(self.suppressed(server, address))
        self.reactivate(server, address)
        self.assertFalse(self.suppressed(server, address))
        self.assertEqual(self.bounce(server, address)["outcomes"][0]["effect"], "SUPPRESSED")
        self.assertTrue(self.suppressed(server, address))
        self.assertEqual(len(self.ok(server, "GetBounceDetails", {"address": address})["events"]), 2)

    def await_log(self, server, event):
        deadline = time.monotonic() + 60
        while event not in server.log():
            self.assertLess(time.monotonic(), deadline, f"no {event} in the log")
            time.sleep(0.02)

    def step_while_it_runs(self, seconds):
        with self.machine.server("--change_log_max_revisions", "1000") as server:
            request_id = next(self.ids)
            token = self.bounce(server, "before@example.com", request_id)["revision_token"]
            self.bounce(server, "lifted@example.com")
            full = self.ok(server, "ReportBounce", {
                "smtp_reply": {"recipient": "full@example.com", "text": "552 5.2.2 mailbox full"}})
            self.assertEqual(full["outcomes"][0]["effect"], "SUPPRESSED")
            self.machine.step(seconds)
            self.assertTrue(self.suppressed(server, "full@example.com"), "a lease of some days goes on")
            self.reactivate(server, "lifted@example.com")
            self.assert_nothing_sticks(server, "meanwhile@example.com")
            self.await_log(server, "clock_suspect")
            self.machine.step(0)
            self.assertTrue(self.bounce(server, "before@example.com", request_id)["duplicate"])
            for address in ("before@example.com", "meanwhile@example.com"):
                self.assertTrue(self.ok(server, "GetBounceDetails", {"address": address})["events"], address)
            watch = self.call(server, "Watch", {"after": token}, harness.SERVICE, "-max-time", "5")
            self.assertNotIn("HISTORY_GONE", watch.err)
            self.assertIn("meanwhile@example.com", watch.out)
            self.assertFalse(self.suppressed(server, "lifted@example.com"))
            self.bounce(server, "lifted@example.com")
            self.assertTrue(self.suppressed(server, "lifted@example.com"), "a bounce after the reactivation counts")
            self.assert_nothing_sticks(server, "after@example.com")
            self.await_log(server, "clock_believed")
        with self.machine.server() as server:
            self.assertTrue(self.suppressed(server, "before@example.com"))
            self.assert_nothing_sticks(server, "later@example.com")

    def test_a_step_ahead_while_it_runs(self):
        self.step_while_it_runs(YEARS)

    def test_a_step_back_while_it_runs(self):
        self.step_while_it_runs(-YEARS)

    def test_a_step_of_a_sidecars_clock_ends_no_lease(self):
        with harness.Server() as server, harness.Sidecar(server.tcp, prefix=self.machine.prefix()) as sidecar:
            full = self.ok(server, "ReportBounce", {
                "smtp_reply": {"recipient": "full@example.com", "text": "552 5.2.2 mailbox full"}})
            check = {"address": "full@example.com", "at_least": full["revision_token"]}
            for seconds in (0, YEARS, -YEARS):
                self.machine.step(seconds)
                answer = harness.grpcurl("-plaintext", "-unix", "-d", json.dumps(check), sidecar.unix,
                                         harness.SERVICE + "/IsSuppressed")
                self.assertEqual(answer.code, 0, answer)
                self.assertEqual(answer.json()[0]["answer"], "SUPPRESSED", f"{seconds}: {answer}")

    def restart_under_a_wrong_clock(self, seconds):
        request_id = next(self.ids)
        with self.machine.server() as server:
            token = self.bounce(server, "before@example.com", request_id)["revision_token"]
        self.machine.step(seconds)
        with self.machine.server() as server:
            self.assertTrue(self.suppressed(server, "before@example.com"), "checks go on")
            self.assertTrue(self.ok(server, "GetBounceDetails", {"address": "before@example.com"})["events"])
            self.assert_suspect(server)
            self.await_log(server, "writes_refused")
            health = harness.grpcurl("-plaintext", "-d", json.dumps({"service": harness.SERVICE + "/write"}), server.tcp,
                                     "grpc.health.v1.Health/Check")
            self.assertIn("NOT_SERVING", health.out, health)
            self.machine.step(0)
            self.await_log(server, "writes_taken_again")
            self.assert_nothing_sticks(server, "set@example.com")
            self.assertTrue(self.bounce(server, "before@example.com", request_id)["duplicate"])
            watch = self.call(server, "Watch", {"after": token}, harness.SERVICE, "-max-time", "5")
            self.assertIn("set@example.com", watch.out)

    def test_a_start_under_a_clock_that_is_ahead(self):
        self.restart_under_a_wrong_clock(YEARS)

    def test_a_start_under_a_clock_that_is_behind(self):
        self.restart_under_a_wrong_clock(-YEARS)

    def test_a_list_that_was_written_under_a_wrong_clock_finds_its_way_back(self):
        self.machine.step(YEARS)
        with self.machine.server() as server:  # a new list has nothing to hold the clock against
            self.bounce(server, "ahead@example.com")
            self.reactivate(server, "ahead@example.com")
            self.bounce(server, "kept@example.com")
        self.machine.step(0)
        with self.machine.server() as server:
            self.assert_suspect(server)
            self.assertTrue(self.suppressed(server, "kept@example.com"))
            today = self.call(server, "Suppress", {"address": "x@example.com", "type": "MANUAL", "note": "n"})
        day = today.err.split("--accept_clock ")[1][:10]
        with self.machine.server("--accept_clock", day) as server:
            self.assertTrue(self.suppressed(server, "kept@example.com"))
            self.assertTrue(self.ok(server, "GetBounceDetails", {"address": "kept@example.com"})["events"])
            self.bounce(server, "ahead@example.com")
            self.assertTrue(self.suppressed(server, "ahead@example.com"))
            self.assert_nothing_sticks(server, "new@example.com")
        with self.machine.server("--accept_clock", day) as server:
            self.assert_nothing_sticks(server, "again@example.com")

    def test_an_accepted_clock_must_be_of_the_day_that_was_said(self):
        with self.machine.server() as server:
            self.bounce(server, "before@example.com")
        self.machine.step(YEARS)
        with self.machine.server("--accept_clock", "2026-01-01") as server:
            self.assert_suspect(server)
        for text in ("tomorrow", "2026-13-01"):
            refused = harness.run([harness.options.suppressd, "serve", "--check_config", "--data_dir", self.machine.data,
                                   "--accept_clock", text])
            self.assertNotEqual(refused.code, 0)
            self.assertIn("YYYY-MM-DD", refused.err)


if __name__ == "__main__":
    harness.main()
