// Mailgun: {"signature": ..., "event-data": ...}, and the flat form that came before it.
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/bounces/rules/provider_report.h"

namespace suppressd {
namespace {

constexpr absl::string_view kFailures = "Mailgun, user manual, tracking failures";
constexpr absl::string_view kEvents = "Mailgun, API reference, event types and structure";
constexpr absl::string_view kStats = "Mailgun, API reference, stats: failed.permanent and failed.temporary";
constexpr absl::string_view kLegacy = "Mailgun, user manual before 2018, webhooks: dropped and bounced";

using Verdict = v1::Verdict;
constexpr v1::BounceReason kNoReason = v1::BOUNCE_REASON_UNSPECIFIED;

// By severity "temporary"; else by Mailgun's own codes beyond SMTP's; else by reason; else by bounce type.
constexpr ProviderTyping kTypings[] = {
    {"permanent", Verdict::SOFT, v1::UNDETERMINED, Verdict::HARD, "permanent", kFailures},
    // Mailgun goes on trying, whatever the reply was, and says so with "permanent" when it gives up.
    {"temporary", Verdict::NOT_A_BOUNCE, kNoReason, kTextNotAsked, "temporary", kFailures},
    {"soft", Verdict::SOFT, v1::UNDETERMINED, Verdict::SOFT, "soft", kFailures},
    // On one of Mailgun's own lists already.
    {"605", Verdict::HARD, v1::ADDRESS_NOT_FOUND, kTextNotAsked, "suppress_bounce", kStats},
    {"suppress-bounce", Verdict::HARD, v1::ADDRESS_NOT_FOUND, kTextNotAsked, "suppress_bounce", kStats},
    {"607", Verdict::HARD, v1::BLOCKED_BY_RECIPIENT_SERVER, kTextNotAsked, "suppress_complaint", kStats},
    {"suppress-complaint", Verdict::HARD, v1::BLOCKED_BY_RECIPIENT_SERVER, kTextNotAsked, "suppress_complaint", kStats},
    {"606", Verdict::NOT_A_BOUNCE, kNoReason, kTextNotAsked, "suppress_unsubscribe", kStats},
    {"suppress-unsubscribe", Verdict::NOT_A_BOUNCE, kNoReason, kTextNotAsked, "suppress_unsubscribe", kStats},
    // Tried until the message was too old.
    {"602", Verdict::SOFT, v1::MAIL_SERVER_MISCONFIGURED, Verdict::SOFT, "old", kLegacy},
    {"old", Verdict::SOFT, v1::MAIL_SERVER_MISCONFIGURED, Verdict::SOFT, "old", kLegacy},
    {"espblock", Verdict::SENDER_SIDE, kNoReason, Verdict::SENDER_SIDE, "espblock", kStats},
    {"greylisted", Verdict::SENDER_SIDE, kNoReason, Verdict::SENDER_SIDE, "greylisted", kEvents},
    // Mailgun refused to take the message.
    {"rejected", Verdict::SENDER_SIDE, kNoReason, kTextNotAsked, "rejected", kEvents},
};

constexpr EventKind kKinds[] = {
    {"failed", EventUse::kFailure},
    {"complained", EventUse::kComplaint},
    {"rejected", EventUse::kFailure},
    {"accepted", EventUse::kOther},
    {"delivered", EventUse::kOther},
    {"opened", EventUse::kOther},
    {"clicked", EventUse::kOther},
    {"unsubscribed", EventUse::kOther},
    {"stored", EventUse::kNobody},
    {"list_uploaded", EventUse::kNobody},
    {"list_member_uploaded", EventUse::kNobody},
    {"list_member_upload_error", EventUse::kNobody},
};

constexpr EventKind kLegacyKinds[] = {
    {"bounced", EventUse::kFailure},    {"dropped", EventUse::kFailure}, {"complained", EventUse::kComplaint},
    {"delivered", EventUse::kOther},    {"opened", EventUse::kOther},    {"clicked", EventUse::kOther},
    {"unsubscribed", EventUse::kOther},
};

constexpr FieldMap kFields = {.recipient = "recipient",
                              .diagnostic = "delivery-status/message|delivery-status/description|reject/reason",
                              .status = "delivery-status/code|delivery-status/enhanced-code",
                              .remote_mta = "delivery-status/mx-host",
                              .message_id = "message/headers/message-id",
                              .event_id = "id",
                              .occurred_at = "timestamp"};

constexpr FieldMap kLegacyFields = {.recipient = "recipient",
                                    .diagnostic = "error|notification|description",
                                    .status = "code",
                                    .message_id = "Message-Id|message-id",
                                    .event_id = "token",
                                    .occurred_at = "timestamp"};

const ProviderTyping& TypeFailure(const JsonValue& event, const EventKind& kind) {
  const std::string severity = event.Text("severity");
  return FindTyping(kTypings, {kind.name, absl::EqualsIgnoreCase(severity, "temporary") ? "temporary" : "",
                               event.Text("delivery-status/code"), event.Text("reason"),
                               event.Text("delivery-status/bounce-type"), severity});
}

const ProviderTyping& TypeLegacyFailure(const JsonValue& event, const EventKind&) {
  return FindTyping(kTypings, {event.Text("code"), event.Text("reason")});
}

absl::Status ReadEvent(const JsonValue& event, bool legacy, ProviderReports* reports) {
  if (!event.is_object()) return event.Error("is not an object");
  const JsonValue type = event.Member("event");
  if (!type.is_string()) return type.Error("is not a string");
  const absl::Span<const EventKind> kinds =
      legacy ? absl::Span<const EventKind>(kLegacyKinds) : absl::Span<const EventKind>(kKinds);
  const EventKind* kind = FindKind(kinds, type.Text());
  if (kind == nullptr) return UnknownEvent(type.where(), reports->provider(), kinds);
  return legacy ? ReadFlatEvent(event, *kind, kLegacyFields, TypeLegacyFailure, reports)
                : ReadFlatEvent(event, *kind, kFields, TypeFailure, reports);
}

}  // namespace

absl::Status ReadMailgun(const JsonValue& payload, ProviderReports* reports) {
  if (!payload.is_object()) return payload.Error("is not an object");
  const JsonValue event = payload.Member("event-data");
  if (event.present()) return ReadEvent(event, false, reports);
  return ReadEvent(payload, true, reports);
}

}  // namespace suppressd
