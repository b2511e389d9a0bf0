"""The calls that the canary goes through: of every RPC one that succeeds at a server at least, and the errors that can be
reached by requests alone. What is said of the fields of each request comes from reflection: see field_requests."""

import json
import re

import harness
import reports
from canary import ADDRESS, DOMAIN, HIDDEN, LOCAL, SPELLINGS, base64_of
from harness import ADMIN, REPLICATION, SERVICE, SIDECAR

HEALTH = "grpc.health.v1.Health"
REFLECTION = "grpc.reflection.v1alpha.ServerReflection"
CHANNELZ = "grpc.channelz.v1.Channelz"
REPLY = {"smtp_reply": {"recipient": ADDRESS, "text": f"550 5.1.1 <{ADDRESS}> user unknown"}}
UNKNOWN = "00000000-0000-4000-8000-000000000000"
NOTE = {"note": f"asked for by {ADDRESS}"}
TAKEN_AT = "2026-03-02T09:15:07Z"
MAIL_BYTES_MAX = 4 << 20


def mail(*recipients, **facts):
    return {"raw_message": {"content": base64_of(reports.delivery_status(*recipients, **facts))}}


def payload(text, provider="ses"):
    return {"provider_event": {"provider": provider, "payload": base64_of(text)}}


def in_base64(recipient):
    """A bounce message whose words are in base64."""
    return base64_of(f"From: MAILER-DAEMON@mail.example.com\nSubject: Undeliverable: {recipient}\nMIME-Version: 1.0\n"
                     f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n"
                     f"{base64_of(f'<{recipient}>: 550 5.1.1 user unknown')}\n")


def report_calls():
    """Reports that are taken."""
    for recipient in SPELLINGS:
        yield {"smtp_reply": {"recipient": recipient, "text": f"550 5.1.1 <{recipient}> user unknown"}}
        yield {"complaint": {"recipient": recipient, "reporter": ADDRESS}}
    yield {**REPLY, "message_id": f"<{ADDRESS}>", "source": ADDRESS[:60], "event_id": ADDRESS}
    yield {"smtp_reply": {"recipient": ADDRESS, "raw_text": base64_of(f"550 5.1.1 <{ADDRESS}> unbekannt\xff"),
                          "remote_mta": f"mx.{DOMAIN}.example"}}
    yield mail(ADDRESS, LOCAL + "@-.example")
    yield mail(SPELLINGS[1])
    yield mail(f"utf-8;{SPELLINGS[6]}")
    yield {"raw_message": {"content": base64_of(reports.feedback_report(ADDRESS))}}
    yield {"raw_message": {"content": in_base64(ADDRESS)}}
    yield {"raw_message": {"content": base64_of(reports.by_mail(reports.ses_bounce(ADDRESS, feedback_id="by-mail")))}}
    yield {"raw_message": {"content": base64_of(reports.VACATION.replace("ada@example.org", ADDRESS)), "recipient": ADDRESS}}
    yield payload(reports.ses_bounce(ADDRESS, LOCAL))
    yield payload(reports.sendgrid_events((ADDRESS, ADDRESS), (LOCAL, "2")), "sendgrid")


def refused_reports():
    """Pairs of a report that is refused and the reason."""
    for hidden in HIDDEN:
        yield {"complaint": {"recipient": hidden}}, "INVALID_ADDRESS"
    yield {"complaint": {"recipient": ADDRESS, "feedback_type": ADDRESS}}, "UNKNOWN_FEEDBACK_TYPE"
    yield {"smtp_reply": {"recipient": ADDRESS, "text": "550 no", "code": 999}}, "INVALID_FIELD"
    yield {"smtp_reply": {"recipient": ADDRESS}}, "MISSING_FIELD"
    yield {"smtp_reply": {"text": f"550 <{ADDRESS}>"}}, "NO_RECIPIENT"
    yield {**REPLY, "request_id": ADDRESS}, "INVALID_REQUEST_ID"
    yield {**REPLY, "event_id": ADDRESS * 20}, "FIELD_TOO_LONG"
    yield {**REPLY, "stream": ADDRESS}, "INVALID_STREAM"
    yield {**REPLY, "tenant": ADDRESS}, "INVALID_TENANT"
    yield {"complaint": {"recipient": ADDRESS}, "event_id": ADDRESS}, "REQUEST_ID_REUSED"
    yield {"raw_message": {"content": base64_of("\0" * 100)}}, "NOT_A_MESSAGE"
    yield mail(LOCAL + "@-.example"), "INVALID_ADDRESS"
    yield {"raw_message": {"content": base64_of(reports.VACATION), "recipient": "no" + LOCAL}}, "INVALID_ADDRESS"
    yield payload("{}", ADDRESS), "UNKNOWN_PROVIDER"
    yield payload(ADDRESS), "MALFORMED_PAYLOAD"
    yield payload(f'{{"{ADDRESS}": "{ADDRESS}'), "MALFORMED_PAYLOAD"
    yield payload(json.dumps({"eventType": ADDRESS})), "UNKNOWN_EVENT"
    yield payload(reports.ses_bounce(LOCAL)), "INVALID_ADDRESS"
    yield payload(reports.ses_bounce(*(f"{LOCAL}{number}@{DOMAIN}.example" for number in range(1001)))), "BATCH_TOO_LARGE"
    yield {"smtp_reply": {"recipient": ADDRESS, "text": ADDRESS * (MAIL_BYTES_MAX // len(ADDRESS) + 1)}}, "MESSAGE_TOO_LARGE"


def list_calls(strangers_token, far_token, strangers_page):
    """Triples of a method, a request and the reason of its error (None: it succeeds): the calls about a list. Tokens are of
    another server, of this one but far ahead of it, and of a listing of another server."""
    yield from (("ReportBounce", report, None) for report in report_calls())
    yield from (("ReportBounce", report, reason) for report, reason in refused_reports())
    yield "DeliverReport", {"report": {**REPLY, "source": "late"}, "taken_at": TAKEN_AT}, None
    yield "DeliverReport", {"report": REPLY}, "MISSING_FIELD"
    yield "DeliverReport", {"report": {"complaint": {"recipient": LOCAL}}, "taken_at": TAKEN_AT}, "INVALID_ADDRESS"
    for spelling in SPELLINGS:
        yield "IsSuppressed", {"address": spelling}, None
    for hidden in HIDDEN:
        yield "IsSuppressed", {"address": hidden}, "INVALID_ADDRESS"
    yield "IsSuppressed", {"address": ADDRESS, "tenant": ADDRESS}, "INVALID_TENANT"
    yield "IsSuppressed", {"address": ADDRESS, "at_least": ADDRESS}, "INVALID_TOKEN"
    yield "IsSuppressed", {"address": ADDRESS, "at_least": strangers_token}, "LINEAGE_MISMATCH"
    yield "IsSuppressed", {"address": ADDRESS, "at_least": far_token}, "REVISION_NOT_REACHED"
    yield "BatchIsSuppressed", {"addresses": [*SPELLINGS, *HIDDEN]}, None
    yield "BatchIsSuppressed", {"addresses": [ADDRESS] * 10_001}, "BATCH_TOO_LARGE"
    yield "ListSuppressions", {}, None
    yield "ListSuppressions", {"filter": {"domain": f"{DOMAIN}.example", "source": ADDRESS}}, None
    yield "ListSuppressions", {"filter": {"domain": f"{LOCAL}..example"}}, "INVALID_DOMAIN"
    yield "ListSuppressions", {"page_token": ADDRESS}, "INVALID_PAGE_TOKEN"
    yield "ListSuppressions", {"page_token": strangers_page, "page_size": 1}, "PAGE_TOKEN_EXPIRED"
    yield "ListSuppressions", {"filter": {"source": ADDRESS}, "page_size": -1}, "INVALID_PAGE_SIZE"
    yield "ListSuppressions", {"filter": {"source": ADDRESS, "reasons": [99]}}, "UNKNOWN_ENUM_VALUE"
    yield "CountSuppressions", {"filter": {"domain": f"{DOMAIN}.example"}}, None
    yield "CountSuppressions", {"filter": {"source": ADDRESS * 20}}, "FIELD_TOO_LONG"
    yield "GetBounceDetails", {"address": ADDRESS}, None
    yield "GetBounceDetails", {"address": "no" + ADDRESS}, "SUPPRESSION_NOT_FOUND"
    yield "GetBounceDetails", {"domain": f"no{DOMAIN}.example"}, "SUPPRESSION_NOT_FOUND"
    yield "Suppress", {"address": ADDRESS, **NOTE, "on_behalf_of": ADDRESS, "source": ADDRESS}, None
    yield "Suppress", {"domain": f"{DOMAIN.upper()}.example", **NOTE}, None
    yield "Suppress", {"address": ADDRESS}, "MISSING_FIELD"
    yield "Suppress", {"address": ADDRESS, **NOTE, "request_id": UNKNOWN}, None
    yield "Suppress", {"address": ADDRESS, "note": "another", "request_id": UNKNOWN}, "REQUEST_ID_REUSED"
    for number in range(48):
        reason = None if number < 47 else "TOO_MANY_CAUSES"
        yield "Suppress", {"address": f"many.{ADDRESS}", **NOTE, "stream": f"s{number}"}, reason
    yield "Reactivate", {"address": ADDRESS, **NOTE}, None
    yield "Reactivate", {"address": "no" + ADDRESS, **NOTE}, "SUPPRESSION_NOT_FOUND"
    yield "Reactivate", {"address": ADDRESS, **NOTE, "causes": [{"type": "COMPLAINT"}]}, "CONSENT_REQUIRED"
    yield "Reactivate", {"address": ADDRESS, **NOTE, "unchanged_since": ADDRESS}, "INVALID_TOKEN"
    yield "Watch", {}, None
    yield "Watch", {"tenants": [ADDRESS]}, "INVALID_TENANT"
    yield "Watch", {"after": strangers_token}, "LINEAGE_MISMATCH"


def other_calls(token):
    """The same for the other services; of replication at a server. `token` is of this server. Methods have their service."""
    yield f"{REPLICATION}/Snapshot", {"replica_id": "r"}, None
    resumed = {"replica_id": "r", "revision_token": token, "resume_after": base64_of(ADDRESS)}
    yield f"{REPLICATION}/Snapshot", resumed, "INVALID_FIELD"
    yield f"{REPLICATION}/Snapshot", {"replica_id": ADDRESS}, "INVALID_FIELD"
    yield f"{REPLICATION}/Follow", {"replica_id": "r", "after": {"revision_token": token}}, None
    yield f"{REPLICATION}/Follow", {"replica_id": "r", "after": {"revision_token": ADDRESS}}, "INVALID_TOKEN"
    yield f"{REPLICATION}/Acknowledge", {"replica_id": "r", "position": {"revision_token": token}}, None
    yield f"{REPLICATION}/Acknowledge", {"replica_id": "r", "position": {"revision_token": ADDRESS}}, "INVALID_TOKEN"
    yield f"{REPLICATION}/RangeChecksums", {"entries_per_range": 1}, None
    yield f"{REPLICATION}/RangeChecksums", {"tenants": [ADDRESS]}, "INVALID_TENANT"
    yield f"{REPLICATION}/ListReplicas", {}, None
    yield f"{REPLICATION}/ListReplicas", {"page_token": ADDRESS}, "INVALID_PAGE_TOKEN"
    yield f"{SERVICE}/Reactivate", {"address": ADDRESS, **NOTE, "unchanged_since": token}, "ENTRY_CHANGED"
    yield f"{SIDECAR}/GetSidecarStatus", {}, "NOT_SERVED_HERE"
    yield from admin_calls(token)


def admin_calls(token):
    """The same for those who run a list; at a server with a directory for backups."""
    rows = [{"address": spelling, "type": "HARD_BOUNCE", "diagnostic": f"550 5.1.1 <{ADDRESS}> unknown"} for spelling in SPELLINGS]
    rows += [{"address": f"{LOCAL}@{DOMAIN}..example", "type": "MANUAL"}, {"domain": f"{LOCAL}..{DOMAIN}", "type": "MANUAL"},
             {"address": ADDRESS, "type": "MANUAL", "stream": ADDRESS}, {"address": ADDRESS, "type": "MANUAL", "note": ADDRESS * 99},
             {"entry": {"suppression": {"address": ADDRESS, "causes": [{"note": ADDRESS}]}}}]
    yield f"{ADMIN}/Import", {"provider": "tool", "rows": rows, "on_behalf_of": ADDRESS}, None
    yield f"{ADMIN}/Import", {"provider": "tool", "rows": rows, "dry_run": True}, None
    yield f"{ADMIN}/Import", {"provider": ADDRESS, "rows": rows}, "INVALID_FIELD"
    yield f"{ADMIN}/Export", {"with_history": True}, None
    yield f"{ADMIN}/Export", {"tenant": ADDRESS}, "INVALID_TENANT"
    yield f"{ADMIN}/Export", {"after": ADDRESS}, "INVALID_PAGE_TOKEN"
    yield f"{ADMIN}/ListAudit", {"address": ADDRESS}, None
    yield f"{ADMIN}/ListAudit", {"address": f"{LOCAL}@{DOMAIN}..example"}, "INVALID_ADDRESS"
    yield f"{ADMIN}/ListAudit", {"page_token": ADDRESS}, "INVALID_PAGE_TOKEN"
    yield f"{ADMIN}/CreateBackup", {}, None
    yield f"{ADMIN}/ListBackups", {}, None


def library_calls():
    """Pairs of a method and a request of the services that gRPC itself has. How they end is not ours."""
    for service in "", SERVICE, ADDRESS:
        yield f"{HEALTH}/Check", {"service": service}
        yield f"{HEALTH}/Watch", {"service": service}
    for question in "file_by_filename", "file_containing_symbol", "all_extension_numbers_of_type", "list_services":
        yield f"{REFLECTION}/ServerReflectionInfo", {"host": ADDRESS, question: ADDRESS}
    for method in "GetTopChannels", "GetServers":
        yield f"{CHANNELZ}/{method}", {}
    for method, field in (("GetServer", "server_id"), ("GetServerSockets", "server_id"), ("GetChannel", "channel_id"),
                          ("GetSubchannel", "subchannel_id"), ("GetSocket", "socket_id")):
        for number in range(1, 8):
            yield f"{CHANNELZ}/{method}", {field: number}


# Requests of no version: a method that is none, a field that is not known, a text that is not UTF-8.
FOREIGN_PROTO = f"""syntax = "proto3";
package suppressd.v1;
message Foreign {{ bytes address = 2; bytes note = 7; bytes {LOCAL} = 999; }}
service SuppressionService {{
  rpc IsSuppressed(Foreign) returns (Foreign);
  rpc Suppress(Foreign) returns (Foreign);
  rpc {LOCAL}(Foreign) returns (Foreign);
}}
service {LOCAL} {{ rpc {DOMAIN}(Foreign) returns (Foreign); }}
"""


def foreign_calls():
    """Triples of a method of FOREIGN_PROTO, a request, and the reason of its error (None: gRPC's own)."""
    yield f"{SERVICE}/IsSuppressed", {"address": base64_of(b"\xff" + ADDRESS.encode())}, "INVALID_FIELD"
    unknown = {field: base64_of(ADDRESS) for field in ("address", "note", LOCAL)}
    yield f"{SERVICE}/Suppress", unknown, "UNKNOWN_FIELD"
    yield f"{SERVICE}/{LOCAL}", {LOCAL: base64_of(ADDRESS)}, None
    yield f"suppressd.v1.{LOCAL}/{DOMAIN}", {LOCAL: base64_of(ADDRESS)}, None


FIELD = re.compile(r"^ *(optional |repeated )?([.\w]+) (\w+) = \d+;", re.M)
DEPTH_MAX = 4


class Descriptors:
    """Services, methods and messages as a server's reflection tells them. `ask` runs grpcurl on the server with some words
    before its address and some behind, and returns what it prints."""

    def __init__(self, ask):
        self.ask, self.messages = ask, {}

    def methods(self):
        """SERVICE/METHOD of all that is served: the name of the request's message, and whether answers are streamed."""
        methods = {}
        for service in self.ask("list").split():
            text = self.ask("describe", service)
            for name, request, streamed in re.findall(r"rpc (\w+) \( (?:stream )?\.(\S+) \) returns \( (stream )?", text):
                methods[f"{service}/{name}"] = request, bool(streamed)
        return methods

    def fields(self, message):
        """Triples: repeated or optional, type, name."""
        if message not in self.messages:
            self.messages[message] = FIELD.findall(self.ask("describe", message))
        return self.messages[message]

    def field_requests(self, message, depth=0):
        """Requests that have the canary in one field of text or bytes, and nothing else: one for each, at any depth."""
        if depth > DEPTH_MAX or message.startswith("google.protobuf."):
            return
        for label, kind, name in self.fields(message):
            if kind == "string":
                values = [ADDRESS, base64_of(ADDRESS)]
            elif kind == "bytes":
                values = [base64_of(ADDRESS)]
            else:
                values = list(self.field_requests(kind[1:], depth + 1)) if kind.startswith(".") else []
            for value in values:
                yield {name: [value] if label == "repeated " else value}


def protos_methods():
    """SERVICE/METHOD of all that the repository's protos declare."""
    methods = set()
    for name in "suppression_service", "replication":
        with open(f"{harness.REPOSITORY}/protos/suppressd/v1/{name}.proto", encoding="utf-8") as proto:
            text = proto.read()
        for service, body in re.findall(r"^service (\w+) \{(.*?)^\}", text, re.M | re.S):
            methods |= {f"suppressd.v1.{service}/{method}" for method in re.findall(r"^ *rpc (\w+)\(", body, re.M)}
    return methods
