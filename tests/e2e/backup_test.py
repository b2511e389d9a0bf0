"""Backups of a running server, and what is restored from them; the drill of docs/operating.md as it is written."""

import os
import re
import shutil
import signal
import stat
import subprocess
import threading
import time
import unittest

import harness
from harness import SERVICE

WAIT_MAX_SECONDS = 120  # only a hanging test takes that long
WRITTEN_BEFORE, WRITTEN_AFTER = 20, 20
KILLS_MAX = 50
DISK_KIB = 32


class Writer(threading.Thread):
    """Suppresses one address after the other, and knows which were acknowledged."""

    def __init__(self, target):
        super().__init__()
        self.target, self.begun, self.acknowledged = target, 0, 0
        self.stopping = threading.Event()

    @staticmethod
    def address(number):
        return f"u{number}@example.com"

    def run(self):
        while not self.stopping.is_set():
            self.begun += 1
            outcome = harness.suppressctl("--target", self.target, "--timeout", "5s", "suppress", self.address(self.begun - 1),
                                          "--note", "test")
            if outcome.code != 0:
                return
            self.acknowledged += 1

    def wait_for(self, count):
        deadline = time.monotonic() + WAIT_MAX_SECONDS
        while self.acknowledged < count:
            if not self.is_alive() or time.monotonic() > deadline:
                raise AssertionError(f"{self.acknowledged} of {count} writes were acknowledged")
            time.sleep(0.01)


class Backups(unittest.TestCase):
    def setUp(self):
        self.directory = self.enterContext(harness.TemporaryDirectory())
        self.data = os.path.join(self.directory, "data")
        self.backups = os.path.join(self.directory, "backups")
        self.restored = os.path.join(self.directory, "restored")

    def serve(self, *arguments, data=None):
        return harness.Server("--backup_dir", self.backups, "--backup_interval_hours", "0", *arguments, data=data or self.data)

    def backup(self, server):
        outcome = harness.suppressctl("--target", server.tcp, "backup", "-o", "json")
        self.assertEqual(outcome.code, 0, str(outcome))
        return outcome.json()[0]["backup"]

    def suppress(self, server, address):
        outcome = harness.suppressctl("--target", server.tcp, "suppress", address, "--note", "test", "-o", "json")
        self.assertEqual(outcome.code, 0, str(outcome))
        return outcome.json()[0]

    def restore(self, *arguments, into=None):
        return harness.run([harness.options.suppressd, "restore", "--from", self.backups, "--data_dir", into or self.restored,
                            *arguments])

    def assert_restored(self, *arguments, into=None):
        outcome = self.restore(*arguments, into=into)
        self.assertEqual(outcome.code, 0, str(outcome))
        return dict(line.split(" ", 1) for line in outcome.out.splitlines())

    def assert_refused(self, outcome, what):
        self.assertEqual(outcome.code, 1, str(outcome))
        self.assertEqual(len(outcome.err.strip().splitlines()), 1, str(outcome))
        self.assertRegex(outcome.err, what)

    def refusal_to_serve(self, data):
        return harness.run([harness.options.suppressd, "serve", "--data_dir", data, "--listen_address", "127.0.0.1:0"])

    def is_suppressed(self, server, address):
        check = harness.grpcurl("-plaintext", "-d", f'{{"address": "{address}"}}', server.tcp, f"{SERVICE}/IsSuppressed")
        return check.json()[0]["answer"] == "SUPPRESSED"

    def kill(self, server):
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        shutil.rmtree(server.directory, ignore_errors=True)

    def test_a_server_that_is_killed_under_load_comes_back_from_its_backup(self):
        server = self.serve()
        server.__enter__()
        try:
            writer = Writer(server.tcp)
            writer.start()
            writer.wait_for(WRITTEN_BEFORE)
            acknowledged_before = writer.acknowledged
            made = self.backup(server)
            begun_by_then = writer.begun
            writer.wait_for(acknowledged_before + WRITTEN_AFTER)
        finally:
            self.kill(server)
        writer.join()
        said = self.assert_restored()
        self.assertEqual(said["backup"], made["id"])
        self.assertEqual(int(said["next_revision"]), int(said["revision"]) + 1)
        with self.serve(data=self.restored) as again:
            there = [self.is_suppressed(again, Writer.address(number)) for number in range(writer.begun)]
            count = there.index(False) if False in there else len(there)
            self.assertNotIn(True, there[count:], "what is there is all up to one write")
            self.assertGreaterEqual(count, acknowledged_before)
            self.assertLessEqual(count, begun_by_then)
            self.assertEqual(int(said["revision"]), count)
            old = harness.suppressctl("--target", again.tcp, "check", "u0@example.com", "--at_least", made["revisionToken"])
            self.assertIn("LINEAGE_MISMATCH", old.err, str(old))
            self.suppress(again, "new@example.com")
            self.assertTrue(self.is_suppressed(again, "new@example.com"))
            self.assertEqual(int(self.backup(again)["id"]), int(made["id"]) + 1)

    def test_a_restore_that_is_killed_is_refused_until_it_is_made_again(self):
        with self.serve() as server:
            self.suppress(server, "jo@example.com")
            self.backup(server)
        for number in range(KILLS_MAX):  # one may be done before it is killed
            into = f"{self.restored}{number}"
            process = subprocess.Popen([harness.options.suppressd, "restore", "--from", self.backups, "--data_dir", into],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while process.poll() is None and not os.path.exists(into + "/FORMAT"):
                pass
            process.kill()
            process.wait()
            with open(into + "/FORMAT", encoding="utf-8") as file:
                if "state restoring" in file.read():
                    break
        else:
            self.fail("every restore was done before it was killed")
        self.assert_refused(self.refusal_to_serve(into), "whose restore did not end; delete what is in it and restore again")
        self.assert_refused(self.restore(into=into), "is not empty")
        shutil.rmtree(into)
        self.assert_restored(into=into)
        with self.serve(data=into) as again:
            self.assertTrue(self.is_suppressed(again, "jo@example.com"))

    def test_a_restore_goes_only_where_nothing_is(self):
        with self.serve() as server:
            self.backup(server)
            self.assert_refused(self.restore(into=self.data), "is not empty")
            self.assert_refused(self.restore("--backup_id", "99"), "holds no complete backup 99")
            self.assertFalse(os.path.exists(self.restored))
            self.assert_restored("--backup_id", "1")
        outcome = harness.run([harness.options.suppressd, "restore", "--from", self.data, "--data_dir", self.restored + "2"])
        self.assert_refused(outcome, "not of backups")

    def test_a_backup_is_made_at_the_start_and_told_of(self):
        with harness.Server("--backup_dir", self.backups, "--management_address", "127.0.0.1:0", data=self.data) as server:
            deadline = time.monotonic() + WAIT_MAX_SECONDS
            while '"event":"backup_made"' not in server.log():
                self.assertLess(time.monotonic(), deadline, server.log())
                time.sleep(0.05)
            listed = harness.suppressctl("--target", server.tcp, "backups", "-o", "json")
            self.assertEqual([backup["id"] for backup in listed.json()[0]["backups"]], ["1"], str(listed))
        offline = harness.run([harness.options.suppressd, "backups", "--from", self.backups])
        self.assertRegex(offline.out, r"\AID .*\n1 .*\n\Z", str(offline))

    def test_backups_are_for_their_owner_alone(self):
        old = os.umask(0)
        try:
            with self.serve() as server:
                self.backup(server)
            self.assert_restored()
        finally:
            os.umask(old)
        for top in self.backups, self.restored:
            for directory, _, files in os.walk(top):
                self.assertEqual(stat.S_IMODE(os.stat(directory).st_mode), 0o700, directory)
                for name in files:
                    self.assertEqual(stat.S_IMODE(os.stat(os.path.join(directory, name)).st_mode), 0o600, name)

    def test_a_full_disk_of_backups_does_not_end_the_writes(self):
        probe = harness.small_disk(DISK_KIB)
        if probe is None:
            self.skipTest("no mounts are allowed here")
        os.mkdir(self.backups)
        prefix = [part.replace("DATA", self.backups) for part in probe]
        with harness.Server("--backup_dir", self.backups, "--backup_interval_hours", "0", prefix=prefix, data=self.data) as server:
            self.suppress(server, "before@example.com")
            outcome = harness.suppressctl("--target", server.tcp, "backup")
            self.assertEqual(outcome.code, 2, str(outcome))
            self.assertIn("STORAGE_UNAVAILABLE", outcome.err)
            self.suppress(server, "after@example.com")
            listed = harness.suppressctl("--target", server.tcp, "backups", "-o", "json")
            self.assertNotIn("backups", listed.json()[0], str(listed))

    def test_without_a_directory_there_are_no_backups(self):
        with harness.Server(data=self.data) as server:
            for command in "backup", "backups":
                outcome = harness.suppressctl("--target", server.tcp, command)
                self.assertEqual(outcome.code, 2, str(outcome))
                self.assertIn("BACKUPS_OFF", outcome.err)

    def test_backups_and_data_do_not_lie_in_each_other(self):
        for backups in self.data, self.data + "/backups", self.directory:
            outcome = harness.run([harness.options.suppressd, "serve", "--data_dir", self.data, "--backup_dir", backups,
                                   "--check_config"])
            self.assertEqual(outcome.code, 2, str(outcome))
            self.assertIn("must not lie in each other", outcome.err)

    def test_a_directory_of_something_else_is_found_by_check_config(self):
        os.mkdir(self.backups)
        with open(self.backups + "/precious", "wb"):
            pass
        outcome = harness.run([harness.options.suppressd, "serve", "--data_dir", self.data, "--backup_dir", self.backups,
                               "--check_config"])
        self.assertEqual(outcome.code, 2, str(outcome))
        self.assertIn("backup_dir: ", outcome.err)
        self.assertEqual(os.listdir(self.backups), ["precious"])

    def test_the_drill_works_as_it_is_written(self):
        with open(os.path.join(harness.REPOSITORY, "docs", "operating.md"), encoding="utf-8") as file:
            steps = re.search(r"<!-- drill: begin -->\n```console\n(.*?)```\n<!-- drill: end -->", file.read(), re.S)[1]
        with self.serve() as server:
            reported = harness.suppressctl("--target", server.tcp, "report", "--recipient", "jo@example.com", "--text",
                                           "550 5.1.1 no such user")
            self.assertEqual(reported.code, 0, str(reported))
            drill = os.path.join(self.directory, "drill")
            for written, here in (("127.0.0.1:7025", server.tcp), ("/var/backups/suppressd", self.backups),
                                  ("/tmp/suppressd-drill", drill)):
                self.assertIn(written, steps)
                steps = steps.replace(written, here)
            folders = [os.path.dirname(program) for program in (harness.options.suppressd, harness.options.suppressctl)]
            script = f"export PATH={':'.join(folders)}:$PATH\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\nset -e\n{steps}"
            completed = subprocess.run(["bash", "-c", script], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                       timeout=harness.CALL_MAX_SECONDS, check=False)
            outcome = harness.Outcome(completed)
            self.assertEqual(outcome.code, 0, str(outcome))
            checksum = re.search(r"^meta_sha256 ([0-9a-f]{64})$", outcome.out, re.M)[1]
            self.assertEqual(outcome.out.count(checksum), 3, "made, listed and restored\n" + str(outcome))
            self.assertIn("550 5.1.1 no such user", outcome.out)
            self.assertFalse(os.path.exists(drill))
            self.assertTrue(self.is_suppressed(server, "jo@example.com"))


if __name__ == "__main__":
    harness.main()
