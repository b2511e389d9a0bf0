"""suppressd as a stranger meets it: with grpcurl, through reflection, over TCP and over a Unix socket."""

import base64
import json
import os
import re
import shutil
import unittest

import harness
import reports
from harness import REPLICATION, SERVICE, SIDECAR

UNKNOWN_USER = "550 5.1.1 <nobody@example.com>: Recipient address rejected: User unknown in virtual mailbox table"
REPORT_ID = "0d9bd3a4-51f3-4b5e-a1d9-3c1d8f4a0001"
REACTIVATE_ID = "0d9bd3a4-51f3-4b5e-a1d9-3c1d8f4a0002"
SUPPRESS_ID = "0d9bd3a4-51f3-4b5e-a1d9-3c1d8f4a0003"
DEADLINE_EXCEEDED_EXIT_CODE = 64 + 4
INVALID_ARGUMENT, ALREADY_EXISTS = 3, 6  # google.rpc.Code


def report(recipient, code=550, enhanced_code="5.1.1", text=UNKNOWN_USER, **fields):
    reply = {"recipient": recipient, "code": code, "enhanced_code": enhanced_code, "text": text, "stage": "RCPT",
             "remote_mta": "mx.example.com"}
    return {"smtp_reply": reply, **fields}


def base64_of(text):
    """A bytes field of the JSON that grpcurl takes."""
    return base64.b64encode(text.encode()).decode()


def mail(content, recipient="", **fields):
    return {"raw_message": {"content": base64_of(content), "recipient": recipient}, **fields}


def event(provider, payload, **fields):
    return {"provider_event": {"provider": provider, "payload": base64_of(payload), **fields}}


class Caller(unittest.TestCase):
    """Calls one server through one address."""

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(harness.Server())

    def over(self):
        """The arguments that name the server."""
        return ["-plaintext"], self.server.tcp

    def grpcurl(self, method, request=None, *flags):
        before, target = self.over()
        stdin = "" if request is None else json.dumps(request)
        data = [] if request is None else ["-d", "@"]
        return harness.grpcurl(*before, *flags, *data, target, method, stdin=stdin)

    def call(self, rpc, request, *flags):
        outcome = self.grpcurl(f"{SERVICE}/{rpc}", request, *flags)
        self.assertEqual(outcome.code, 0, f"{rpc}\n{outcome}")
        values = outcome.json()
        return values[0] if values else {}

    def assert_refused(self, rpc, request, code, reason):
        outcome = self.grpcurl(f"{SERVICE}/{rpc}", request)
        shown = f"{rpc} {json.dumps(request)[:300]}\n{outcome}"
        self.assertNotEqual(outcome.code, 0, shown)
        self.assertIn(f"Code: {code}\n", outcome.err, shown)
        self.assertIn(f'"reason":"{reason}"', outcome.err.replace('": "', '":"'), shown)
        self.assertIn('"domain":"suppressd"', outcome.err.replace('": "', '":"'), shown)
        return outcome

    def assert_answer(self, answer, request):
        """What the check says; the flag beside it says the same."""
        check = self.call("IsSuppressed", request)
        self.assertEqual(check["answer"], answer, check)
        self.assertEqual(check.get("suppressed", False), answer == "SUPPRESSED", check)
        self.assertEqual("matches" in check, answer == "SUPPRESSED", check)
        return check


def reason_of(item):
    """Why one of several could not be taken; empty: it was."""
    return item.get("error", {}).get("reason", "")


class EveryCall(Caller):
    """Each call, in the order a person would try them, on a list of the test's own."""

    tenant = "tcp"

    def ask(self, rpc, **request):
        return self.call(rpc, {"tenant": self.tenant, **request})

    def check(self, answer, **request):
        return self.assert_answer(answer, {"tenant": self.tenant, **request})

    def test_report_check_list_details_reactivate(self):
        address = "Nobody@EXAMPLE.com"
        first = self.ask("ReportBounce", **report(address, request_id=REPORT_ID, source="newsletter"))
        self.assertEqual(len(first["outcomes"]), 1)
        outcome = first["outcomes"][0]
        self.assertEqual(outcome["address"], "nobody@example.com")
        self.assertEqual(outcome["verdict"]["bounce_class"], "HARD")
        self.assertEqual(outcome["verdict"]["reason"], "ADDRESS_NOT_FOUND")
        self.assertTrue(outcome["verdict"]["rule_id"])
        self.assertTrue(outcome["verdict"]["rule_set_version"])
        self.assertEqual(outcome["effect"], "SUPPRESSED")
        self.assertEqual(first["durability"], "AT_SERVER")
        self.assertNotIn("duplicate", first)

        repeat = self.ask("ReportBounce", **report(address, request_id=REPORT_ID, source="newsletter"))
        self.assertTrue(repeat["duplicate"])
        self.assertEqual(repeat["outcomes"], first["outcomes"])
        self.assert_refused("ReportBounce",
                            {"tenant": self.tenant, **report("other@example.com", request_id=REPORT_ID)},
                            "AlreadyExists", "REQUEST_ID_REUSED")

        check = self.check("SUPPRESSED", address="<nobody@example.com>", at_least=first["revision_token"])
        self.assertEqual(check["matches"][0]["cause"]["type"], "HARD_BOUNCE")
        self.assertNotIn("matched_domain", check["matches"][0])
        self.check("SUPPRESSED", address=address, stream="receipts")
        self.check("NOT_SUPPRESSED", address="somebody@example.com")

        batch = self.ask("BatchIsSuppressed", addresses=["a@example.com", address, "no address", address])
        self.assertEqual(batch["answers"], ["NOT_SUPPRESSED", "SUPPRESSED", "FAILED", "SUPPRESSED"])
        self.assertEqual([r.get("index", 0) for r in batch["results"]], [1, 2, 3])
        self.assertEqual([reason_of(r) for r in batch["results"]], ["", "INVALID_ADDRESS", ""])
        self.assertEqual(["matches" in r for r in batch["results"]], [True, False, True])
        self.assertEqual(batch["results"][1]["error"]["code"], INVALID_ARGUMENT)
        self.assertTrue(batch["results"][1]["error"]["message"])

        listing = self.ask("ListSuppressions", filter={"domain": "example.com"})
        self.assertEqual([s["address"] for s in listing["suppressions"]], ["nobody@example.com"])
        self.assertEqual(listing["suppressions"][0]["original_address"], address)
        counts = self.ask("CountSuppressions", filter={"domain": "example.com"}, at_least=listing["revision_token"])
        self.assertTrue(counts.pop("revision_token"))
        self.assertEqual(counts, {"total_count": "1", "reasons": [{"reason": "ADDRESS_NOT_FOUND", "entry_count": "1"}]})

        details = self.ask("GetBounceDetails", address=address)
        self.assertTrue(details["suppressed"])
        self.assertEqual(details["events"][0]["diagnostic"], UNKNOWN_USER)
        self.assertEqual(details["events"][0]["remote_mta"], "mx.example.com")
        self.assertTrue(details["suppressed_in_any_stream"])
        explained = details["causes"][0]
        self.assertEqual(explained["cause"], details["suppression"]["causes"][0])
        self.assertTrue(explained["meaning"] and explained["suggested_action"])
        self.assertTrue(explained["can_reactivate"])
        self.assertEqual(explained["requirements"], ["NOTE"])

        lifted = self.ask("Reactivate", address=address, note="typed wrongly in the report", on_behalf_of="helpdesk",
                          request_id=REACTIVATE_ID, unchanged_since=details["revision_token"])
        self.assertTrue(lifted["changed"])
        self.assertNotIn("suppressed", lifted)
        self.assertNotIn("suppressed_in_any_stream", lifted)
        self.assertNotIn("blocking", lifted)
        cause = lifted["suppression"]["causes"][0]
        self.assertEqual(cause["state"], "REACTIVATED")
        self.assertTrue(cause["reactivation"].pop("reactivated_at"))
        self.assertEqual(cause["reactivation"], {"on_behalf_of": "helpdesk", "note": "typed wrongly in the report"})
        self.assertNotIn("changed", self.ask("Reactivate", address=address, note="once more"))
        self.assert_refused("Reactivate", {"tenant": self.tenant, "address": address, "note": "read before it changed",
                                           "unchanged_since": details["revision_token"]}, "Aborted", "ENTRY_CHANGED")
        self.check("NOT_SUPPRESSED", address=address, at_least=lifted["revision_token"])

        late = self.ask("ReportBounce", **report(address, mail_sent_at="2020-01-01T00:00:00Z"))
        self.assertEqual(late["outcomes"][0]["effect"], "OUTDATED")
        self.check("NOT_SUPPRESSED", address=address)

    def test_a_report_that_a_sidecar_delivers_counts_from_when_it_was_taken(self):
        taken_at, address = "2026-03-02T09:15:07Z", "delivered@example.edu"
        delivery = {"report": {"tenant": self.tenant, **report(address, event_id="delivered-1")}, "taken_at": taken_at}
        told = self.call("DeliverReport", delivery)["response"]
        self.assertEqual((told["outcomes"][0]["effect"], told["durability"]), ("SUPPRESSED", "AT_SERVER"))
        self.assertEqual(self.ask("GetBounceDetails", address=address)["events"][0]["occurred_at"], taken_at)
        for again in (self.call("DeliverReport", {**delivery, "taken_at": "2026-03-02T10:15:07Z"})["response"],
                      self.call("ReportBounce", delivery["report"])):
            self.assertTrue(again["duplicate"])
            self.assertEqual(again["outcomes"], told["outcomes"])
        ahead = {"report": delivery["report"], "taken_at": "2999-01-01T00:00:00Z"}  # a sidecar's clock may be wrong
        self.assertTrue(self.call("DeliverReport", ahead)["response"]["duplicate"])
        self.assert_refused("DeliverReport", {"report": delivery["report"]}, "InvalidArgument", "MISSING_FIELD")
        self.assert_refused("DeliverReport", {"taken_at": taken_at}, "InvalidArgument", "MISSING_FIELD")

    def test_suppress_a_domain(self):
        put = self.ask("Suppress", domain="Blocked.Example", note="asked by the owner", request_id=SUPPRESS_ID)
        self.assertTrue(put["newly_suppressed"])
        self.assertEqual(put["suppression"]["domain"], "blocked.example")
        self.assertNotIn("address", put["suppression"])
        check = self.check("SUPPRESSED", address="anyone@blocked.example", at_least=put["revision_token"])
        self.assertEqual(check["matches"][0]["matched_domain"], "blocked.example")
        self.check("NOT_SUPPRESSED", address="anyone@sub.blocked.example")
        self.assertTrue(self.ask("Suppress", domain="Blocked.Example", note="asked by the owner",
                                 request_id=SUPPRESS_ID)["duplicate"])

    def test_a_complaint_needs_consent(self):
        complaint = {"tenant": self.tenant, "complaint": {"recipient": "angry@example.org", "feedback_type": "abuse"}}
        told = self.call("ReportBounce", complaint)
        self.assertEqual(told["outcomes"][0]["verdict"]["bounce_class"], "COMPLAINT")
        self.assert_refused("Reactivate", {"tenant": self.tenant, "address": "angry@example.org", "note": "please",
                                           "causes": [{"type": "COMPLAINT"}]},
                            "FailedPrecondition", "CONSENT_REQUIRED")
        self.check("SUPPRESSED", address="angry@example.org")
        explained = self.ask("GetBounceDetails", address="angry@example.org")["causes"][0]
        self.assertEqual(sorted(explained["requirements"]), ["CONSENT", "NOTE", "SELECTION"])

    def test_one_and_the_same_cause_passes_a_filter(self):
        tenant = self.tenant + "-filter"
        for request in (report("both@example.com", text="552 5.2.2 mailbox full", code=552, enhanced_code="5.2.2"),
                        {"complaint": {"recipient": "both@example.com"}, "stream": "news"},
                        report("gone@example.org")):
            self.call("ReportBounce", {"tenant": tenant, **request})
        self.call("Suppress", {"tenant": tenant, "domain": "example.net", "note": "test", "type": "UNSUBSCRIBE"})
        for given, addresses, total in (
                (None, ["example.net", "gone@example.org", "both@example.com"], "3"),
                ({"reasons": ["MAILBOX_FULL", "ADDRESS_NOT_FOUND"]}, ["gone@example.org", "both@example.com"], "2"),
                ({"reasons": ["BOUNCE_REASON_UNSPECIFIED"]}, ["example.net", "both@example.com"], "2"),
                ({"cause_types": ["COMPLAINT", "UNSUBSCRIBE"]}, ["example.net", "both@example.com"], "2"),
                ({"cause_types": ["COMPLAINT"], "reasons": ["MAILBOX_FULL"]}, [], None),
                ({"stream": "news"}, ["both@example.com"], "1"),
                ({"stream": ""}, ["example.net", "gone@example.org", "both@example.com"], "3"),
                ({"domain": "example.org"}, ["gone@example.org"], "1"),
                ({"state": "EVER_SUPPRESSED"}, ["example.net", "gone@example.org", "both@example.com"], "3"),
                ({"state": "REACTIVATED"}, [], None),
                ({"listed_before": "2026-01-01T00:00:00Z"}, [], None)):
            with self.subTest(filter=given):
                request = {"tenant": tenant, **({} if given is None else {"filter": given})}
                page = self.call("ListSuppressions", request)
                self.assertEqual([s.get("address") or s["domain"] for s in page.get("suppressions", [])], addresses)
                self.assertEqual(self.call("CountSuppressions", request).get("total_count"), total)

    def test_pages_hold_every_entry_once(self):
        tenant = self.tenant + "-pages"
        for number in range(5):
            self.call("Suppress", {"tenant": tenant, "address": f"a{number}@example.net", "note": "test"})
        seen, token = [], ""
        for _ in range(10):
            page = self.call("ListSuppressions", {"tenant": tenant, "page_size": 2, "page_token": token})
            seen += [s["address"] for s in page.get("suppressions", [])]
            token = page.get("next_page_token", "")
            if not token:
                break
        self.assertEqual(seen, [f"a{number}@example.net" for number in (4, 3, 2, 1, 0)])

    def test_watch_streams_changes_after_a_token(self):
        tenant = self.tenant + "-watch"
        start = self.call("IsSuppressed", {"tenant": tenant, "address": "x@example.com"})["revision_token"]
        for number in range(3):
            self.call("Suppress", {"tenant": tenant, "address": f"w{number}@example.net", "note": "test"})
        outcome = self.grpcurl(f"{SERVICE}/Watch", {"tenants": [tenant], "after": start}, "-max-time", "3")
        self.assertEqual(outcome.code, DEADLINE_EXCEEDED_EXIT_CODE, str(outcome))
        steps = outcome.json()
        self.assertEqual(steps[0], {"revision_token": start}, "where it starts")
        changes = [(c["kind"], c["suppression"]["address"]) for step in steps for c in step.get("changes", [])]
        self.assertEqual(changes, [("UPDATED", f"w{number}@example.net") for number in range(3)])
        self.assertTrue(all(step["revision_token"] for step in steps))
        self.assertEqual(["committed_at" in step for step in steps], ["changes" in step for step in steps])
        self.assertFalse([step for step in steps if "more_follows" in step])

    def test_watch_from_now_on_tells_where_it_starts(self):
        put = self.ask("Suppress", address="before@example.net", note="test")
        outcome = self.grpcurl(f"{SERVICE}/Watch", {"tenants": [self.tenant]}, "-max-time", "2")
        self.assertEqual(outcome.json()[0], {"revision_token": put["revision_token"]})
        self.assertNotIn("before@example.net", outcome.out)

    def replication(self, rpc, **request):
        outcome = self.grpcurl(f"{REPLICATION}/{rpc}", request)
        self.assertEqual(outcome.code, 0, f"{rpc}\n{outcome}")
        return outcome.json()

    def test_replication(self):
        tenant, replica = self.tenant + "-replica", "site-1/" + self.tenant
        for number in range(3):
            self.call("Suppress", {"tenant": tenant, "address": f"r{number}@example.net", "note": "test"})
        chunks = self.replication("Snapshot", replica_id=replica, replica_version="test", tenants=[tenant])
        self.assertEqual(len(chunks), 1)
        self.assertNotIn("more_follows", chunks[0])
        self.assertEqual(chunks[0]["entry_count"], "3")
        self.assertEqual([e["suppression"]["address"] for e in chunks[0]["entries"]],
                         [f"r{number}@example.net" for number in range(3)])
        position = chunks[0]["position"]
        self.assertTrue(position["timeline"])
        put = self.call("Suppress", {"tenant": tenant, "address": "later@example.net", "note": "test"})
        outcome = self.grpcurl(f"{REPLICATION}/Follow", {"replica_id": replica, "tenants": [tenant], "after": position},
                               "-max-time", "2")
        self.assertEqual(outcome.code, DEADLINE_EXCEEDED_EXIT_CODE, str(outcome))
        step = next(step for step in outcome.json() if "changes" in step)
        self.assertEqual(step["position"], {**position, "revision_token": put["revision_token"]})
        self.assertEqual([(c["kind"], c["entry"]["suppression"]["address"]) for c in step["changes"]],
                         [("UPDATED", "later@example.net")])

        sums = self.replication("RangeChecksums", tenants=[tenant], entries_per_range=3, at_least=put["revision_token"])[0]
        self.assertEqual([r["entry_count"] for r in sums["ranges"]], ["3", "1"])
        self.assertEqual(sums["entry_count"], "4")
        self.assertEqual(sums["checksum_form"], chunks[0]["checksum_form"])
        self.assertNotEqual(sums["ranges"][0]["sha256"], sums["ranges"][1]["sha256"])

        acknowledged = self.replication("Acknowledge", replica_id=replica, position=step["position"])[0]
        self.assertEqual(acknowledged["head_token"], put["revision_token"])
        listed = {r["id"]: r for r in self.replication("ListReplicas")[0]["replicas"]}[replica]
        self.assertEqual(listed["version"], "test")
        self.assertEqual(listed["acknowledged_token"], put["revision_token"])
        self.assertEqual(listed["sent_token"], put["revision_token"])
        self.assertIn("lineage", listed)

        for after, reason in (({"after": {"revision_token": "garbled"}}, "INVALID_TOKEN"), ({}, "MISSING_FIELD")):
            refused = self.grpcurl(f"{REPLICATION}/Follow", {"replica_id": replica, **after})
            self.assertIn(f'"reason":"{reason}"', refused.err.replace('": "', '":"'))

    def test_a_server_is_no_sidecar(self):
        outcome = self.grpcurl(f"{SIDECAR}/GetSidecarStatus", {})
        self.assertIn("Code: FailedPrecondition", outcome.err)
        self.assertIn('"reason":"NOT_SERVED_HERE"', outcome.err.replace('": "', '":"'))

    def test_health_answers_by_name(self):
        for name in ("", SERVICE, SERVICE + "/write", REPLICATION):
            outcome = self.grpcurl("grpc.health.v1.Health/Check", {"service": name})
            self.assertEqual((outcome.code, outcome.out.split()), (0, ["{", '"status":', '"SERVING"', "}"]),
                             f"health of '{name}': {outcome}")

    def test_channelz_answers(self):
        outcome = self.grpcurl("grpc.channelz.v1.Channelz/GetServers", {})
        self.assertEqual(outcome.code, 0, str(outcome))
        self.assertEqual(len(outcome.json()[0]["server"]), 1)

    def test_reflection_lists_and_describes(self):
        services = self.grpcurl("list").out.split()
        for name in (SERVICE, REPLICATION, SIDECAR, "grpc.health.v1.Health", "grpc.channelz.v1.Channelz"):
            self.assertIn(name, services)
        methods = self.grpcurl_verb("list", SERVICE)
        self.assertEqual(sorted(methods.out.split()), sorted(f"{SERVICE}.{rpc}" for rpc in (
            "ReportBounce", "DeliverReport", "IsSuppressed", "BatchIsSuppressed", "ListSuppressions", "CountSuppressions",
            "GetBounceDetails", "Reactivate", "Suppress", "Watch")))
        self.assertEqual(sorted(self.grpcurl_verb("list", REPLICATION).out.split()), sorted(f"{REPLICATION}.{rpc}" for rpc in (
            "Snapshot", "Follow", "Acknowledge", "RangeChecksums", "ListReplicas")))
        for symbol in (SERVICE, SIDECAR, "suppressd.v1.Cause", "suppressd.v1.ErrorReason", "google.rpc.ErrorInfo"):
            described = self.grpcurl_verb("describe", symbol)
            self.assertEqual(described.code, 0, str(described))
            self.assertIn(f"{symbol} is a", described.out)

    def grpcurl_verb(self, *verb):
        before, target = self.over()
        return harness.grpcurl(*before, target, *verb)


class Mails(Caller):
    """Whole mails, as they arrive at a bounce address."""

    tenant = "mails"

    def report(self, content, recipient="", **fields):
        return self.call("ReportBounce", mail(content, recipient, tenant=self.tenant, **fields))

    def events_of(self, address):
        return self.call("GetBounceDetails", {"tenant": self.tenant, "address": address})["events"]

    def test_a_delivery_status_is_about_each_of_its_recipients(self):
        content = reports.delivery_status("Ada@example.org", "bob@example.org")
        first = self.report(content, request_id="5e4ab5a2-8f0c-4f5b-9c3e-000000000001", stream="news", source="bouncer")
        self.assertEqual(first["kind"], "DELIVERY_STATUS")
        self.assertEqual([(o["address"], o["verdict"]["reason"], o["effect"]) for o in first["outcomes"]],
                         [("ada@example.org", "ADDRESS_NOT_FOUND", "SUPPRESSED"),
                          ("bob@example.org", "ADDRESS_NOT_FOUND", "SUPPRESSED")])
        kept = self.events_of("ada@example.org")[0]
        self.assertEqual((kept["kind"], kept["message_id"], kept["mail_sent_at"], kept["remote_mta"], kept["stream"],
                          kept["source"]),
                         ("DELIVERY_STATUS", "<march-17@mail.example.com>", "2026-03-02T09:15:00Z", "mx.example.org", "news",
                          "bouncer"))
        self.assertIn(reports.USER_UNKNOWN, kept["diagnostic"])
        again = self.report(content, request_id="5e4ab5a2-8f0c-4f5b-9c3e-000000000001", stream="news", source="bouncer")
        self.assertTrue(again["duplicate"])
        self.assertEqual(again["outcomes"], first["outcomes"])
        self.assertEqual(len(self.events_of("ada@example.org")), 1)

    def test_a_recipient_without_valid_address_fails_alone(self):
        told = self.report(reports.delivery_status("carol@example.org", "carol@-example-.org"))
        self.assertEqual([reason_of(o) for o in told["outcomes"]], ["", "INVALID_ADDRESS"])
        self.assertEqual(told["outcomes"][1]["error"]["code"], INVALID_ARGUMENT)
        self.assertTrue(told["outcomes"][1]["error"]["message"])
        self.assertNotIn("carol", str(told["outcomes"][1]))
        self.assertNotIn("verdict", told["outcomes"][1])
        self.assertEqual(told["outcomes"][0]["effect"], "SUPPRESSED")

    def test_a_feedback_report_is_a_complaint(self):
        told = self.report(reports.feedback_report("dan@example.org"))
        self.assertEqual((told["kind"], told["outcomes"][0]["verdict"]["bounce_class"]), ("FEEDBACK_REPORT", "COMPLAINT"))
        self.assertEqual(self.events_of("dan@example.org")[0]["feedback_type"], "abuse")

    def test_a_mail_that_is_no_bounce_changes_nothing(self):
        told = self.report(reports.VACATION)
        self.assertEqual(told["kind"], "AUTO_REPLY")
        self.assertEqual(told["durability"], "NOT_KEPT")
        self.assertTrue(told["revision_token"])
        self.assertNotIn("outcomes", told)
        self.assert_refused("GetBounceDetails", {"tenant": self.tenant, "address": "ada@mail.example.com"}, "NotFound",
                            "SUPPRESSION_NOT_FOUND")

    def test_the_reporter_knows_the_recipient_that_the_mail_hides(self):
        self.assert_refused("ReportBounce", mail(reports.delivery_status()), "InvalidArgument", "NO_RECIPIENT")
        told = self.report(reports.delivery_status(), recipient="erin@example.org")
        self.assertEqual(told["outcomes"][0]["address"], "erin@example.org")
        forwarded = self.report(reports.delivery_status("erin@forwarder.example"), recipient="frank@example.org")
        self.assertEqual([o["address"] for o in forwarded["outcomes"]], ["frank@example.org"])

    def test_of_a_large_mail_the_first_mebibyte_is_read(self):
        told = self.report(reports.delivery_status("grace@example.org") + "x" * (1 << 20))
        self.assertEqual((told["truncated"], told["outcomes"][0]["effect"]), (True, "SUPPRESSED"))
        self.assertTrue(self.events_of("grace@example.org")[0]["truncated"])

    def test_what_is_no_mail_is_refused(self):
        for request, reason in ((mail(""), "MISSING_FIELD"), (mail("\r\n \r\n"), "NOT_A_MESSAGE"),
                                (mail(reports.VACATION, recipient="no address"), "INVALID_ADDRESS")):
            with self.subTest(reason=reason):
                self.assert_refused("ReportBounce", request, "InvalidArgument", reason)


class ProviderEvents(Caller):
    """Payloads of webhooks, unchanged."""

    tenant = "events"

    def report(self, provider, payload, **fields):
        return self.call("ReportBounce", {"tenant": self.tenant, **event(provider, payload, **fields)})

    def events_of(self, address):
        return self.call("GetBounceDetails", {"tenant": self.tenant, "address": address})["events"]

    def test_an_event_counts_once_however_often_it_is_delivered(self):
        payload = reports.ses_bounce("Ada@example.org", feedback_id="often")
        first = self.report("SES", payload, signature_verified=True)
        outcome = first["outcomes"][0]
        self.assertEqual((first["kind"], outcome["address"], outcome["event_id"], outcome["effect"]),
                         ("PROVIDER_WEBHOOK", "ada@example.org", "ses:often", "SUPPRESSED"))
        self.assertNotIn("duplicate", first)
        envelope = json.dumps({"Type": "Notification", "MessageId": "another", "Message": payload})
        for body in (payload, envelope, payload):
            again = self.report("ses", body)
            self.assertTrue(again["duplicate"])
            self.assertTrue(again["outcomes"][0]["duplicate"])
            self.assertEqual(again["outcomes"][0]["verdict"], outcome["verdict"])
        kept = self.events_of("ada@example.org")
        self.assertEqual([(e["provider"], e["kind"], e["signature_verified"], e["occurred_at"]) for e in kept],
                         [("ses", "PROVIDER_WEBHOOK", True, "2026-03-02T09:15:07Z")])

    def test_each_event_of_a_payload_is_taken_for_itself(self):
        self.report("sendgrid", reports.sendgrid_events(("bob@example.org", "b1")))
        told = self.report("sendgrid", reports.sendgrid_events(
            ("bob@example.org", "b1"), ("no address", "b2"), ("carol@example.org", "b1"), ("carol@example.org", "b3"),
            ("carol@example.org", "b3")))
        self.assertEqual([(o.get("address", ""), o["event_id"], o.get("duplicate", False), reason_of(o))
                          for o in told["outcomes"]],
                         [("bob@example.org", "sendgrid:b1", True, ""), ("", "sendgrid:b2", False, "INVALID_ADDRESS"),
                          ("", "sendgrid:b1", False, "REQUEST_ID_REUSED"), ("carol@example.org", "sendgrid:b3", False, ""),
                          ("carol@example.org", "sendgrid:b3", True, "")])
        self.assertEqual([o["error"]["code"] for o in told["outcomes"] if "error" in o], [INVALID_ARGUMENT, ALREADY_EXISTS])
        self.assertNotIn("duplicate", told)
        self.assertEqual(len(self.events_of("carol@example.org")), 1)

    def test_an_event_that_comes_by_mail_counts_once_and_does_not_take_the_webhooks_id(self):
        payload = reports.ses_bounce("ivan@example.org", feedback_id="by-mail")
        first = self.call("ReportBounce", mail(reports.by_mail(payload), tenant=self.tenant))
        again = self.call("ReportBounce", mail(reports.by_mail(payload), tenant=self.tenant))
        self.assertTrue(again["outcomes"][0]["duplicate"])
        self.assertEqual((first["kind"], first["outcomes"][0]["event_id"], first["outcomes"][0]["effect"]),
                         ("PROVIDER_WEBHOOK", "ses:by-mail", "SUPPRESSED"))
        self.assertNotIn("duplicate", self.report("ses", payload)["outcomes"][0])
        self.assertEqual(len(self.events_of("ivan@example.org")), 2)

    def test_a_bad_event_does_not_keep_the_others_from_being_taken(self):
        payload = json.loads(reports.sendgrid_events(("grace@example.org", "g1"), ("heidi@example.org", "g2")))
        payload[1]["event"] = "teleported"
        told = self.report("sendgrid", json.dumps([*payload, 17]))
        self.assertEqual([(o.get("address", ""), o.get("event_id", ""), reason_of(o)) for o in told["outcomes"]],
                         [("grace@example.org", "sendgrid:g1", ""), ("heidi@example.org", "sendgrid:g2", "UNKNOWN_EVENT"),
                          ("", "", "MALFORMED_PAYLOAD")])
        self.assertEqual([o.get("effect", "") for o in told["outcomes"]], ["SUPPRESSED", "", ""])
        self.assert_refused("ReportBounce", event("sendgrid", json.dumps(payload[1:])), "InvalidArgument", "UNKNOWN_EVENT")

    def test_an_event_alone_that_cannot_be_taken_is_an_error_of_the_call(self):
        self.report("ses", reports.ses_bounce("dan@example.org", feedback_id="alone"))
        self.assert_refused("ReportBounce", {"tenant": self.tenant,
                                             **event("ses", reports.ses_bounce("erin@example.org", feedback_id="alone"))},
                            "AlreadyExists", "REQUEST_ID_REUSED")
        self.assert_refused("ReportBounce", event("ses", reports.ses_bounce("no address")), "InvalidArgument",
                            "INVALID_ADDRESS")

    def test_a_payload_about_nobody_is_ok(self):
        told = self.report("ses", json.dumps({"Type": "Notification", "Message": "Successfully validated SNS topic for SES"}))
        self.assertEqual((told["kind"], told.get("outcomes"), told["durability"]), ("PROVIDER_WEBHOOK", None, "NOT_KEPT"))

    def test_what_is_no_payload_is_refused(self):
        many = reports.sendgrid_events(*((f"a{number}@example.org", str(number)) for number in range(1001)))
        for provider, payload, reason in (
                ("carrier-pigeon", "{}", "UNKNOWN_PROVIDER"), ("", "{}", "UNKNOWN_PROVIDER"),
                ("ses", '{"eventType": "Teleport"}', "UNKNOWN_EVENT"),
                ("ses", '{"Type": "SubscriptionConfirmation"}', "UNKNOWN_EVENT"),
                ("ses", "", "MALFORMED_PAYLOAD"), ("ses", "not JSON", "MALFORMED_PAYLOAD"),
                ("ses", "[]", "MALFORMED_PAYLOAD"), ("ses", "[" * 33 + "]" * 33, "MALFORMED_PAYLOAD"),
                ("sendgrid", " " * (1 << 20) + "[]", "MALFORMED_PAYLOAD"), ("sendgrid", many, "BATCH_TOO_LARGE")):
            with self.subTest(reason=reason, payload=payload[:60]):
                self.assert_refused("ReportBounce", event(provider, payload), "InvalidArgument", reason)
        largest = json.dumps(json.loads(many)[:1000])
        self.assertEqual(len(self.report("sendgrid", largest)["outcomes"]), 1000)


class EveryCallOverUnixSocket(EveryCall):
    """The same through the socket."""

    tenant = "unix"

    def over(self):
        return ["-plaintext", "-unix"], self.server.unix


class BadInput(Caller):
    """What is refused, with which code and reason; and never with the address in the error."""

    def test_malformed_addresses(self):
        for address in ("", "nobody", "canary@", "@example.com", "canary two@example.com", "canary@exa_mple..com",
                        "canary@" + "a" * 250 + ".com", "c" * 65 + "@example.com", "canary\u0000@example.com"):
            outcome = self.assert_refused("IsSuppressed", {"address": address}, "InvalidArgument", "INVALID_ADDRESS")
            if "canary" in address:
                self.assertNotIn("canary", outcome.err)

    def test_reports(self):
        far = "2999-01-01T00:00:00Z"
        for request, reason in (
                ({}, "MISSING_FIELD"),
                (report(""), "NO_RECIPIENT"),
                ({"complaint": {}}, "NO_RECIPIENT"),
                (report("no address"), "INVALID_ADDRESS"),
                (report("a@example.com", code=700), "INVALID_FIELD"),
                (report("a@example.com", code=-1), "INVALID_FIELD"),
                (report("a@example.com", enhanced_code="five"), "INVALID_FIELD"),
                (report("a@example.com", text="x" * 16385), "FIELD_TOO_LONG"),
                (report("a@example.com", source="x" * 129), "FIELD_TOO_LONG"),
                (report("a@example.com", occurred_at=far), "INVALID_FIELD"),
                (report("a@example.com", mail_sent_at=far), "INVALID_FIELD"),
                (report("a@example.com", request_id="42"), "INVALID_REQUEST_ID"),
                (report("a@example.com", tenant="Odd Tenant!"), "INVALID_TENANT"),
                (report("a@example.com", stream="-x"), "INVALID_STREAM"),
                ({"smtp_reply": {"recipient": "a@example.com", "code": 550, "stage": 99}}, "UNKNOWN_ENUM_VALUE"),
                ({"complaint": {"recipient": "a@example.com", "feedback_type": "nonsense"}}, "UNKNOWN_FEEDBACK_TYPE")):
            with self.subTest(reason=reason, request=str(request)[:120]):
                self.assert_refused("ReportBounce", request, "InvalidArgument", reason)

    def test_reads(self):
        many = [f"a{number}@example.com" for number in range(10001)]
        for rpc, request, reason in (
                ("IsSuppressed", {"address": "a@example.com", "tenant": "a" * 64}, "INVALID_TENANT"),
                ("IsSuppressed", {"address": "a@example.com", "stream": "UPPER"}, "INVALID_STREAM"),
                ("IsSuppressed", {"address": "a@example.com", "at_least": "garbled"}, "INVALID_TOKEN"),
                ("BatchIsSuppressed", {"addresses": many}, "BATCH_TOO_LARGE"),
                ("ListSuppressions", {"page_size": -1}, "INVALID_PAGE_SIZE"),
                ("ListSuppressions", {"page_token": "garbled"}, "INVALID_PAGE_TOKEN"),
                ("ListSuppressions", {"filter": {"domain": "exa mple"}}, "INVALID_DOMAIN"),
                ("ListSuppressions", {"filter": {"reasons": [99]}}, "UNKNOWN_ENUM_VALUE"),
                ("ListSuppressions", {"filter": {"cause_types": [99]}}, "UNKNOWN_ENUM_VALUE"),
                ("ListSuppressions", {"filter": {"state": 99}}, "UNKNOWN_ENUM_VALUE"),
                ("ListSuppressions", {"filter": {"stream": "UPPER"}}, "INVALID_STREAM"),
                ("ListSuppressions", {"filter": {"state": "NEVER_SUPPRESSED"}}, "INVALID_FIELD"),
                ("ListSuppressions", {"order": 99}, "UNKNOWN_ENUM_VALUE"),
                ("CountSuppressions", {"filter": {"domain": "exa mple"}}, "INVALID_DOMAIN"),
                ("CountSuppressions", {"filter": {"reasons": [99]}}, "UNKNOWN_ENUM_VALUE"),
                ("CountSuppressions", {"at_least": "garbled"}, "INVALID_TOKEN"),
                ("GetBounceDetails", {"address": "a@example.com", "max_events": -1}, "INVALID_FIELD"),
                ("GetBounceDetails", {"domain": "-"}, "INVALID_DOMAIN"),
                ("Watch", {"after": "garbled"}, "INVALID_TOKEN"),
                ("Watch", {"tenants": ["Odd"]}, "INVALID_TENANT")):
            with self.subTest(rpc=rpc, reason=reason):
                self.assert_refused(rpc, request, "InvalidArgument", reason)
        for rpc in ("GetBounceDetails", "Reactivate"):
            self.assert_refused(rpc, {"address": "unheard-of@example.com", "note": "x"}
                                if rpc == "Reactivate" else {"address": "unheard-of@example.com"},
                                "NotFound", "SUPPRESSION_NOT_FOUND")

    def test_writes_by_hand(self):
        for rpc, request, reason in (
                ("Suppress", {"address": "a@example.com"}, "MISSING_FIELD"),
                ("Suppress", {"note": "x"}, "MISSING_FIELD"),
                ("Suppress", {"address": "a@example.com", "note": "x" * 2001}, "FIELD_TOO_LONG"),
                ("Suppress", {"address": "a@example.com", "note": "x", "type": "HARD_BOUNCE"}, "INVALID_FIELD"),
                ("Suppress", {"address": "a@example.com", "note": "x", "type": 99}, "UNKNOWN_ENUM_VALUE"),
                ("Suppress", {"address": "a@example.com", "note": "x", "expires_at": "2001-01-01T00:00:00Z"},
                 "INVALID_FIELD"),
                ("Reactivate", {"address": "a@example.com"}, "MISSING_FIELD"),
                ("Reactivate", {"address": "a@example.com", "note": "x", "causes": [{}]}, "MISSING_FIELD"),
                ("Reactivate", {"address": "a@example.com", "note": "x", "on_behalf_of": "x" * 129}, "FIELD_TOO_LONG")):
            with self.subTest(rpc=rpc, reason=reason, request=str(request)[:120]):
                self.assert_refused(rpc, request, "InvalidArgument", reason)

    def test_a_page_token_of_another_filter(self):
        for number in range(3):
            self.call("Suppress", {"tenant": "filters", "address": f"f{number}@example.net", "note": "test"})
        page = self.call("ListSuppressions", {"tenant": "filters", "page_size": 1})
        token = page["next_page_token"]
        for other in ({"tenant": "other"}, {"tenant": "filters", "filter": {"domain": "example.net"}},
                      {"tenant": "filters", "order": "BY_ADDRESS"}):
            self.assert_refused("ListSuppressions", {**other, "page_token": token}, "InvalidArgument",
                                "INVALID_PAGE_TOKEN")

    def test_a_token_of_another_server(self):
        with harness.Server() as other:
            answer = harness.grpcurl("-plaintext", "-d", '{"address": "a@example.com"}', other.tcp,
                                     f"{SERVICE}/IsSuppressed")
        token = answer.json()[0]["revision_token"]
        self.assert_refused("IsSuppressed", {"address": "a@example.com", "at_least": token}, "FailedPrecondition",
                            "LINEAGE_MISMATCH")
        self.assert_refused("Watch", {"after": token}, "FailedPrecondition", "LINEAGE_MISMATCH")

    def test_what_a_later_version_asks_to_be_written_is_refused(self):
        with harness.TemporaryDirectory() as directory:
            shutil.copytree(os.path.join(harness.REPOSITORY, "protos", "suppressd"), os.path.join(directory, "suppressd"))
            for name, messages in (("suppression_service", r"\w+Request"), ("bounce", "SmtpReply"),
                                   ("suppression", "Consent")):
                path = os.path.join(directory, "suppressd", "v1", name + ".proto")
                with open(path, encoding="utf-8") as file:
                    text = file.read()
                with open(path, "w", encoding="utf-8") as file:
                    file.write(re.sub(rf"(?m)^message {messages} {{$", r"\g<0> string of_a_later_version = 999;", text))
            later = {"of_a_later_version": "x"}
            details = os.path.join(harness.REPOSITORY, "server", "reflected")
            flags = ("-import-path", directory, "-proto", "suppressd/v1/suppression_service.proto",
                     "-import-path", details, "-proto", "google/rpc/error_details.proto")

            def ask(rpc, request):
                return self.grpcurl(f"{SERVICE}/{rpc}", request, *flags)

            put = {"address": "later@example.com", "note": "test"}
            sent = report("later@example.com")
            for rpc, request in (
                    ("Suppress", {**put, **later}),
                    ("Reactivate", {**put, **later}),
                    ("Reactivate", {**put, "consent": {"evidence": "x", **later}}),
                    ("ReportBounce", {**sent, **later}),
                    ("ReportBounce", {"smtp_reply": {**sent["smtp_reply"], **later}}),
                    ("DeliverReport", {"report": {**sent, **later}, "taken_at": "2026-03-02T09:15:07Z"}),
                    ("DeliverReport", {"report": sent, "taken_at": "2026-03-02T09:15:07Z", **later})):
                with self.subTest(rpc=rpc, request=request):
                    refused = ask(rpc, request)
                    self.assertIn("Code: InvalidArgument\n", refused.err)
                    self.assertIn('"reason":"UNKNOWN_FIELD"', refused.err.replace('": "', '":"'))
            read = ask("IsSuppressed", {"address": "later@example.com", **later})
            self.assertEqual(read.code, 0, str(read))
            self.assertEqual(read.json()[0]["answer"], "NOT_SUPPRESSED")


if __name__ == "__main__":
    harness.main()
