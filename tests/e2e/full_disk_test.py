"""A disk that runs full under suppressd, and has room again: writes are refused with a reason, reads go on, nothing is lost,
and writes are taken again without a restart. Of a server, and of a sidecar."""

import contextlib
import json
import os
import resource
import signal
import threading
import time
import unittest

import harness
from harness import SERVICE

DISK_KIB = 4096
LARGE_DISK_KIB = 64 << 10
WRITES_MAX = 400
WAIT_MAX_SECONDS = 120  # only a hanging test takes that long
NOTE = "x" * 1900
# Where a test is about a disk that is full, not about one that soon will be.
FULL = ("--min_free_disk_mib", "0", "--block_cache_mib", "8")


class FullDisk(unittest.TestCase):
    def call(self, target, method, request):
        socket = ("-unix", target.removeprefix("unix:")) if target.startswith("unix:") else (target,)
        return harness.grpcurl("-plaintext", "-d", json.dumps(request), *socket, method)

    def suppress(self, server, number):
        return self.call(server.tcp, f"{SERVICE}/Suppress", {"address": f"a{number}@example.com", "note": NOTE})

    def report(self, target, number):
        return self.call(target, f"{SERVICE}/ReportBounce", {"smtp_reply": {
            "recipient": f"a{number}@example.com", "code": 550, "text": "5.1.1 no such user " + NOTE}})

    def health(self, server, name):
        outcome = self.call(server.tcp, "grpc.health.v1.Health/Check", {"service": name})
        return outcome.json()[0].get("status") if outcome.code == 0 else str(outcome)

    def assert_suppressed(self, target, numbers):
        for number in numbers:
            check = self.call(target, f"{SERVICE}/IsSuppressed", {"address": f"a{number}@example.com"})
            self.assertEqual(check.code, 0, str(check))
            self.assertEqual(check.json()[0]["answer"], "SUPPRESSED", f"a{number} was acknowledged\n{check}")

    def await_that(self, holds, what):
        deadline = time.monotonic() + WAIT_MAX_SECONDS
        while not holds():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.05)

    def await_health(self, server, name, status):
        self.await_that(lambda: self.health(server, name) == status, f"health of {name} did not become {status}")

    def write_until_refused(self, write):
        """The numbers that were taken, and how the next was refused."""
        taken = []
        for number in range(WRITES_MAX):
            outcome = write(number)
            if outcome.code != 0:
                self.assertIn("Code: Unavailable", outcome.err)
                self.assertIn("STORAGE_UNAVAILABLE", outcome.err)
                self.assertIn("RetryInfo", outcome.err)
                return taken, outcome
            taken.append(number)
        self.fail("every write succeeded on a full disk")

    def small_disk(self, kib):
        prefix = harness.small_disk(kib)
        if prefix is None:
            self.skipTest("no mounts are allowed here")
        return prefix

    @contextlib.contextmanager
    def checks_going_on(self, target, number):
        """Checks one address again and again in the block, each of which must be answered right."""
        wrong, answered, stop = [], [], threading.Event()

        def check():
            while not stop.is_set():
                outcome = self.call(target, f"{SERVICE}/IsSuppressed", {"address": f"a{number}@example.com"})
                if outcome.code != 0 or outcome.json()[0]["answer"] != "SUPPRESSED":
                    wrong.append(str(outcome))
                answered.append(1)

        thread = threading.Thread(target=check)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        self.assertEqual(wrong, [])
        self.assertGreater(len(answered), 0)

    def test_writes_are_refused_and_reads_go_on(self):
        # Where no mounts are allowed a limit on the size of files refuses writes as well, under another name.
        with harness.Server(*FULL, preexec_fn=ignore_file_size_signal) as server:
            self.assertEqual(self.suppress(server, 0).code, 0)
            resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
            self.write_until_refused(lambda number: self.suppress(server, 1 + number))
            self.assert_suppressed(server.tcp, [0])
            self.await_health(server, SERVICE + "/write", "NOT_SERVING")
            self.assertEqual(self.health(server, SERVICE), "SERVING")
            resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE,
                             (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            self.await_health(server, SERVICE + "/write", "SERVING")
            self.assertEqual(self.suppress(server, 1).code, 0)

    def test_a_server_takes_writes_again_once_there_is_room(self):
        with harness.Server(*FULL, prefix=self.small_disk(DISK_KIB)) as server:
            self.assertEqual(self.suppress(server, 0).code, 0)
            filler = below(server.process, server.data, "filler")
            written = [0]
            with self.checks_going_on(server.tcp, 0):
                for first in (1, 1001):
                    fill(filler)
                    taken, _ = self.write_until_refused(lambda number, at=first: self.suppress(server, at + number))
                    written += [first + number for number in taken]
                    self.await_health(server, SERVICE + "/write", "NOT_SERVING")
                    self.assertEqual(self.health(server, SERVICE), "SERVING")
                    self.assert_suppressed(server.tcp, written)
                    os.unlink(filler)
                    self.await_health(server, SERVICE + "/write", "SERVING")
                    after = first + 900
                    self.assertEqual(self.suppress(server, after).code, 0)
                    written.append(after)
            self.assert_suppressed(server.tcp, written)
            for event in "storage_trouble", "storage_recovering", "writes_taken_again":
                self.await_that(lambda name=event: server.log().count(f'"{name}"') >= 2, f"the log lacks {event}")

    def test_low_space_is_met_before_the_disk_is_full(self):
        with harness.Server("--min_free_disk_mib", "16", "--block_cache_mib", "8",
                            prefix=self.small_disk(LARGE_DISK_KIB)) as server:
            self.assertEqual(self.suppress(server, 0).code, 0)
            filler = below(server.process, server.data, "filler")
            with open(filler, "wb", buffering=0) as file:
                while free_mib(filler) > 12:
                    file.write(b"x" * (1 << 20))
            self.await_health(server, SERVICE + "/write", "NOT_SERVING")
            refused = self.suppress(server, 1)
            self.assertIn("STORAGE_UNAVAILABLE", refused.err)
            self.assertIn("min_free_disk_mib", refused.err)
            self.assert_suppressed(server.tcp, [0])
            os.unlink(filler)
            self.await_health(server, SERVICE + "/write", "SERVING")
            self.assertEqual(self.suppress(server, 1).code, 0)
            self.assert_suppressed(server.tcp, [0, 1])

    def test_a_sidecar_goes_on_from_where_it_was(self):
        with harness.Server("--min_free_disk_mib", "0") as server:
            self.assertEqual(self.suppress(server, 0).code, 0)
            with harness.Sidecar(server.tcp, *FULL, prefix=self.small_disk(DISK_KIB)) as sidecar:
                self.await_that(lambda: self.answer(sidecar, 0) == "SUPPRESSED", "the sidecar does not follow")
                filler = below(sidecar.process, sidecar.data, "filler")
                fill(filler)
                with self.checks_going_on(sidecar.target, 0):
                    numbers = iter(range(1, WRITES_MAX))
                    while '"storage_trouble"' not in sidecar.log():
                        self.assertEqual(self.suppress(server, next(numbers)).code, 0)
                    last = next(numbers) - 1
                    server.process.send_signal(signal.SIGSTOP)
                    try:
                        self.assertIn("STORAGE_UNAVAILABLE", self.report(sidecar.target, 2001).err)
                        os.unlink(filler)
                        self.await_that(lambda: self.report(sidecar.target, 2002).code == 0,
                                        "the outbox does not take reports again")
                    finally:
                        server.process.send_signal(signal.SIGCONT)
                    self.await_that(lambda: self.answer(sidecar, last) == "SUPPRESSED", "the replica does not go on")
                self.await_that(lambda: self.answer(server, 2002) == "SUPPRESSED", "the report is not delivered")
                self.assertNotIn("snapshot_needed", sidecar.log())
                self.assert_suppressed(sidecar.target, [*range(last + 1), 2002])

    def answer(self, process, number):
        target = getattr(process, "target", None) or process.tcp
        check = self.call(target, f"{SERVICE}/IsSuppressed", {"address": f"a{number}@example.com"})
        return check.json()[0]["answer"] if check.code == 0 else str(check)


def below(process, data, name):
    """The path, from here, of a file in the data directory of a process with mounts of its own."""
    return f"/proc/{process.pid}/root{data}/{name}"


def free_mib(path):
    disk = os.statvfs(path)
    return disk.f_bavail * disk.f_frsize >> 20


def fill(path):
    """Writes a file until the disk is full."""
    with open(path, "ab", buffering=0) as filler:
        try:
            while True:
                filler.write(b"x" * 4096)
        except OSError:
            return


def ignore_file_size_signal():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


if __name__ == "__main__":
    harness.main()
