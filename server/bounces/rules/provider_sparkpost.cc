// SparkPost: an array of {"msys": {"message_event": {...}}} and the like.
#include <string>

#include "server/bounces/rules/provider_report.h"

namespace suppressd {
namespace {

constexpr absl::string_view kClasses = "SparkPost, bounce classification codes";
constexpr absl::string_view kEvents = "SparkPost, Events and Webhooks API, event types";

using Verdict = v1::Verdict;
constexpr v1::BounceReason kNoReason = v1::BOUNCE_REASON_UNSPECIFIED;

// By bounce_class. What SparkPost's table puts into the category "Soft" is never worse than SOFT; "Block" is about us.
constexpr ProviderTyping kTypings[] = {
    {"1", Verdict::SOFT, v1::UNDETERMINED, Verdict::HARD, "undetermined", kClasses},
    {"10", Verdict::HARD, v1::ADDRESS_NOT_FOUND, Verdict::HARD, "invalid_recipient", kClasses},
    {"20", Verdict::SOFT, v1::UNDETERMINED, Verdict::SOFT, "soft", kClasses},
    {"21", Verdict::SOFT, v1::MAIL_SERVER_MISCONFIGURED, Verdict::SOFT, "dns_failure", kClasses},
    {"22", Verdict::SOFT, v1::MAILBOX_FULL, Verdict::SOFT, "mailbox_full", kClasses},
    {"23", Verdict::SENDER_SIDE, kNoReason, Verdict::SENDER_SIDE, "too_large", kClasses},
    {"24", Verdict::SOFT, v1::MAIL_SERVER_MISCONFIGURED, Verdict::SOFT, "timeout", kClasses},
    // "Failed by SparkPost's configured policies". Its suppression list is one of them, but holds the unsubscribed too.
    {"25", Verdict::SENDER_SIDE, kNoReason, kTextNotAsked, "admin_failure", kClasses},
    {"26", Verdict::SENDER_SIDE, kNoReason, kTextNotAsked, "smart_send", kClasses},
    // "No recipient could be determined": says nothing of the one we know.
    {"30", Verdict::SOFT, v1::UNDETERMINED, Verdict::HARD, "no_rcpt", kClasses},
    {"40", Verdict::SOFT, v1::UNDETERMINED, Verdict::SOFT, "generic", kClasses},
    {"50", Verdict::SENDER_SIDE, kNoReason, Verdict::SENDER_SIDE, "mail_block", kClasses},
    {"51", Verdict::SENDER_SIDE, kNoReason, Verdict::SENDER_SIDE, "spam_block", kClasses},
    {"52", Verdict::SENDER_SIDE, kNoReason, Verdict::SENDER_SIDE, "spam_content", kClasses},
    {"53", Verdict::SENDER_SIDE, kNoReason, Verdict::SENDER_SIDE, "attachment", kClasses},
    {"54", Verdict::SOFT, v1::MAIL_SERVER_MISCONFIGURED, Verdict::SOFT, "relaying_denied", kClasses},
    {"60", Verdict::NOT_A_BOUNCE, kNoReason, kTextNotAsked, "auto_reply", kClasses},
    {"70", Verdict::SOFT, v1::UNDETERMINED, Verdict::SOFT, "transient", kClasses},
    {"80", Verdict::NOT_A_BOUNCE, kNoReason, kTextNotAsked, "subscribe", kClasses},
    {"90", Verdict::NOT_A_BOUNCE, kNoReason, kTextNotAsked, "unsubscribe", kClasses},
    {"100", Verdict::NOT_A_BOUNCE, kNoReason, kTextNotAsked, "challenge", kClasses},
    // Refused or failed within SparkPost, before any server was asked.
    {"policy_rejection", Verdict::SENDER_SIDE, kNoReason, kTextNotAsked, "policy_rejection", kEvents},
    {"generation_failure", Verdict::SENDER_SIDE, kNoReason, kTextNotAsked, "generation_failure", kEvents},
    {"generation_rejection", Verdict::SENDER_SIDE, kNoReason, kTextNotAsked, "generation_rejection", kEvents},
};

constexpr EventKind kKinds[] = {
    {"bounce", EventUse::kFailure},
    {"out_of_band", EventUse::kFailure},
    {"policy_rejection", EventUse::kFailure},
    {"generation_failure", EventUse::kFailure},
    {"generation_rejection", EventUse::kFailure},
    {"spam_complaint", EventUse::kComplaint},
    {"injection", EventUse::kOther},
    {"delay", EventUse::kOther},
    {"delivery", EventUse::kOther},
    {"open", EventUse::kOther},
    {"initial_open", EventUse::kOther},
    {"click", EventUse::kOther},
    {"amp_open", EventUse::kOther},
    {"amp_initial_open", EventUse::kOther},
    {"amp_click", EventUse::kOther},
    {"list_unsubscribe", EventUse::kOther},
    {"link_unsubscribe", EventUse::kOther},
    // About mail that SparkPost receives for us.
    {"relay_injection", EventUse::kNobody},
    {"relay_rejection", EventUse::kNobody},
    {"relay_delivery", EventUse::kNobody},
    {"relay_tempfail", EventUse::kNobody},
    {"relay_permfail", EventUse::kNobody},
    {"ab_test_completed", EventUse::kNobody},
    {"ab_test_cancelled", EventUse::kNobody},
    {"success", EventUse::kNobody},  // of an ingestion
    {"error", EventUse::kNobody},    // of an ingestion
};

// raw_rcpt_to keeps the case of the address; raw_reason is the reply as it was, reason the same without its variable
// parts.
constexpr FieldMap kFields = {.recipient = "raw_rcpt_to|rcpt_to",
                              .diagnostic = "raw_reason|reason",
                              .status = "error_code",
                              .remote_mta = "ip_address|report_by",
                              .message_id = "message_id",
                              .event_id = "event_id",
                              .occurred_at = "timestamp",
                              .mail_sent_at = "injection_time",
                              .feedback_type = "fbtype"};

const ProviderTyping& TypeFailure(const JsonValue& event, const EventKind& kind) {
  return FindTyping(kTypings, {kind.name, event.Text("bounce_class")});
}

absl::Status ReadEvent(const JsonValue& item, ProviderReports* reports) {
  if (!item.is_object()) return item.Error("is not an object");
  const JsonValue envelope = item.Member("msys");
  if (!envelope.is_object()) return envelope.Error("is not an object");
  // SparkPost's test call.
  if (envelope.size() == 0) return absl::OkStatus();
  if (envelope.size() > 1) return envelope.Error("holds more than one event");
  // Mail that was received, unchanged: no event.
  if (envelope.Member("relay_message").present()) return absl::OkStatus();
  const JsonValue event = envelope.OnlyMember();
  if (!event.is_object()) return event.Error("is not an object");
  const JsonValue type = event.Member("type");
  if (!type.is_string()) return type.Error("is not a string");
  const EventKind* kind = FindKind(kKinds, type.Text());
  if (kind == nullptr) return UnknownEvent(type.where(), reports->provider(), kKinds);
  return ReadFlatEvent(event, *kind, kFields, TypeFailure, reports);
}

}  // namespace

absl::Status ReadSparkpost(const JsonValue& payload, ProviderReports* reports) {
  if (!payload.is_array()) return ReadEvent(payload, reports);
  const auto event_of = [](const JsonValue& item) { return item.Member("msys").OnlyMember(); };
  return ReadBatch(payload, kFields, event_of, ReadEvent, reports);
}

}  // namespace suppressd
