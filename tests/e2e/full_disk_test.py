"""A disk that runs full under a serving suppressd: writes are refused with a reason, reads go on, nothing is lost."""

import resource
import signal
import time
import unittest

import harness
from harness import SERVICE

DISK_KIB = 2048
WRITES_MAX = 200
WAIT_MAX_SECONDS = 60  # only a hanging test takes that long
NOTE = "x" * 1900


class FullDisk(unittest.TestCase):
    def call(self, server, method, request):
        return harness.grpcurl("-plaintext", "-d", request, server.tcp, method)

    def suppress(self, server, number):
        return self.call(server, f"{SERVICE}/Suppress", f'{{"address": "a{number}@example.com", "note": "{NOTE}"}}')

    def health(self, server, name):
        outcome = self.call(server, "grpc.health.v1.Health/Check", f'{{"service": "{name}"}}')
        return outcome.json()[0].get("status") if outcome.code == 0 else str(outcome)

    def test_writes_are_refused_and_reads_go_on(self):
        prefix = harness.small_disk(DISK_KIB)
        # Where no mounts are allowed a limit on the size of files refuses writes as well, under another name.
        settings = {"preexec_fn": ignore_file_size_signal} if prefix is None else {"prefix": prefix}
        with harness.Server(*([] if prefix is None else ["--block_cache_mib", "8"]), **settings) as server:
            self.assertEqual(self.suppress(server, 0).code, 0)
            if prefix is None:
                resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (4096, 4096))
            else:
                fill(f"/proc/{server.process.pid}/root{server.data}/filler")
            written, refused = [0], None
            for number in range(1, WRITES_MAX):
                outcome = self.suppress(server, number)
                if outcome.code != 0:
                    refused = outcome
                    break
                written.append(number)
            self.assertIsNotNone(refused, "every write succeeded on a full disk")
            self.assertIn("Code: Unavailable", refused.err)
            self.assertIn("STORAGE_UNAVAILABLE", refused.err)
            for number in written:
                check = self.call(server, f"{SERVICE}/IsSuppressed", f'{{"address": "a{number}@example.com"}}')
                self.assertEqual(check.json()[0]["answer"], "SUPPRESSED", f"a{number} was acknowledged\n{check}")
            self.wait_for_health(server, SERVICE + "/write", "NOT_SERVING")
            self.assertEqual(self.health(server, SERVICE), "SERVING")

    def wait_for_health(self, server, name, status):
        deadline = time.monotonic() + WAIT_MAX_SECONDS  # the server looks once a second
        while (seen := self.health(server, name)) != status:
            self.assertLess(time.monotonic(), deadline, f"health of {name} did not become {status}\n{seen}")


def fill(path):
    """Writes a file until the disk is full."""
    with open(path, "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"x" * 4096)
        except OSError:
            return


def ignore_file_size_signal():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


if __name__ == "__main__":
    harness.main()
