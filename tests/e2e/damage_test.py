"""Files of the data directory that are lost, damaged or half written: suppressd serves all of what it acknowledged, or it
names the file and does not start."""

import glob
import os
import shutil
import stat
import subprocess
import time
import unittest

import harness
from harness import SERVICE

RUNS = 3
DISK_KIB = 4096
WAIT_MAX_SECONDS = 120  # only a hanging test takes that long


class Damage(unittest.TestCase):
    def setUp(self):
        directory = self.enterContext(harness.TemporaryDirectory())
        self.data = os.path.join(directory, "data")
        self.aside = os.path.join(directory, "aside")

    def suppress_one_in_each_run(self):
        for run in range(RUNS):
            with harness.Server(data=self.data) as server:
                outcome = harness.suppressctl("--target", server.tcp, "suppress", f"run{run}@example.com", "--note", "test")
                self.assertEqual(outcome.code, 0, str(outcome))

    def assert_all_suppressed(self, server):
        for run in range(RUNS):
            check = harness.grpcurl("-plaintext", "-d", f'{{"address": "run{run}@example.com"}}', server.tcp,
                                    f"{SERVICE}/IsSuppressed")
            self.assertEqual(check.json()[0]["answer"], "SUPPRESSED", f"run {run} is forgotten\n{check}")

    def refusal(self):
        """What a server says that does not start."""
        completed = subprocess.run(
            [harness.options.suppressd, "serve", "--data_dir", self.data, "--listen_address", "127.0.0.1:0"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=harness.START_MAX_SECONDS, check=False)
        outcome = harness.Outcome(completed)
        self.assertEqual(outcome.code, 1, str(outcome))
        self.assertEqual(len(outcome.err.strip().splitlines()), 1, str(outcome))
        return outcome.err

    def test_a_log_that_is_lost_cut_or_altered_is_named_and_can_be_put_back(self):
        self.suppress_one_in_each_run()
        logs = [log for log in glob.glob(self.data + "/db/*.log") if os.path.getsize(log) > 0]
        self.assertTrue(logs)
        for log in logs:
            with open(log, "rb") as file:
                sound = file.read()
            for damaged in (None, b"", sound[:len(sound) // 2], sound[:5] + bytes([sound[5] ^ 0x10]) + sound[6:]):
                os.rename(log, self.aside)
                if damaged is not None:
                    with open(log, "wb") as file:
                        file.write(damaged)
                self.assertRegex(self.refusal(), self.data + "/db.*from a backup.*ACCEPT_LOSS")
                os.rename(self.aside, log)
        with harness.Server(data=self.data) as server:
            self.assert_all_suppressed(server)

    def test_an_accepted_loss_serves_what_is_left(self):
        self.suppress_one_in_each_run()
        for log in glob.glob(self.data + "/db/*.log"):
            os.remove(log)
        self.refusal()
        with open(self.data + "/ACCEPT_LOSS", "wb"):
            pass
        with harness.Server(data=self.data) as server:
            listed = harness.grpcurl("-plaintext", "-d", "{}", server.tcp, f"{SERVICE}/ListSuppressions").json()[0]
            self.assertEqual(len(listed["suppressions"]), RUNS - 1, "the logs of the last run are gone")
            self.assertNotIn("damaged_count", listed)
        self.assertFalse(os.path.exists(self.data + "/ACCEPT_LOSS"))

    def test_a_full_disk_does_not_end_the_checks(self):
        self.suppress_one_in_each_run()
        probe = harness.small_disk(DISK_KIB)
        if probe is None:
            self.skipTest("no mounts are allowed here")
        fill = (f'mount -t tmpfs -o size={DISK_KIB}k tmpfs DATA && cp -a "{self.aside}/." DATA && '
                '{ cat /dev/zero > DATA/filler 2>/dev/null; true; } && exec "$@"')
        os.rename(self.data, self.aside)
        prefix = [*probe[:probe.index("sh")], "sh", "-c", fill, "sh"]
        with harness.Server("--block_cache_mib", "8", "--min_free_disk_mib", "0", prefix=prefix, data=self.data) as server:
            self.assert_all_suppressed(server)
            outcome = harness.suppressctl("--target", server.tcp, "suppress", "new@example.com", "--note", "test")
            self.assertIn("STORAGE_UNAVAILABLE", outcome.err + outcome.out, str(outcome))
            os.unlink(f"/proc/{server.process.pid}/root{self.data}/filler")
            self.await_write(server)
            self.assert_all_suppressed(server)
        os.rmdir(self.data)
        shutil.copytree(self.aside, self.data)
        with harness.Server(data=self.data) as server:
            self.assert_all_suppressed(server)
            outcome = harness.suppressctl("--target", server.tcp, "suppress", "new@example.com", "--note", "test")
            self.assertEqual(outcome.code, 0, str(outcome))

    def await_write(self, server):
        deadline = time.monotonic() + WAIT_MAX_SECONDS
        while True:
            outcome = harness.suppressctl("--target", server.tcp, "suppress", "later@example.com", "--note", "test")
            if outcome.code == 0:
                return
            self.assertLess(time.monotonic(), deadline, str(outcome))
            time.sleep(0.1)

    def test_what_it_writes_is_for_its_owner_alone(self):
        old = os.umask(0)
        try:
            self.suppress_one_in_each_run()
        finally:
            os.umask(old)
        for directory, _, files in os.walk(self.data):
            if directory != self.data:  # that one was there before
                self.assertEqual(stat.S_IMODE(os.stat(directory).st_mode), 0o700, directory)
            for name in files:
                path = os.path.join(directory, name)
                self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600, path)


if __name__ == "__main__":
    harness.main()
