"""An address that goes through every call, good and bad, stands in no log line, error message or error detail."""

import base64
import json
import os
import unittest

import harness
import reports

CANARY = "canary-7f3a91"
ADDRESS = CANARY + "@canary-9c2e.example"
REPLICATION_CALLS = ("Snapshot", "Follow", "RangeChecksums", "Acknowledge", "ListReplicas")


def call(server, method, request):
    service = harness.REPLICATION if method in REPLICATION_CALLS else harness.SERVICE
    return harness.grpcurl("-plaintext", "-d", json.dumps(request), server.tcp, f"{service}/{method}")


def base64_of(text):
    return base64.b64encode(text.encode()).decode()


class Privacy(unittest.TestCase):
    def test_no_address_in_logs_and_errors(self):
        calls = [
            ("ReportBounce", {"smtp_reply": {"recipient": ADDRESS, "text": f"550 5.1.1 <{ADDRESS}> user unknown"}}),
            ("ReportBounce", {"complaint": {"recipient": ADDRESS}}),
            ("DeliverReport", {"report": {"smtp_reply": {"recipient": ADDRESS, "text": f"550 5.1.1 <{ADDRESS}> user unknown"}},
                               "taken_at": "2026-03-02T09:15:07Z"}),
            ("ReportBounce", {"raw_message": {"content": base64_of(reports.delivery_status(ADDRESS, CANARY + "@-.example"))}}),
            ("ReportBounce", {"provider_event": {"provider": "ses", "payload": base64_of(reports.ses_bounce(ADDRESS))}}),
            ("IsSuppressed", {"address": ADDRESS}),
            ("BatchIsSuppressed", {"addresses": [ADDRESS, CANARY]}),
            ("ListSuppressions", {}),
            ("CountSuppressions", {"filter": {"domain": "canary-9c2e.example"}}),
            ("GetBounceDetails", {"address": ADDRESS}),
            ("Suppress", {"address": ADDRESS, "note": "by hand", "on_behalf_of": CANARY}),
            ("Suppress", {"domain": "canary-9c2e.example", "note": "by hand"}),
            ("Reactivate", {"address": ADDRESS, "note": "works again", "on_behalf_of": CANARY}),
            ("Snapshot", {"replica_id": "r"}),
            ("RangeChecksums", {"entries_per_range": 1}),
            ("ListReplicas", {}),
        ]
        refused = [
            ("ReportBounce", {"smtp_reply": {"recipient": ADDRESS + " " + ADDRESS, "text": "550 no"}}),
            ("ReportBounce", {"smtp_reply": {"recipient": ADDRESS, "text": "550 no", "code": 999}}),
            ("DeliverReport", {"report": {"smtp_reply": {"recipient": ADDRESS, "text": "550 no"}}}),
            ("ReportBounce", {"raw_message": {"content": base64_of(reports.delivery_status(CANARY + "@-.example"))}}),
            ("ReportBounce", {"raw_message": {"content": base64_of(reports.VACATION), "recipient": "no" + CANARY}}),
            ("ReportBounce", {"provider_event": {"provider": CANARY, "payload": base64_of("{}")}}),
            ("ReportBounce", {"provider_event": {"provider": "ses", "payload": base64_of(ADDRESS)}}),
            ("ReportBounce", {"provider_event": {"provider": "ses", "payload": base64_of(json.dumps({"eventType": ADDRESS}))}}),
            ("ReportBounce", {"provider_event": {"provider": "ses", "payload": base64_of(reports.ses_bounce(CANARY))}}),
            ("IsSuppressed", {"address": CANARY + " @canary-9c2e.example"}),
            ("IsSuppressed", {"address": CANARY + "@canary-9c2e..example"}),
            ("IsSuppressed", {"address": "a@b.example", "tenant": ADDRESS}),
            ("IsSuppressed", {"address": "a@b.example", "at_least": ADDRESS}),
            ("ListSuppressions", {"filter": {"domain": "canary-9c2e..example"}}),
            ("ListSuppressions", {"filter": {"stream": ADDRESS}}),
            ("CountSuppressions", {"filter": {"domain": "canary-9c2e..example"}}),
            ("CountSuppressions", {"filter": {"source": CANARY * 20}}),
            ("ListSuppressions", {"page_token": ADDRESS}),
            ("GetBounceDetails", {"address": "no" + ADDRESS}),
            ("Reactivate", {"address": "no" + ADDRESS, "note": "unknown"}),
            ("Reactivate", {"address": ADDRESS, "note": "x", "causes": [{"type": "COMPLAINT"}]}),
            ("Reactivate", {"address": ADDRESS, "note": "x", "unchanged_since": ADDRESS}),
            ("Suppress", {"address": ADDRESS}),
            ("Suppress", {"domain": "canary-9c2e..example", "note": "x"}),
            ("Snapshot", {"replica_id": ADDRESS}),
            ("Snapshot", {"replica_id": "r", "tenants": [ADDRESS]}),
            ("Snapshot", {"replica_id": "r", "revision_token": ADDRESS}),
            ("Follow", {"replica_id": "r", "after": {"revision_token": ADDRESS}}),
            ("Follow", {"replica_id": ADDRESS}),
            ("Acknowledge", {"replica_id": "r", "position": {"revision_token": ADDRESS}}),
            ("RangeChecksums", {"at_least": ADDRESS}),
            ("ListReplicas", {"page_token": ADDRESS}),
        ]
        with harness.Server("--log_level", "debug") as server:
            for method, request in calls:
                answer = call(server, method, request)
                self.assertEqual(answer.code, 0, f"{method}: {answer}")
            for method, request in refused:
                answer = call(server, method, request)
                self.assertNotEqual(answer.code, 0, f"{method} {request}")
                self.assertIn('"domain": "suppressd"', answer.err, f"{method} {request}: not refused by the server\n{answer}")
                self.assertNotIn("canary", answer.out + answer.err, f"{method} {request}")
            for name in os.listdir(os.path.join(server.data, "db")):
                self.assertFalse(name.startswith("LOG"), "RocksDB keeps a log of its own")
            lines = server.log_at_end()
            self.assertIn('"event":"reactivate"', lines)
            self.assertNotIn("canary", lines)


if __name__ == "__main__":
    harness.main()
