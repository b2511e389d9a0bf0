"""A sidecar as people meet it: grpcurl over its Unix socket, suppressctl against it, its options, its errors at start, and
no address in what it logs."""

import json
import signal
import unittest

import harness
from harness import REPLICATION, SERVICE, SIDECAR

CANARY = "canary.person@example.com"


class SidecarTest(unittest.TestCase):
    def grpcurl(self, sidecar, method, request):
        return harness.grpcurl("-unix", "-plaintext", "-d", json.dumps(request), sidecar.unix, method)

    def report(self, target, address):
        outcome = harness.suppressctl("--target", target, "report", "--recipient", address, "--code", "550", "--text",
                                      "5.1.1 no such user here")
        self.assertEqual(outcome.code, 0, str(outcome))
        return outcome

    def test_every_call_over_the_unix_socket(self):
        with harness.Server() as server:
            token = harness.grpcurl("-plaintext", "-d", json.dumps({"address": "jo@example.com", "note": "test"}),
                                    server.tcp, f"{SERVICE}/Suppress").json()[0]["revision_token"]
            with harness.Sidecar(server.tcp) as sidecar:
                check = self.grpcurl(sidecar, f"{SERVICE}/IsSuppressed",
                                     {"address": "Jo@Example.com", "at_least": token, "max_staleness": "60s"}).json()[0]
                self.assertEqual((check["answer"], check["suppressed"]), ("SUPPRESSED", True))
                self.assertEqual(check["freshness"]["basis"], "REPLICA")
                self.assertEqual(check["revision_token"], token)
                batch = self.grpcurl(sidecar, f"{SERVICE}/BatchIsSuppressed",
                                     {"addresses": ["a@example.com", "jo@example.com", "no address"]}).json()[0]
                self.assertEqual(batch["answers"], ["NOT_SUPPRESSED", "SUPPRESSED", "FAILED"])
                self.assertEqual(batch["results"][1]["error"]["reason"], "INVALID_ADDRESS")
                self.assertEqual(batch["freshness"]["basis"], "REPLICA")
                for method, request, field in (
                        (f"{SERVICE}/ListSuppressions", {}, "suppressions"),
                        (f"{SERVICE}/CountSuppressions", {"max_staleness": "60s"}, "total_count"),
                        (f"{SERVICE}/GetBounceDetails", {"address": "jo@example.com"}, "suppression"),
                        (f"{SERVICE}/ReportBounce",
                         {"smtp_reply": {"recipient": "an@example.com", "text": "550 5.1.1 no such user"}}, "outcomes"),
                        (f"{SERVICE}/Reactivate",
                         {"address": "an@example.com", "note": "test"}, "suppression"),
                        (f"{REPLICATION}/RangeChecksums", {}, "ranges"),
                        (f"{REPLICATION}/ListReplicas", {}, "replicas"),
                        (f"{SIDECAR}/GetSidecarStatus", {}, "replica_id"),
                        ("grpc.health.v1.Health/Check", {"service": SERVICE}, "status")):
                    outcome = self.grpcurl(sidecar, method, request)
                    self.assertEqual(outcome.code, 0, f"{method}\n{outcome}")
                    self.assertIn(field, outcome.json()[0], f"{method}\n{outcome}")
                reply = {"smtp_reply": {"recipient": "an@example.com", "text": "550 5.1.1 no such user"}}
                for method, request in (
                        (f"{REPLICATION}/Snapshot", {"replica_id": "x"}),
                        (f"{REPLICATION}/Follow", {"replica_id": "x", "after": {"revision_token": token}}),
                        (f"{REPLICATION}/Acknowledge", {"replica_id": "x", "position": {"revision_token": token}}),
                        (f"{SERVICE}/DeliverReport", {"report": reply, "taken_at": "2026-03-02T09:15:07Z"})):
                    outcome = self.grpcurl(sidecar, method, request)
                    self.assertIn("Code: FailedPrecondition", outcome.err, f"{method}\n{outcome}")
                    self.assertIn("NOT_SERVED_HERE", outcome.err, f"{method}\n{outcome}")

    def test_a_sidecar_without_a_replica_knows_only_what_it_was_told(self):
        with harness.Sidecar("127.0.0.1:1", "--on_empty", "unknown") as sidecar:
            def check():
                return self.grpcurl(sidecar, f"{SERVICE}/IsSuppressed", {"address": "jo@example.com"}).json()[0]

            unknown = check()
            self.assertEqual((unknown["answer"], unknown["freshness"]["basis"]), ("NOT_KNOWN", "NOTHING"))
            self.assertNotIn("suppressed", unknown)
            self.assertNotIn("revision_token", unknown)
            status = self.grpcurl(sidecar, f"{SIDECAR}/GetSidecarStatus", {}).json()[0]
            self.assertEqual((status["upstream"], status.get("revision_token")), ("127.0.0.1:1", None))
            self.assertTrue(status["last_error"])
            self.report(sidecar.target, "jo@example.com")
            told = check()
            self.assertEqual((told["answer"], told["freshness"]["basis"]), ("SUPPRESSED", "NOTHING"))
            self.assertTrue(told["matches"][0]["not_yet_delivered"])
            batch = self.grpcurl(sidecar, f"{SERVICE}/BatchIsSuppressed",
                                 {"addresses": ["jo@example.com", "a@example.com", "no address"]}).json()[0]
            self.assertEqual(batch["answers"], ["SUPPRESSED", "NOT_KNOWN", "FAILED"])
            listing = self.grpcurl(sidecar, f"{SERVICE}/ListSuppressions", {})
            self.assertIn("REPLICA_NOT_READY", listing.err, str(listing))
            shown = harness.suppressctl("--target", sidecar.target, "-o", "json", "check", "jo@example.com", "a@example.com")
            self.assertEqual([r["answer"] for r in shown.json()[0]["results"]], ["SUPPRESSED", "NOT_KNOWN"], str(shown))

    def test_suppressctl_knows_sidecars(self):
        with harness.Server() as server, harness.Sidecar(server.tcp) as sidecar:
            for number in range(5):
                self.report(sidecar.target, f"u{number}@example.com")
            equal = harness.suppressctl("--target", sidecar.target, "verify", "--against", server.tcp)
            self.assertEqual(equal.code, 0, str(equal))
            status = harness.suppressctl("--target", sidecar.target, "status")
            self.assertEqual(status.code, 0, str(status))
            self.assertIn("e2e", status.out)
            self.assertIn("ATTACHED", status.out)
            replicas = harness.suppressctl("--target", server.tcp, "replicas")
            self.assertEqual(replicas.code, 0, str(replicas))
            self.assertIn("e2e", replicas.out)
            check = harness.suppressctl("--target", sidecar.target, "check", "--max_staleness", "5s", "u1@example.com")
            self.assertEqual(check.code, 1, str(check))

    def test_a_report_waits_while_the_server_is_away_and_no_address_is_logged(self):
        server = harness.Server()
        with server:
            sidecar = harness.Sidecar(server.tcp, "--log_level", "debug")
            sidecar.__enter__()
        try:  # the server has ended
            answer = self.report(sidecar.target, CANARY)
            self.assertIn("AT_SIDECAR", answer.out, str(answer))
            check = self.grpcurl(sidecar, f"{SERVICE}/IsSuppressed", {"address": CANARY}).json()[0]
            self.assertEqual(check["answer"], "SUPPRESSED")
            self.assertTrue(check["matches"][0]["not_yet_delivered"])
            status = self.grpcurl(sidecar, f"{SIDECAR}/GetSidecarStatus", {})
            self.assertEqual(status.json()[0]["outbox_report_count"], "1", str(status))
            self.assertTrue(status.json()[0]["outbox_oldest_at"])
            self.assertNotIn("outbox_refused_count", status.json()[0])
            details = self.grpcurl(sidecar, f"{SERVICE}/GetBounceDetails", {"address": CANARY})
            self.assertIn("UPSTREAM_UNREACHABLE", details.err, str(details))
            sidecar.process.send_signal(signal.SIGTERM)
            sidecar.process.wait(60)
            for said in (sidecar.log(), details.err, status.out):
                self.assertNotIn("canary", said.lower())
        finally:
            sidecar.__exit__(None, None, None)

    def test_what_cannot_start_says_why_in_one_line(self):
        with harness.TemporaryDirectory() as directory:
            def start(*arguments):
                return harness.run([harness.options.suppressd, "sidecar", "--listen_address",
                                    f"unix:{directory}/s", *arguments])

            data = ["--data_dir", f"{directory}/data"]
            for arguments, code, words in (
                    (data, 2, "--upstream is required"),
                    ([*data, "--upstream", "nonsense"], 2, "upstream nonsense"),
                    ([*data, "--upstream", "server.example:7025"], 2, "--insecure"),
                    ([*data, "--upstream", "127.0.0.1:0"], 2, "want HOST:PORT"),
                    ([*data, "--upstream", "127.0.0.1:1", "--replica_id", "no spaces"], 2, "replica_id"),
                    ([*data, "--upstream", "127.0.0.1:1", "--tenants", "Shop!"], 2, "tenant"),
                    ([*data, "--upstream", "127.0.0.1:1", "--on_empty", "maybe"], 2, "--on_empty"),
                    ([*data, "--upstream", "127.0.0.1:1", "--on_empty", "fail", "--on_empty_timeout_seconds", "1",
                      "--log_level", "error"], 1, "--on_empty fail")):
                outcome = start(*arguments)
                self.assertEqual(outcome.code, code, f"{arguments}\n{outcome}")
                self.assertIn(words, outcome.err, f"{arguments}\n{outcome}")
                self.assertEqual(len(outcome.err.strip().splitlines()), 1, f"{arguments}\n{outcome}")
            fine = start(*data, "--upstream", "127.0.0.1:1", "--check_config")
            self.assertEqual(fine.code, 0, str(fine))


if __name__ == "__main__":
    harness.main()
