"""An address that goes through every call, good and bad, stands in no log line, error, header, trailer or file but where
entries are stored. Which calls there are, reflection says: a new one without a canary call fails here."""

import contextlib
import json
import os
import re
import struct
import subprocess
import unittest
import zlib
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor

import canary
import canary_calls
import harness
from canary import ADDRESS, LOCAL
from harness import REPLICATION, SERVICE

# Metadata of each call: as text, in base64, as a token, and as the program that calls.
METADATA = ("-H", f"x-request-id: {ADDRESS}", "-H", f"canary-bin: {canary.base64_of(ADDRESS)}",
            "-H", f"authorization: Bearer {ADDRESS}", "-user-agent", ADDRESS)
STREAM_SECONDS = "3"  # how long a stream that does not end by itself is read
CALLS_AT_ONCE = 4
# Answers that tell of entries, or repeat what the caller asked: their bodies may name addresses, errors in them may not.
TELLING_SERVICES = (SERVICE, REPLICATION, harness.ADMIN, canary_calls.REFLECTION)
# Reasons that need more than a request: a disk, a clock, damage, load, time or another version. The tests that reach them.
ELSEWHERE = {
    "HISTORY_GONE": "service_test", "OVERLOADED": "reports_test", "STORAGE_UNAVAILABLE": "full_disk_test",
    "SHUTTING_DOWN": "drain_test", "INTERNAL_ERROR": "edges_test", "DEADLINE_PASSED": "worker_pool_test",
    "CLOCK_SUSPECT": "clock_test", "REPLICA_OUTDATED": "sidecar_faults_test",
    "IDENTITY_REQUIRED": "access_calls_test", "IDENTITY_REFUSED": "access_calls_test", "ACCESS_DENIED": "access_calls_test",
    "QUOTA_EXCEEDED": "access_calls_test",
}


class Target:
    """A server or sidecar, asked by grpcurl; every answer is searched. `methods` are those that were called."""

    def __init__(self, test, address, *arguments):
        self.test, self.address, self.arguments = test, address, arguments
        self.methods, self.reasons = set(), set()
        self.descriptors = canary_calls.Descriptors(self.ask)

    def ask(self, *words):
        outcome = harness.grpcurl("-plaintext", *self.arguments, self.address, *words)
        self.test.assertEqual(outcome.code, 0, f"{words}\n{outcome}")
        return outcome.out

    def call(self, method, request, *arguments, seconds=""):
        """Calls a method, and searches what comes back. The outcome, and the reason of its error."""
        limit = ("-max-time", seconds) if seconds else ()
        outcome = harness.grpcurl("-plaintext", "-v", *METADATA, *limit, *arguments, *self.arguments, "-d", "@", self.address,
                                  method, stdin=json.dumps(request))
        what = f"{method} {json.dumps(request)[:300]}\n{outcome.out[:4000]}\n{outcome.err[:4000]}"
        for text in self.said(method, outcome, what):
            self.test.assertEqual(canary.found(text), [], what)
        reason = reason_of(outcome.err)
        self.methods.add(method)
        self.reasons |= {reason} - {None}
        Privacy.reasons |= self.reasons
        if reason is None and "Response contents:" in outcome.out:
            Privacy.succeeded.add(method)
        return outcome, reason

    def said(self, method, outcome, what):
        """What of an outcome must not name the canary: errors, headers and trailers, and of most services all."""
        yield outcome.err
        sections = re.split(r"^(Resolved method descriptor|Request metadata to send|Response headers received|"
                            r"Response contents|Response trailers received):$", outcome.out, flags=re.M)
        for title, text in zip(sections[1::2], sections[2::2]):
            if title.startswith("Response") and (title != "Response contents" or not method.startswith(TELLING_SERVICES)):
                yield text
            elif title == "Response contents":
                text = re.split(r"^Sent \d+ request", text, flags=re.M)[0]
                for value in harness.Outcome(subprocess.CompletedProcess([], 0, text, "")).json():
                    yield from errors_in(value)
        self.test.assertTrue(outcome.code == 0 or outcome.err, what)

    def expect(self, method, request, reason, streamed):
        """Calls, and compares how it ended. Streams that do not end are read for a time."""
        outcome, found = self.call(method, request, seconds=STREAM_SECONDS if streamed and reason is None else "")
        said = f"{method} {json.dumps(request)[:300]}\n{outcome}"
        self.test.assertEqual(found, reason, said)
        if reason is None and not (streamed and "DeadlineExceeded" in outcome.err):
            self.test.assertEqual(outcome.code, 0, said)

    def call_all(self, methods, calls):
        """Triples of method, request and reason, in order."""
        for method, request, reason in calls:
            with self.test.subTest(method=method, reason=reason):
                self.expect(method, request, reason, methods[method][1])

    def call_any(self, calls, *arguments, seconds="10"):
        """Pairs of method and request, however they end, several at once."""
        with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
            for done in [pool.submit(self.call, *call, *arguments, seconds=seconds) for call in calls]:
                done.result()

    def call_fields(self, methods, seconds="10"):
        """The canary in each field of text or bytes of each method of ours. How many calls that were."""
        requests = {name: list(self.descriptors.field_requests(request)) for name, (request, _) in methods.items()
                    if name.startswith("suppressd.")}
        for name, values in requests.items():
            self.call_any([(name, value) for value in values], seconds="1" if methods[name][1] else seconds)
        return sum(len(values) for values in requests.values())


def reason_of(error):
    """The reason of an error as grpcurl prints it: with the message's fields, or in base64 where it does not know them."""
    found = re.search(r'"reason": "([A-Z_]+)"', error)
    raw = re.search(r'"@value": "([^"]+)"', error)
    if raw and not found:
        found = re.search(r"([A-Z_]{6,})", b64decode(raw.group(1)).decode("latin-1"))
    return found.group(1) if found else None


def errors_in(value):
    """Errors of items within an answer, as text."""
    if isinstance(value, list):
        for item in value:
            yield from errors_in(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "error":
                yield json.dumps(item)
            else:
                yield from errors_in(item)


def qualified(calls):
    return [(f"{SERVICE}/{method}", request, reason) for method, request, reason in calls]


def answer_of(outcome):
    """The fields of a JSON answer, of the first one where there are several."""
    return outcome.json()[0]


def ahead_of(token):
    """A token of the same lineage that will not be reached."""
    data = urlsafe_b64decode(token)[:9] + struct.pack(">Q", 1 << 40)
    return urlsafe_b64encode(data + struct.pack(">I", zlib.crc32(data))).decode()


def plain(method, request, *target):
    return harness.grpcurl("-plaintext", "-d", json.dumps(request), *target, f"{SERVICE}/{method}")


class Privacy(unittest.TestCase):
    reasons, succeeded = set(), set()  # what any call met, and the methods that answered at least once

    @classmethod
    def setUpClass(cls):
        canary.check_search()
        os.environ["GRPC_VERBOSITY"] = "DEBUG"  # for the processes that are started
        # Some things a stranger has: a token and a page token of another server, both with the canary in what they name.
        with harness.Server() as stranger:
            for number in range(2):
                plain("Suppress", {"address": f"{number}{ADDRESS}", "note": "x"}, stranger.tcp)
            listing = answer_of(plain("ListSuppressions", {"page_size": 1}, stranger.tcp))
            cls.strangers_token, cls.strangers_page = listing["revision_token"], listing["next_page_token"]

    def own_token(self, server):
        return answer_of(plain("Suppress", {"address": "first@example.com", "note": "x"}, server.tcp))["revision_token"]

    def check_complete(self, target, methods):
        """Every method that is served, and every one that the protos declare, was called: asked before the calls that are
        made of descriptors."""
        self.assertEqual(canary_calls.protos_methods() - set(methods), set(), "declared, and not served")
        self.assertEqual(set(methods) - target.methods, set(), "no canary call: add one to canary_calls.py")

    def check_silent(self, process, log_marks):
        """What a process wrote, once it has ended."""
        lines = process.log_at_end()
        for mark in log_marks:
            self.assertIn(f'"event":"{mark}"', lines)
        self.assertEqual(canary.found(lines), [], "in the log")
        for line in lines.splitlines():
            self.assertEqual("address_hash" in line, "address_hash" in line and '"log_key_id":"' in line, line)
        found, count = canary.found_in_files(process.directory)
        self.assertEqual(found, [])
        self.assertGreaterEqual(count, 5, "files searched")

    def call_foreign(self, target, directory):
        path = os.path.join(directory, "foreign.proto")
        with open(path, "w", encoding="utf-8") as file:
            file.write(canary_calls.FOREIGN_PROTO)
        for method, request, reason in canary_calls.foreign_calls():
            outcome, found = target.call(method, request, "-import-path", directory, "-proto", path)
            self.assertNotEqual(outcome.code, 0, method)
            if reason is not None:
                self.assertEqual(found, reason, f"{method}\n{outcome}")

    def call_replaced_snapshot(self, target):
        """Resumes, behind an entry with the canary, a snapshot that another one has replaced."""
        steps = target.call(f"{REPLICATION}/Snapshot", {"replica_id": "r"})[0].out
        target.call(f"{SERVICE}/Suppress", {"address": f"later.{ADDRESS}", "note": "x"})
        resume_key = re.findall(r'"resume_key": "([^"]+)"', steps)[0]
        token = re.findall(r'"revision_token": "([^"]+)"', steps)[0]
        target.expect(f"{REPLICATION}/Snapshot", {"replica_id": "r"}, None, True)
        target.expect(f"{REPLICATION}/Snapshot", {"replica_id": "r", "revision_token": token, "resume_after": resume_key},
                      "SNAPSHOT_GONE", True)

    def test_a_server(self):
        with harness.TemporaryDirectory() as directory, harness.Server(
                "--log_level", "debug", "--backup_dir", os.path.join(directory, "backups")) as server:
            token = self.own_token(server)
            target = Target(self, server.tcp)
            methods = target.descriptors.methods()
            calls = canary_calls.list_calls(self.strangers_token, ahead_of(token), self.strangers_page)
            target.call_all(methods, qualified(calls))
            target.call_all(methods, canary_calls.other_calls(token))
            target.call_any(canary_calls.library_calls(), seconds="1")
            self.check_complete(target, methods)
            self.assertGreater(target.call_fields(methods), 100)
            self.call_foreign(target, directory)
            self.call_replaced_snapshot(target)
            listing = target.call(f"{SERVICE}/ListSuppressions", {})[0]
            self.assertIn(LOCAL, listing.out, "the canary is in the list")
            self.check_silent(server, ["suppress", "reactivate"])

    def test_a_server_behind_a_unix_socket(self):
        with harness.Server("--log_level", "debug") as server:
            target = Target(self, server.unix, "-unix")
            target.call_any(self.any_calls(self.strangers_token))
            self.check_silent(server, ["suppress"])

    def any_calls(self, token):
        """All calls, without what a server makes of them."""
        calls = qualified(canary_calls.list_calls(self.strangers_token, ahead_of(token), self.strangers_page))
        return [(method, request) for method, request, _ in [*calls, *canary_calls.other_calls(token)]]

    def call_beside_the_server(self, target, methods, token):
        target.call_any(self.any_calls(token))
        target.call_any(canary_calls.library_calls(), seconds="1")
        self.check_complete(target, methods)
        self.assertGreater(target.call_fields(methods), 100)

    def call_without_the_server(self, target, methods, token):
        taken = answer_of(plain("ReportBounce", canary_calls.REPLY | {"source": "away"}, "-unix", target.address))
        self.assertEqual(taken["durability"], "AT_SIDECAR")
        target.call_any(self.any_calls(token), seconds="2")
        target.call_any(canary_calls.library_calls(), seconds="1")
        self.check_complete(target, methods)
        target.call_fields(methods, seconds="2")
        target.call(f"{SERVICE}/IsSuppressed", {"address": ADDRESS, "max_staleness": "0s"}, seconds="2")
        self.assertLessEqual({"UPSTREAM_UNREACHABLE", "TOO_STALE"}, target.reasons)

    def test_a_sidecar_with_and_without_its_server(self):
        with contextlib.ExitStack() as sidecars:
            with harness.Server("--log_level", "debug") as server:
                token = self.own_token(server)
                sidecar = sidecars.enter_context(harness.Sidecar(server.tcp, "--log_level", "debug"))
                target = Target(self, sidecar.unix, "-unix")
                methods = target.descriptors.methods()
                self.call_beside_the_server(target, methods, token)
                self.check_silent(server, ["suppress"])
            self.call_without_the_server(Target(self, sidecar.unix, "-unix"), methods, token)
            self.check_silent(sidecar, [])

    def test_a_sidecar_that_never_reached_a_server(self):
        with harness.Sidecar("127.0.0.1:1", "--on_empty", "unknown", "--outbox_max_reports", "1",
                             "--log_level", "debug") as sidecar:
            target = Target(self, sidecar.unix, "-unix")
            target.call_any(self.any_calls(self.strangers_token), seconds="2")
            self.assertLessEqual({"OUTBOX_FULL", "REPLICA_NOT_READY"}, target.reasons)
            self.check_silent(sidecar, [])

    def test_zz_every_method_answered_and_every_reason_is_reached(self):
        """Runs last: what the others met, and what is told elsewhere, is all that there is."""
        self.assertEqual(canary_calls.protos_methods() - Privacy.succeeded, set(), "no canary call succeeded")
        with open(f"{harness.REPOSITORY}/protos/suppressd/v1/errors.proto", encoding="utf-8") as proto:
            known = set(re.findall(r"^ *([A-Z_]+) = [1-9]\d*;", proto.read(), re.M))
        self.assertEqual(known - Privacy.reasons - set(ELSEWHERE), set(), "no canary call ends with these")
        self.assertEqual(set(ELSEWHERE) - known, set())


if __name__ == "__main__":
    harness.main()
