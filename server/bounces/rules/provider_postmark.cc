// Postmark: one event per call.
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/bounces/rules/provider_report.h"

namespace suppressd {
namespace {

constexpr absl::string_view kBounceTypes = "Postmark, Bounce API, bounce types";
constexpr absl::string_view kSubscriptionChange = "Postmark, Subscription change webhook";

using Verdict = v1::Verdict;
constexpr v1::BounceReason kNoReason = v1::BOUNCE_REASON_UNSPECIFIED;

// By the Type of a bounce (or its TypeCode, see below), or by the SuppressionReason of a subscription change.
constexpr ProviderTyping kTypings[] = {
    {"Unknown", Verdict::SOFT, v1::UNDETERMINED, Verdict::HARD, "unknown", kBounceTypes},
    // "Ex: unknown user, mailbox not found": the text has to say which.
    {"HardBounce", Verdict::SOFT, v1::UNDETERMINED, Verdict::HARD, "hard_bounce", kBounceTypes},
    // "Message delayed".
    {"Transient", Verdict::NOT_A_BOUNCE, kNoReason, kTextNotAsked, "transient", kBounceTypes},
    {"Unsubscribe", Verdict::NOT_A_BOUNCE, kNoReason, kTextNotAsked, "unsubscribe", kBounceTypes},
    {"Subscribe", Verdict::NOT_A_BOUNCE, kNoReason, kTextNotAsked, "subscribe", kBounceTypes},
    {"AutoResponder", Verdict::NOT_A_BOUNCE, kNoReason, kTextNotAsked, "auto_responder", kBounceTypes},
    {"AddressChange", Verdict::NOT_A_BOUNCE, kNoReason, kTextNotAsked, "address_change", kBounceTypes},
    // "A temporary DNS error".
    {"DnsError", Verdict::SOFT, v1::MAIL_SERVER_MISCONFIGURED, Verdict::SOFT, "dns_error", kBounceTypes},
    // "Blocked by the user, or classified as spam, bulk mail, or had rejected content".
    {"SpamNotification", Verdict::SENDER_SIDE, kNoReason, Verdict::SENDER_SIDE, "spam_notification", kBounceTypes},
    {"OpenRelayTest", Verdict::NOT_A_BOUNCE, kNoReason, kTextNotAsked, "open_relay_test", kBounceTypes},
    // "Mailbox full, account disabled, exceeds quota, out of disk space".
    {"SoftBounce", Verdict::SOFT, v1::UNDETERMINED, Verdict::SOFT, "soft_bounce", kBounceTypes},
    {"VirusNotification", Verdict::SENDER_SIDE, kNoReason, Verdict::SENDER_SIDE, "virus_notification", kBounceTypes},
    {"ChallengeVerification", Verdict::NOT_A_BOUNCE, kNoReason, kTextNotAsked, "challenge", kBounceTypes},
    {"BadEmailAddress", Verdict::HARD, v1::ADDRESS_NOT_FOUND, kTextNotAsked, "bad_address", kBounceTypes},
    // By whom and why is not said.
    {"ManuallyDeactivated", Verdict::NOT_A_BOUNCE, kNoReason, kTextNotAsked, "manually_deactivated", kBounceTypes},
    {"Unconfirmed", Verdict::NOT_A_BOUNCE, kNoReason, kTextNotAsked, "unconfirmed", kBounceTypes},
    // "Blocked from this ISP due to content or blacklisting".
    {"Blocked", Verdict::SENDER_SIDE, kNoReason, Verdict::SENDER_SIDE, "blocked", kBounceTypes},
    {"SMTPApiError", Verdict::SENDER_SIDE, kNoReason, kTextNotAsked, "smtp_api_error", kBounceTypes},
    {"InboundError", Verdict::NOT_A_BOUNCE, kNoReason, kTextNotAsked, "inbound_error", kBounceTypes},
    {"DMARCPolicy", Verdict::SENDER_SIDE, kNoReason, Verdict::SENDER_SIDE, "dmarc_policy", kBounceTypes},
    {"TemplateRenderingFailed", Verdict::SENDER_SIDE, kNoReason, kTextNotAsked, "template_rendering", kBounceTypes},
    // Postmark will not send to this address any more.
    {"suppressed/HardBounce", Verdict::HARD, v1::ADDRESS_NOT_FOUND, kTextNotAsked, "suppressed", kSubscriptionChange},
    // Unsubscribed by the recipient, or by an operator.
    {"suppressed/ManualSuppression", Verdict::NOT_A_BOUNCE, kNoReason, kTextNotAsked, "manual_suppression",
     kSubscriptionChange},
    {"suppressed/", Verdict::NOT_A_BOUNCE, kNoReason, kTextNotAsked, "suppressed_unknown", kSubscriptionChange},
};
constexpr absl::string_view kSpamComplaint = "SpamComplaint";

struct TypeCode {
  absl::string_view code;
  absl::string_view type;
};

// "Postmark, Bounce API, bounce types".
constexpr TypeCode kTypeCodes[] = {
    {"1", "HardBounce"},
    {"2", "Transient"},
    {"16", "Unsubscribe"},
    {"32", "Subscribe"},
    {"64", "AutoResponder"},
    {"128", "AddressChange"},
    {"256", "DnsError"},
    {"512", "SpamNotification"},
    {"1024", "OpenRelayTest"},
    {"2048", "Unknown"},
    {"4096", "SoftBounce"},
    {"8192", "VirusNotification"},
    {"16384", "ChallengeVerification"},
    {"100000", "BadEmailAddress"},
    {"100001", "SpamComplaint"},
    {"100002", "ManuallyDeactivated"},
    {"100003", "Unconfirmed"},
    {"100006", "Blocked"},
    {"100007", "SMTPApiError"},
    {"100008", "InboundError"},
    {"100009", "DMARCPolicy"},
    {"100010", "TemplateRenderingFailed"},
};

constexpr EventKind kKinds[] = {
    {"Bounce", EventUse::kFailure},
    {"SpamComplaint", EventUse::kComplaint},
    {"SubscriptionChange", EventUse::kFailure},
    {"Delivery", EventUse::kOther},
    {"Open", EventUse::kOther},
    {"Click", EventUse::kOther},
};
constexpr EventKind kComplaint = {kSpamComplaint, EventUse::kComplaint};
constexpr EventKind kUnsuppressed = {"subscription_change", EventUse::kOther};

// Not Description: that is Postmark's explanation of the type, the same for everybody.
constexpr FieldMap kFields = {.recipient = "Email|Recipient",
                              .diagnostic = "Details",
                              .message_id = "MessageID",
                              .event_id = "ID",
                              .occurred_at = "BouncedAt|ChangedAt|DeliveredAt|ReceivedAt"};

std::string BounceTypeOf(const JsonValue& event) {
  if (std::string type = event.Text("Type"); !type.empty()) return type;
  const std::string code = event.Text("TypeCode");
  for (const TypeCode& known : kTypeCodes) {
    if (known.code == code) return std::string(known.type);
  }
  return "";
}

const ProviderTyping& TypeFailure(const JsonValue& event, const EventKind& kind) {
  if (kind.name == "Bounce") return FindTyping(kTypings, {BounceTypeOf(event)});
  return FindTyping(kTypings, {absl::StrCat("suppressed/", event.Text("SuppressionReason")), "suppressed/"});
}

// What an event is once its details are read.
const EventKind& Refine(const JsonValue& event, const EventKind& kind) {
  if (kind.name == "Bounce") {
    return absl::EqualsIgnoreCase(BounceTypeOf(event), kSpamComplaint) ? kComplaint : kind;
  }
  if (kind.name != "SubscriptionChange") return kind;
  if (!event.Member("SuppressSending").is_true()) return kUnsuppressed;
  return absl::EqualsIgnoreCase(event.Text("SuppressionReason"), kSpamComplaint) ? kComplaint : kind;
}

}  // namespace

absl::Status ReadPostmark(const JsonValue& payload, ProviderReports* reports) {
  if (!payload.is_object()) return payload.Error("is not an object");
  const JsonValue type = payload.Member("RecordType");
  // Bounces had no RecordType before there was anything else.
  const bool is_bounce = !type.present() && payload.Member("BouncedAt").present();
  if (!is_bounce && !type.is_string()) return type.Error("is not a string");
  const EventKind* kind = FindKind(kKinds, is_bounce ? "Bounce" : type.Text());
  if (kind == nullptr) return UnknownEvent(type.where(), reports->provider(), kKinds);
  return ReadFlatEvent(payload, Refine(payload, *kind), kFields, TypeFailure, reports);
}

}  // namespace suppressd
