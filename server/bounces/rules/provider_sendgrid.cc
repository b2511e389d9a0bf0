// SendGrid: the events of its Event Webhook, and the rows of its bounce, block and invalid-address lists.
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/bounces/rules/provider_report.h"

namespace suppressd {
namespace {

constexpr absl::string_view kEventReference = "SendGrid, Event Webhook reference, delivery events";
constexpr absl::string_view kClassifications = "SendGrid, bounce and block classifications";
constexpr absl::string_view kInvalidEmails = "SendGrid, Invalid E-mails API";

using Verdict = v1::Verdict;
constexpr v1::BounceReason kNoReason = v1::BOUNCE_REASON_UNSPECIFIED;

// By event/reason or event/bounce_classification, else by event/type, else by event.
constexpr ProviderTyping kTypings[] = {
    {"bounce", Verdict::SOFT, v1::UNDETERMINED, Verdict::HARD, "bounce", kEventReference},
    // "Could not or would not accept the message temporarily". Full and closed mailboxes come under this type too, so
    // the text may say so.
    {"bounce/blocked", Verdict::SOFT, v1::UNDETERMINED, Verdict::HARD, "blocked", kEventReference},
    {"bounce/invalid address", Verdict::HARD, v1::ADDRESS_NOT_FOUND, Verdict::HARD, "invalid_address",
     kClassifications},
    {"bounce/mailbox unavailable", Verdict::SOFT, v1::UNDETERMINED, Verdict::HARD, "mailbox_unavailable",
     kClassifications},
    {"bounce/technical", Verdict::SOFT, v1::UNDETERMINED, Verdict::HARD, "technical", kClassifications},
    {"bounce/technical failure", Verdict::SOFT, v1::UNDETERMINED, Verdict::HARD, "technical", kClassifications},
    {"bounce/content", Verdict::SENDER_SIDE, kNoReason, Verdict::SENDER_SIDE, "content", kClassifications},
    {"bounce/reputation", Verdict::SENDER_SIDE, kNoReason, Verdict::SENDER_SIDE, "reputation", kClassifications},
    {"bounce/frequency or volume too high", Verdict::SENDER_SIDE, kNoReason, Verdict::SENDER_SIDE, "volume",
     kClassifications},
    {"bounce/mail domain mentioned in email address is unknown", Verdict::HARD, v1::DOMAIN_NOT_FOUND, kTextNotAsked,
     "unknown_domain", kInvalidEmails},
    // SendGrid did not send: what holds without a known reason is that nobody knows why.
    {"dropped", Verdict::SOFT, v1::UNDETERMINED, Verdict::SOFT, "dropped", kEventReference},
    {"dropped/bounced address", Verdict::HARD, v1::ADDRESS_NOT_FOUND, kTextNotAsked, "bounced_address",
     kEventReference},
    {"dropped/invalid", Verdict::HARD, v1::ADDRESS_NOT_FOUND, kTextNotAsked, "invalid", kEventReference},
    {"dropped/spam reporting address", Verdict::HARD, v1::BLOCKED_BY_RECIPIENT_SERVER, kTextNotAsked,
     "spam_reporting_address", kEventReference},
    {"dropped/unsubscribed address", Verdict::NOT_A_BOUNCE, kNoReason, kTextNotAsked, "unsubscribed_address",
     kEventReference},
    {"dropped/spam content", Verdict::SENDER_SIDE, kNoReason, kTextNotAsked, "spam_content", kEventReference},
    {"dropped/invalid smtpapi header", Verdict::SENDER_SIDE, kNoReason, kTextNotAsked, "invalid_header",
     kEventReference},
    {"dropped/recipient list over package quota", Verdict::SENDER_SIDE, kNoReason, kTextNotAsked, "over_quota",
     kEventReference},
};

constexpr EventKind kKinds[] = {
    {"bounce", EventUse::kFailure},
    {"dropped", EventUse::kFailure},
    {"spamreport", EventUse::kComplaint},
    {"processed", EventUse::kOther},
    {"deferred", EventUse::kOther},
    {"delivered", EventUse::kOther},
    {"open", EventUse::kOther},
    {"click", EventUse::kOther},
    {"unsubscribe", EventUse::kOther},
    {"group_unsubscribe", EventUse::kOther},
    {"group_resubscribe", EventUse::kOther},
    {"account_status_change", EventUse::kNobody},
};

// "ip" is SendGrid's own address.
constexpr FieldMap kFields = {.recipient = "email",
                              .diagnostic = "reason|response",
                              .status = "status",
                              .message_id = "smtp-id|sg_message_id",
                              .event_id = "sg_event_id",
                              .occurred_at = "timestamp|created"};

const ProviderTyping& TypeFailure(const JsonValue& event, const EventKind& kind) {
  const auto saying = [&](absl::string_view member) { return absl::StrCat(kind.name, "/", event.Text(member)); };
  const ProviderTyping& typing = FindTyping(
      kTypings, {saying("reason"), saying("bounce_classification"), saying("type"), absl::string_view(kind.name)});
  // An address that is invalid, and refused for now: the less severe of the two.
  const bool contradicts =
      typing.says == "bounce/invalid address" && absl::EqualsIgnoreCase(event.Text("type"), "blocked");
  return contradicts ? FindTyping(kTypings, {"bounce/blocked"}) : typing;
}

absl::Status ReadEvent(const JsonValue& event, ProviderReports* reports) {
  if (!event.is_object()) return event.Error("is not an object");
  const JsonValue type = event.Member("event");
  // A row of a list: {"created", "email", "reason", "status"}.
  const bool is_row = !type.present() && event.Member("email").present() && event.Member("created").present() &&
                      event.Member("reason").present();
  if (!is_row && !type.is_string()) return type.Error("is not a string");
  const EventKind* kind = FindKind(kKinds, is_row ? "bounce" : type.Text());
  if (kind == nullptr) return UnknownEvent(type.where(), reports->provider(), kKinds);
  return ReadFlatEvent(event, *kind, kFields, TypeFailure, reports);
}

}  // namespace

absl::Status ReadSendgrid(const JsonValue& payload, ProviderReports* reports) {
  if (!payload.is_array()) return ReadEvent(payload, reports);
  const auto event_of = [](const JsonValue& item) { return item; };
  return ReadBatch(payload, kFields, event_of, ReadEvent, reports);
}

}  // namespace suppressd
