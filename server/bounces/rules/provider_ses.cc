// Amazon SES: notifications and published events, bare or in an Amazon SNS envelope.
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "common/error.h"
#include "server/bounces/rules/address.h"
#include "server/bounces/rules/fnv.h"
#include "server/bounces/rules/provider_report.h"

namespace suppressd {
namespace {

constexpr absl::string_view kBounceTypes = "Amazon SES Developer Guide, SNS notification contents, bounce types";
constexpr absl::string_view kBouncedRecipients =
    "Amazon SES Developer Guide, SNS notification contents, bounced recipients; RFC 3464 section 2.3.3";
constexpr absl::string_view kSubscriptions = "Amazon SES Developer Guide, subscription management";
constexpr absl::string_view kEventContents = "Amazon SES Developer Guide, event data published to Amazon SNS";

using Verdict = v1::Verdict;
constexpr v1::BounceReason kNoReason = v1::BOUNCE_REASON_UNSPECIFIED;

// By bounceType/bounceSubType, else by bounceType. SES retries what is transient and reports it when it gives up.
constexpr ProviderTyping kTypings[] = {
    {"undetermined", Verdict::SOFT, v1::UNDETERMINED, Verdict::HARD, "undetermined", kBounceTypes},
    // "But didn't specify the reason": the text has to.
    {"permanent", Verdict::SOFT, v1::UNDETERMINED, Verdict::HARD, "permanent", kBounceTypes},
    {"permanent/noemail", Verdict::HARD, v1::ADDRESS_NOT_FOUND, Verdict::HARD, "no_email", kBounceTypes},
    {"permanent/suppressed", Verdict::HARD, v1::ADDRESS_NOT_FOUND, kTextNotAsked, "suppressed", kBounceTypes},
    {"permanent/onaccountsuppressionlist", Verdict::HARD, v1::ADDRESS_NOT_FOUND, kTextNotAsked, "account_suppressed",
     kBounceTypes},
    {"permanent/unsubscribedrecipient", Verdict::NOT_A_BOUNCE, kNoReason, kTextNotAsked, "unsubscribed",
     kSubscriptions},
    {"transient", Verdict::SOFT, v1::UNDETERMINED, Verdict::SOFT, "transient", kBounceTypes},
    {"transient/mailboxfull", Verdict::SOFT, v1::MAILBOX_FULL, Verdict::SOFT, "mailbox_full", kBounceTypes},
    {"transient/messagetoolarge", Verdict::SENDER_SIDE, kNoReason, Verdict::SENDER_SIDE, "too_large", kBounceTypes},
    {"transient/contentrejected", Verdict::SENDER_SIDE, kNoReason, Verdict::SENDER_SIDE, "content", kBounceTypes},
    {"transient/attachmentrejected", Verdict::SENDER_SIDE, kNoReason, Verdict::SENDER_SIDE, "attachment", kBounceTypes},
    {"transient/unsubscribedrecipient", Verdict::NOT_A_BOUNCE, kNoReason, kTextNotAsked, "unsubscribed",
     kSubscriptions},
    // A recipient within a bounce whose action is not "failed".
    {"not failed", Verdict::NOT_A_BOUNCE, kNoReason, kTextNotAsked, "not_failed", kBouncedRecipients},
    // SES found a virus, or could not fill in a template: nothing was sent.
    {"reject", Verdict::SENDER_SIDE, kNoReason, kTextNotAsked, "reject", kEventContents},
    {"renderingfailure", Verdict::SENDER_SIDE, kNoReason, kTextNotAsked, "rendering_failure", kEventContents},
};

constexpr EventKind kKinds[] = {
    {"Bounce", EventUse::kFailure},
    {"Complaint", EventUse::kComplaint},
    {"Delivery", EventUse::kOther},
    {"DeliveryDelay", EventUse::kOther},
    {"Send", EventUse::kOther},
    {"Open", EventUse::kOther},
    {"Click", EventUse::kOther},
    {"Subscription", EventUse::kOther},
    {"Reject", EventUse::kFailure},
    {"RenderingFailure", EventUse::kFailure},
    {"AmazonSnsSubscriptionSucceeded", EventUse::kNobody},
};

// One object of a list of recipients.
constexpr FieldMap kRecipientFields = {.recipient = "emailAddress", .diagnostic = "diagnosticCode", .status = "status"};

// The object that is called like the event.
constexpr FieldMap kDetailFields = {.diagnostic = "smtpResponse",
                                    .remote_mta = "remoteMtaIp|userAgent",
                                    .event_id = "feedbackId",
                                    .occurred_at = "timestamp",
                                    .feedback_type = "complaintFeedbackType"};

constexpr FieldMap kMailFields = {.message_id = "mail/commonHeaders/messageId|mail/messageId",
                                  .mail_sent_at = "mail/timestamp"};

// What is the same for all recipients of an event.
struct Event {
  const EventKind* kind;
  JsonValue detail;
  JsonValue recipients;
  // Of a kComplaint: whether it names more than one person.
  bool names_several = false;
  // Of a kFailure, else null.
  const ProviderTyping* typing = nullptr;
};

Event EventOf(const JsonValue& root, const EventKind& kind) {
  struct Place {
    absl::string_view kind;
    absl::string_view detail;
    absl::string_view recipients;
  };
  static constexpr Place kPlaces[] = {{"Bounce", "bounce", "bounce/bouncedRecipients"},
                                      {"Complaint", "complaint", "complaint/complainedRecipients"},
                                      {"Delivery", "delivery", "delivery/recipients"},
                                      {"DeliveryDelay", "deliveryDelay", "deliveryDelay/delayedRecipients"},
                                      {"Open", "open", "mail/destination"},
                                      {"Click", "click", "mail/destination"},
                                      {"Subscription", "subscription", "mail/destination"}};
  for (const Place& place : kPlaces) {
    if (place.kind == kind.name) return {&kind, root.Member(place.detail), root.Member(place.recipients)};
  }
  return {&kind, root.Member("mail"), root.Member("mail/destination")};
}

const ProviderTyping& TypingOf(const Event& event) {
  if (event.kind->name != "Bounce") return FindTyping(kTypings, {event.kind->name});
  const std::string type = event.detail.Text("bounceType");
  return FindTyping(kTypings, {absl::StrCat(type, "/", event.detail.Text("bounceSubType")), type});
}

// A bounce tells of all recipients that its delivery status notification names, failed or not.
const ProviderTyping& TypingOf(const Event& event, const JsonValue& recipient) {
  const std::string action = recipient.Text("action");
  const bool failed = action.empty() || absl::EqualsIgnoreCase(action, "failed");
  return failed ? *event.typing : FindTyping(kTypings, {"not failed"});
}

std::string AddressIn(const JsonValue& recipient) {
  return recipient.is_string() ? recipient.Text() : recipient.Text(kRecipientFields.recipient);
}

// The same for all spellings of one mailbox.
std::string PersonOf(const JsonValue& recipient) {
  const std::string spelled = AddressIn(recipient);
  const absl::StatusOr<Address> address = NormaliseAddress(spelled);
  return address.ok() ? address->ToString() : spelled;
}

bool NamesSeveral(const JsonValue& recipients) {
  for (size_t i = 1; i < recipients.size(); ++i) {
    if (PersonOf(recipients.Item(i)) != PersonOf(recipients.Item(0))) return true;
  }
  return false;
}

absl::Status AddRecipient(const Event& event, const JsonValue& recipient, ProviderReport report,
                          ProviderReports* reports) {
  if (recipient.is_string()) {
    report.recipient = recipient.Text();
  } else {
    ReadFields(recipient, kRecipientFields, &report);
  }
  if (report.recipient.empty() && event.recipients.size() <= 1) report.recipient = std::string(reports->recipient());
  switch (event.kind->use) {
    case EventUse::kFailure:
      return reports->AddFailure(recipient, std::move(report), TypingOf(event, recipient));
    case EventUse::kComplaint:
      // Most mailbox providers hide who complained; SES then lists everybody at that provider who got the mail.
      if (event.names_several) return reports->AddOther(std::move(report), "complaint_ambiguous");
      return reports->AddComplaint(recipient, std::move(report));
    default:
      return reports->AddOther(std::move(report), event.kind->name);
  }
}

absl::Status ReadEvent(const JsonValue& root, ProviderReports* reports) {
  if (!root.is_object()) return root.Error("is not an object");
  const JsonValue type = root.Member(root.Member("notificationType").present() ? "notificationType" : "eventType");
  if (!type.is_string()) return root.Error("has neither notificationType nor eventType, or it is not a string");
  // "Rendering Failure" is spelled with and without the space.
  const EventKind* kind = FindKind(kKinds, absl::StrReplaceAll(type.Text(), {{" ", ""}}));
  if (kind == nullptr) return UnknownEvent(type.where(), reports->provider(), kKinds);
  if (kind->use == EventUse::kNobody) return absl::OkStatus();

  Event event = EventOf(root, *kind);
  const bool must_name = kind->name == "Bounce" || kind->name == "Complaint";
  if (must_name && !event.detail.is_object()) return event.detail.Error("is not an object");
  if (must_name && !event.recipients.is_array()) return event.recipients.Error("is not an array");
  const bool nobody = must_name && event.recipients.size() == 0;
  if (nobody && reports->recipient().empty()) return event.recipients.Error("is empty");
  if (event.recipients.size() > kPayloadEventsMax) return TooManyEvents();
  if (kind->use == EventUse::kFailure) event.typing = &TypingOf(event);
  if (kind->use == EventUse::kComplaint) event.names_several = NamesSeveral(event.recipients);
  ProviderReport common;
  ReadFields(event.detail, kDetailFields, &common);
  ReadFields(root, kMailFields, &common);
  if (nobody) return AddRecipient(event, event.recipients.Item(0), std::move(common), reports);
  for (size_t i = 0; i < event.recipients.size(); ++i) {
    ProviderReport report = common;
    if (!report.event_id.empty() && event.recipients.size() > 1) {
      report.is_one_of_several = true;
      absl::StrAppendFormat(&report.event_id, "/%016x", Fnv1a(PersonOf(event.recipients.Item(i))));
    }
    ProviderReport named;
    named.event_id = report.event_id;
    named.is_one_of_several = report.is_one_of_several;
    absl::Status status = AddRecipient(event, event.recipients.Item(i), std::move(report), reports);
    status = reports->Settle(std::move(status), std::move(named));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ReadEnvelope(const JsonValue& root, ProviderReports* reports) {
  const JsonValue type = root.Member("Type");
  const std::string name = type.Text();
  if (name == "SubscriptionConfirmation" || name == "UnsubscribeConfirmation") {
    return InvalidArgument(
        v1::UNKNOWN_EVENT,
        "/Type: Amazon SNS asks to confirm a subscription; the gateway must do that, by visiting the "
        "SubscribeURL",
        "provider_event.payload");
  }
  if (name != "Notification") return type.Error("is no type of Amazon SNS message that carries an event");
  const JsonValue message = root.Member("Message");
  if (!message.is_string()) return message.Error("is not a string");
  const std::string text = message.Text();
  // What SES publishes, as plain text, when a topic is chosen for its events.
  if (absl::StartsWith(text, "Successfully validated SNS topic")) return absl::OkStatus();
  const absl::StatusOr<JsonValue> event = ParseJson(text, message.where());
  return event.ok() ? ReadEvent(*event, reports) : event.status();
}

}  // namespace

absl::Status ReadSes(const JsonValue& payload, ProviderReports* reports) {
  if (payload.Member("Type").present()) return ReadEnvelope(payload, reports);
  return ReadEvent(payload, reports);
}

}  // namespace suppressd
