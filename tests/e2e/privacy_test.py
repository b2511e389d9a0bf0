"""An address that goes through every call, good and bad, stands in no log line, error message or error detail."""

import base64
import json
import os
import unittest

import harness
import reports

CANARY = "canary-7f3a91"
ADDRESS = CANARY + "@canary-9c2e.example"
REPLICATION_CALLS = ("Snapshot", "RangeChecksums", "Acknowledge", "ListReplicas")


def call(server, method, request):
    service = harness.REPLICATION if method in REPLICATION_CALLS else harness.SERVICE
    return harness.grpcurl("-plaintext", "-d", json.dumps(request), server.tcp, f"{service}/{method}")


def octets(text):
    return base64.b64encode(text.encode()).decode()


class Privacy(unittest.TestCase):
    def test_no_address_in_logs_and_errors(self):
        calls = [
            ("ReportBounce", {"smtp_reply": {"recipient": ADDRESS, "text": f"550 5.1.1 <{ADDRESS}> user unknown"}}),
            ("ReportBounce", {"complaint": {"recipient": ADDRESS}}),
            ("ReportBounce", {"raw_message": {"content": octets(reports.delivery_status(ADDRESS, CANARY + "@-.example"))}}),
            ("ReportBounce", {"provider_event": {"provider": "ses", "payload": octets(reports.ses_bounce(ADDRESS))}}),
            ("IsSuppressed", {"address": ADDRESS}),
            ("BatchIsSuppressed", {"addresses": [ADDRESS]}),
            ("ListSuppressions", {}),
            ("GetBounceDetails", {"address": ADDRESS}),
            ("Suppress", {"address": ADDRESS, "note": "by hand"}),
            ("Reactivate", {"address": ADDRESS, "note": "works again"}),
            ("Snapshot", {"replica_id": "r"}),
            ("RangeChecksums", {"entries_per_range": 1}),
            ("ListReplicas", {}),
        ]
        refused = [
            ("ReportBounce", {"smtp_reply": {"recipient": ADDRESS + " " + ADDRESS, "text": "550 no"}}),
            ("ReportBounce", {"smtp_reply": {"recipient": ADDRESS, "text": "550 no", "code": 999}}),
            ("ReportBounce", {"raw_message": {"content": octets(reports.delivery_status(CANARY + "@-.example"))}}),
            ("ReportBounce", {"raw_message": {"content": octets(reports.VACATION), "recipient": "no" + CANARY}}),
            ("ReportBounce", {"provider_event": {"provider": CANARY, "payload": octets("{}")}}),
            ("ReportBounce", {"provider_event": {"provider": "ses", "payload": octets(ADDRESS)}}),
            ("ReportBounce", {"provider_event": {"provider": "ses", "payload": octets(json.dumps({"eventType": ADDRESS}))}}),
            ("ReportBounce", {"provider_event": {"provider": "ses", "payload": octets(reports.ses_bounce(CANARY))}}),
            ("IsSuppressed", {"address": CANARY + " @canary-9c2e.example"}),
            ("IsSuppressed", {"address": CANARY + "@canary-9c2e..example"}),
            ("IsSuppressed", {"address": "a@b.example", "tenant": ADDRESS}),
            ("IsSuppressed", {"address": "a@b.example", "at_least": ADDRESS}),
            ("ListSuppressions", {"domain": "canary-9c2e..example"}),
            ("ListSuppressions", {"page_token": ADDRESS}),
            ("GetBounceDetails", {"address": "no" + ADDRESS}),
            ("Reactivate", {"address": "no" + ADDRESS, "note": "unknown"}),
            ("Reactivate", {"address": ADDRESS, "note": "x", "causes": [{"type": "COMPLAINT"}]}),
            ("Suppress", {"address": ADDRESS, "domain": "canary-9c2e.example", "note": "both"}),
            ("Snapshot", {"replica_id": ADDRESS}),
            ("Snapshot", {"replica_id": "r", "tenants": [ADDRESS]}),
            ("Snapshot", {"replica_id": "r", "token": ADDRESS}),
            ("Acknowledge", {"replica_id": "r", "token": ADDRESS}),
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
                self.assertNotIn("canary", answer.out + answer.err, f"{method} {request}")
            for name in os.listdir(os.path.join(server.data, "db")):
                self.assertFalse(name.startswith("LOG"), "RocksDB keeps a log of its own")
            lines = server.log_at_end()
            self.assertIn('"event":"reactivate"', lines)
            self.assertNotIn("canary", lines)


if __name__ == "__main__":
    harness.main()
