"""Hashes of addresses in the log: servers, runs and sidecars that have the same key file can be joined, suppressctl hash finds
their lines, and a key file that may not be used is refused at the start."""

import contextlib
import json
import os
import time
import unittest

import canary
import harness
from canary import ADDRESS, SPELLINGS
from harness import SERVICE

KEY = "0123456789abcdef" * 4
WAIT_MAX_SECONDS = 120  # only a hanging test takes that long
REPLY = {"smtp_reply": {"recipient": ADDRESS, "text": "550 5.1.1 user unknown"}, "event_id": "1"}


def events(log):
    """The objects of a log."""
    return [json.loads(line) for line in log.splitlines()]


def named(log, *names):
    return [event for event in events(log) if event["event"] in names]


def call(method, request, *target):
    return harness.grpcurl("-plaintext", "-d", json.dumps(request), *target, f"{SERVICE}/{method}")


class LogKey(unittest.TestCase):
    def setUp(self):
        directory = harness.TemporaryDirectory()
        self.directory = directory.__enter__()
        self.addCleanup(directory.__exit__, None, None, None)
        self.key = self.write("key", KEY + "\n")

    def write(self, name, content, mode=0o640):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        os.chmod(path, mode)
        return path

    def hashes(self, *addresses, key=None):
        """What suppressctl says of addresses: their hashes, and the key's id."""
        outcome = harness.suppressctl("-o", "json", "hash", "--log_key_file", key or self.key, "-", stdin="\n".join(addresses))
        self.assertEqual(outcome.code, 0, str(outcome))
        answer = outcome.json()[0]
        return [result["addressHash"] for result in answer["results"]], answer["logKeyId"]

    def logged(self, *arguments):
        """The log of a server at which an address was suppressed and reactivated, and a domain suppressed."""
        with harness.Server(*arguments) as server:
            for method, target in (("Suppress", {"address": ADDRESS.upper()}), ("Reactivate", {"address": f"<{ADDRESS}>"}),
                                   ("Suppress", {"domain": f"{canary.DOMAIN}.example"})):
                outcome = call(method, {**target, "note": "x"}, server.tcp)
                self.assertEqual(outcome.code, 0, str(outcome))
            return server.log_at_end()

    def test_two_servers_and_suppressctl_give_the_same_hashes(self):
        (address, spelled, domain), key_id = self.hashes(ADDRESS, SPELLINGS[3], f"@{canary.DOMAIN}.example")
        self.assertEqual(address, spelled)
        for key in self.key, self.write("raw", KEY, 0o400):
            log = self.logged("--log_key_file", key)
            lines = named(log, "suppress", "reactivate")
            self.assertEqual([line["address_hash"] for line in lines], [address, address, domain], log)
            self.assertEqual({line["log_key_id"] for line in lines}, {key_id})
            self.assertEqual([line["log_key_id"] for line in named(log, "log_key_read")], [key_id])
            self.assertEqual(named(log, "log_key_made"), [])
            self.assertNotIn(KEY, log)

    def test_without_a_file_a_key_is_made_and_said_once(self):
        logs = [self.logged(), self.logged()]
        ids = [[line["log_key_id"] for line in named(log, "log_key_made")] for log in logs]
        self.assertEqual([len(found) for found in ids], [1, 1], logs)
        self.assertNotEqual(ids[0], ids[1])
        found = [[line["address_hash"] for line in named(log, "suppress")] for log in logs]
        self.assertNotEqual(found[0], found[1])
        for log, (key_id,) in zip(logs, ids):
            self.assertEqual({line["log_key_id"] for line in named(log, "suppress", "reactivate")}, {key_id})

    def test_another_key_has_another_id_and_other_hashes(self):
        other = self.hashes(ADDRESS, key=self.write("other", "f" * 32))
        self.assertNotEqual(other[0], self.hashes(ADDRESS)[0])
        self.assertNotEqual(other[1], self.hashes(ADDRESS)[1])

    def test_a_sidecar_says_which_address_a_refused_report_was_about(self):
        data, socket = os.path.join(self.directory, "data"), "unix:" + os.path.join(self.directory, "up.sock")
        with contextlib.ExitStack() as sidecars:
            with harness.Server("--listen_address", socket, data=data) as server:
                self.assertEqual(call("ReportBounce", REPLY, server.tcp).code, 0)
                sidecar = sidecars.enter_context(harness.Sidecar(socket, "--log_key_file", self.key))
            # The server has ended.
            other = {"complaint": {"recipient": ADDRESS}, "event_id": REPLY["event_id"]}
            taken = call("ReportBounce", other, "-unix", sidecar.unix)
            self.assertEqual(taken.json()[0]["durability"], "AT_SIDECAR", str(taken))
            with harness.Server("--listen_address", socket, data=data):
                deadline = time.monotonic() + WAIT_MAX_SECONDS
                while "report_refused" not in sidecar.log():
                    self.assertLess(time.monotonic(), deadline, sidecar.log())
                    time.sleep(0.05)
            log = sidecar.log_at_end()
            (line,) = named(log, "report_refused")
            self.assertEqual(line["why"], "REQUEST_ID_REUSED")
            self.assertEqual(([line["address_hash"]], line["log_key_id"]), self.hashes(ADDRESS))
            self.assertEqual(canary.found(log), [])

    def test_a_key_file_that_may_not_be_used_is_refused_at_the_start(self):
        fifo = os.path.join(self.directory, "fifo")
        os.mkfifo(fifo, 0o600)
        cases = ((self.write("open", KEY, 0o644), 2, "by others"), (self.write("short", "short\n"), 2, "32 to 1024 bytes"),
                 (self.write("long", "k" * 1025), 2, "32 to 1024 bytes"), (self.directory, 2, "no regular file"),
                 (fifo, 2, "no regular file"), (os.path.join(self.directory, "none"), 1, "cannot read log key file"))
        for command, more in ("serve", ["--listen_address", "127.0.0.1:0"]), ("sidecar", ["--upstream", "127.0.0.1:1"]):
            for path, code, words in cases:
                for check in [], ["--check_config"]:
                    arguments = [command, "--data_dir", os.path.join(self.directory, "refused"), *more,
                                 "--log_key_file", path, *check]
                    outcome = harness.run([harness.options.suppressd, *arguments])
                    self.assertEqual(outcome.code, code, f"{arguments}\n{outcome}")
                    self.assertIn(words, outcome.err, f"{arguments}\n{outcome}")
                    self.assertIn(path, outcome.err)
                    self.assertEqual(len(outcome.err.strip().splitlines()), 1, f"{arguments}\n{outcome}")
                    self.assertNotIn("kkkk", outcome.err)
            fine = harness.run([harness.options.suppressd, command, "--data_dir", os.path.join(self.directory, "fine"), *more,
                                "--log_key_file", self.key, "--check_config"])
            self.assertEqual((fine.code, fine.err), (0, ""), str(fine))
        self.assertFalse(os.path.exists(os.path.join(self.directory, "refused")), "made before the key was read")


if __name__ == "__main__":
    harness.main()
