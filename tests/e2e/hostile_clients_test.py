"""Hostile clients on the TCP port: memory stays bounded and is given back, everyone else is answered, and who goes too far
is cut off.

The same through TLS. HOSTILE_CLIENTS=full in the environment runs the attacks in the sizes of docs/decisions/0014, and
all of them through TLS; without, smaller ones, and those through TLS that differ most.
"""

import json
import mmap
import os
import signal
import subprocess
import sys
import threading
import time
import unittest

import certificates
import harness

FULL = os.environ.get("HOSTILE_CLIENTS") == "full"
FRAMES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hostile_frames.py")
RESIDENT_MAX_MIB = 512
# A sanitizer keeps what was freed, and more beside each allocation.
SANITIZER_FACTOR = 6
WAIT_MAX_SECONDS = 120
CHECK = json.dumps({"address": "jo@example.com"})


def resident_mib(server, key="VmRSS:"):
    with open(f"/proc/{server.process.pid}/status", encoding="utf-8") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024


def has_sanitizer(server):
    with open(f"/proc/{server.process.pid}/exe", "rb") as program:
        with mmap.mmap(program.fileno(), 0, access=mmap.ACCESS_READ) as text:
            return any(text.find(name) >= 0 for name in (b"__asan_init", b"__tsan_init"))


def check(server):
    speaks = "-insecure" if "--tls_cert_file" in server.arguments else "-plaintext"
    return harness.grpcurl(speaks, "-connect-timeout", "300", "-max-time", "300", "-d", CHECK, server.tcp, harness.SERVICE + "/IsSuppressed")


class Checks:
    """Someone who checks addresses one after the other, as long as the block lasts. Every check must be answered."""

    def __init__(self, server):
        self.server, self.failed, self.answered, self.end = server, [], 0, threading.Event()

    def run(self):
        while not self.end.is_set():
            outcome = check(self.server)
            if outcome.code == 0:
                self.answered += 1
            else:
                self.failed.append(str(outcome))

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def __exit__(self, *exception):
        while exception[0] is None and self.answered + len(self.failed) == 0:
            time.sleep(0.01)
        self.end.set()
        self.thread.join()


class Attack:
    """An attack in a process of its own. It goes on until it is cut off, is through, or its time is over."""

    def __init__(self, name, server, connections, mebibytes, seconds, cut_min=0, raw=False):
        """`raw`: without TLS, also where the server speaks it."""
        address = server.tcp if raw or "--tls_cert_file" not in server.arguments else "tls:" + server.tcp
        self.process = subprocess.Popen(
            [sys.executable, FRAMES, name, address, str(connections), str(mebibytes), str(seconds), str(cut_min)],
            stdout=subprocess.PIPE, text=True)

    def await_sent(self):
        """Waits until it has sent what it has, and holds its connections."""
        return json.loads(self.process.stdout.readline())

    def outcome(self):
        return json.loads(self.process.communicate()[0].splitlines()[-1])

    def stop(self):
        self.process.kill()
        self.process.communicate()


class Attacked(unittest.TestCase):
    """How attacks are run; `tls` are options of servers that speak TLS."""

    tls = ()

    def attack(self, name, connections, mebibytes, seconds, *arguments, cut_min=0, raw=False):
        """Runs an attack against a server of its own; checks go on beside it. What came of it."""
        with harness.Server(*self.tls, *arguments) as server:
            before = resident_mib(server)
            factor = SANITIZER_FACTOR if has_sanitizer(server) else 1
            with Checks(server) as checks:
                outcome = Attack(name, server, connections, mebibytes, seconds, cut_min, raw).outcome()
            peak = resident_mib(server, "VmHWM:")
            print(f"{name}: {before:.0f} MiB, at most {peak:.0f}, then {resident_mib(server):.0f}; "
                  f"{checks.answered} checks; {outcome}", file=sys.stderr)
            self.assertEqual(checks.failed, [])
            self.assertLessEqual(peak, RESIDENT_MAX_MIB * factor)
            if factor == 1:
                self.await_memory(server, before)
            self.assertEqual(check(server).code, 0)
            return outcome

    def await_memory(self, server, before):
        """Waits until at most a burst more than before is left."""
        deadline = time.monotonic() + WAIT_MAX_SECONDS
        while resident_mib(server) > before + 80:
            self.assertLess(time.monotonic(), deadline, f"{resident_mib(server)} MiB are not given back")
            time.sleep(0.1)

    def assert_all_cut(self, name, connections, mebibytes):
        """Runs an attack that goes on until all of its connections were cut."""
        outcome = self.attack(name, connections, mebibytes, 0, cut_min=connections)
        self.assertEqual((outcome["opened"], outcome["cut"]), (connections, connections), outcome)

    def assert_stop_is_not_held_up(self):
        timeout = 300
        with harness.Server(*self.tls, "--drain_timeout_seconds", str(timeout)) as server:
            attacks = [Attack("idle", server, 300, 1, 600), Attack("half_open", server, 20, 1, 600),
                       Attack("watches", server, 1, 1, 600), Attack("watches_without_window", server, 1, 1, 600),
                       Attack("half_tls_greetings", server, 20, 1, 600, raw=True)]
            try:
                for attack in attacks:
                    attack.await_sent()
                self.assertEqual(check(server).code, 0)
                server.process.send_signal(signal.SIGTERM)
                self.assertEqual(server.process.wait(timeout / 5), 0)
            finally:
                for attack in attacks:
                    attack.stop()


class HostileClientsTest(Attacked):
    def test_rapid_reset_is_cut_off(self):
        self.assert_all_cut("rapid_reset", 4, 66 if FULL else 24)

    def test_calls_beyond_the_limit_of_a_connection_are_cut_off(self):
        self.assert_all_cut("unread_answers", 4, 26 if FULL else 8)

    def test_calls_within_the_limit_of_each_connection_are_bounded_in_all(self):
        outcome = self.attack("quiet_unread_answers", 100, 64, 8 if FULL else 3, cut_min=1)
        self.assertGreater(outcome["cut"], 0)

    def test_batches_whose_answers_are_not_read_are_bounded(self):
        self.attack("unread_batches", 4, 100 if FULL else 30, 20 if FULL else 2)

    def test_requests_that_never_end_are_bounded(self):
        self.attack("half_requests", 4, 400 if FULL else 60, 20 if FULL else 2)

    def test_continuation_flood_is_cut_off(self):
        self.assert_all_cut("continuation_flood", 1, 400 if FULL else 16)

    def test_continuations_of_one_value_are_cut_off(self):
        self.assert_all_cut("continuation_of_one_value", 1, 100 if FULL else 16)

    def test_empty_continuations_are_cut_off(self):
        self.assert_all_cut("empty_continuations", 1, 50 if FULL else 16)

    def test_header_flood_is_cut_off(self):
        self.assert_all_cut("header_flood", 4, 200 if FULL else 60)

    def test_pings_are_cut_off(self):
        self.assert_all_cut("pings", 4, 50 if FULL else 24)

    def test_settings_are_cut_off(self):
        self.assert_all_cut("settings_flood", 4, 50 if FULL else 24)

    def test_empty_data_is_cut_off(self):
        self.assert_all_cut("empty_data", 4, 50 if FULL else 24)

    def test_window_updates_cost_no_memory(self):
        self.attack("window_updates", 4, 100 if FULL else 16, 20 if FULL else 2)

    def test_garbage_is_cut_off(self):
        self.assert_all_cut("garbage", 20, 10)

    def test_garbage_after_the_greeting_is_cut_off(self):
        self.assert_all_cut("garbage_after_greeting", 20, 10)

    def test_half_open_connections_beyond_the_limit_of_a_peer_are_turned_away(self):
        outcome = self.attack("half_open", 300, 1, 3, "--max_connections_per_peer", "200", cut_min=100)
        self.assertGreaterEqual(outcome["cut"], 100)

    def test_half_open_connections_are_cut_off_after_a_while(self):
        self.assert_all_cut("half_open", 100, 1)

    def test_watches_that_never_read_do_not_stop_writes_and_checks(self):
        reports = "".join(f"u{i}@example.com\t550\t5.1.1\t-\t-\tno such user\n" for i in range(5000 if FULL else 1000))
        with harness.Server() as server:
            watchers = Attack("watches", server, 200, 1, 600)
            try:
                watchers.await_sent()
                with Checks(server) as checks:
                    outcome = harness.suppressctl("--target", server.tcp, "report", "--file", "-", stdin=reports)
                self.assertEqual(outcome.code, 0, outcome)
                self.assertEqual(checks.failed, [])
            finally:
                watchers.stop()

    def test_idle_and_deaf_clients_do_not_hold_up_a_stop(self):
        self.assert_stop_is_not_held_up()


class HostileTlsClientsTest(Attacked):
    @classmethod
    def setUpClass(cls):
        scratch = harness.TemporaryDirectory()
        cls.tls = certificates.server(certificates.make(scratch.__enter__()))
        cls.addClassCleanup(scratch.__exit__)

    def test_rapid_reset_is_cut_off(self):
        self.assert_all_cut("rapid_reset", 4, 66 if FULL else 24)

    def test_calls_beyond_the_limit_of_a_connection_are_cut_off(self):
        self.assert_all_cut("unread_answers", 4, 26 if FULL else 8)

    def test_continuation_flood_is_cut_off(self):
        self.assert_all_cut("continuation_flood", 1, 400 if FULL else 16)

    def test_header_flood_is_cut_off(self):
        self.assert_all_cut("header_flood", 4, 200 if FULL else 60)

    def test_thousands_of_half_open_greetings_are_bounded_and_cut_off_after_a_while(self):
        for name in ("half_tls_greetings", "no_greetings"):
            with self.subTest(name):
                outcome = self.attack(name, 3000, 10, 0, "--max_connections", "4000", cut_min=3000, raw=True)
                self.assertEqual((outcome["opened"], outcome["cut"]), (3000, 3000), outcome)

    def test_idle_and_deaf_clients_do_not_hold_up_a_stop(self):
        self.assert_stop_is_not_held_up()

    @unittest.skipUnless(FULL, "HOSTILE_CLIENTS=full runs it")
    def test_the_other_attacks_are_cut_off(self):
        for name, connections, mebibytes in [
                ("continuation_of_one_value", 1, 100), ("empty_continuations", 1, 50), ("pings", 4, 50),
                ("settings_flood", 4, 50), ("empty_data", 4, 50), ("garbage", 20, 10),
                ("garbage_after_greeting", 20, 10), ("half_open", 100, 1)]:
            with self.subTest(name):
                self.assert_all_cut(name, connections, mebibytes)

    @unittest.skipUnless(FULL, "HOSTILE_CLIENTS=full runs it")
    def test_what_is_not_cut_off_is_bounded(self):
        for name, connections, mebibytes, seconds in [
                ("quiet_unread_answers", 100, 64, 8), ("unread_batches", 4, 100, 20), ("half_requests", 4, 400, 20),
                ("window_updates", 4, 100, 20)]:
            with self.subTest(name):
                self.attack(name, connections, mebibytes, seconds)


if __name__ == "__main__":
    harness.main()
