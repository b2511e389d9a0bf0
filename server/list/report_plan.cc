#include "server/list/report_plan.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "server/base/return_if_error.h"
#include "server/bounces/mail/bounce_mail.h"
#include "server/bounces/rules/provider_event.h"
#include "server/bounces/rules/reply_text.h"
#include "server/bounces/rules/reported.h"
#include "server/bounces/rules/text_decoding.h"
#include "server/list/report_facts.h"
#include "server/list/start_command.h"
#include "server/rpc/digest.h"

namespace suppressd {
namespace {

constexpr char kEventKeyPrefix[] = "e:";
// Ids that a mail gives: whoever forges one must not take the id of a genuine event.
constexpr char kMailedEventKeyPrefix[] = "m:";

absl::Status CheckReply(const v1::SmtpReply& reply) {
  RETURN_IF_ERROR(CheckLength(reply.text(), kReplyTextBytesMax, "smtp_reply.text"));
  RETURN_IF_ERROR(CheckLength(reply.raw_text(), kReplyTextBytesMax, "smtp_reply.raw_text"));
  RETURN_IF_ERROR(CheckLength(reply.remote_mta(), kHostBytesMax, "smtp_reply.remote_mta"));
  if (reply.code() != 0 && (reply.code() < 200 || reply.code() > 599)) {
    return InvalidArgument(v1::INVALID_FIELD, "smtp_reply.code is not an SMTP reply code (200 to 599)",
                           "smtp_reply.code");
  }
  if (!reply.enhanced_code().empty() && !IsEnhancedCode(reply.enhanced_code())) {
    return InvalidArgument(v1::INVALID_FIELD, "smtp_reply.enhanced_code is not of the form 5.1.1 (RFC 3463)",
                           "smtp_reply.enhanced_code");
  }
  if (!v1::SmtpReply::Stage_IsValid(reply.stage())) return UnknownEnum("smtp_reply.stage");
  if (reply.code() == 0 && reply.enhanced_code().empty() && absl::StripAsciiWhitespace(reply.text()).empty() &&
      absl::StripAsciiWhitespace(reply.raw_text()).empty()) {
    return InvalidArgument(v1::MISSING_FIELD, "smtp_reply has neither code nor text", "smtp_reply.text");
  }
  return absl::OkStatus();
}

// The recipient of a report.
absl::StatusOr<Address> RecipientOf(const std::string& recipient, absl::string_view field) {
  if (absl::StripAsciiWhitespace(recipient).empty()) {
    return InvalidArgument(v1::NO_RECIPIENT, "the report names no recipient", field);
  }
  return WithField(NormaliseAddress(recipient), field);
}

absl::Status CheckEventId(const std::string& event_id) {
  RETURN_IF_ERROR(CheckLength(event_id, kEventIdBytesMax, "event_id"));
  if (std::all_of(event_id.begin(), event_id.end(), [](unsigned char c) { return absl::ascii_isprint(c); })) {
    return absl::OkStatus();
  }
  return InvalidArgument(v1::INVALID_FIELD, "event_id is not printable ASCII", "event_id");
}

// The fields that every kind of report shares.
absl::StatusOr<v1::BounceEvent> StartEvent(const v1::ReportBounceRequest& request, std::optional<int64_t> taken_at,
                                           absl::Time now) {
  RETURN_IF_ERROR(CheckStream(request.stream()));
  RETURN_IF_ERROR(CheckLength(request.source(), kLabelBytesMax, "source"));
  RETURN_IF_ERROR(CheckLength(request.message_id(), kMessageIdBytesMax, "message_id"));
  RETURN_IF_ERROR(CheckEventId(request.event_id()));
  const auto occurred = request.has_occurred_at() ? EventTimeOf(true, request.occurred_at(), now, "occurred_at")
                                                  : absl::StatusOr<int64_t>(taken_at.value_or(absl::ToUnixMicros(now)));
  if (!occurred.ok()) return occurred.status();
  const auto sent = EventTimeOf(request.has_mail_sent_at(), request.mail_sent_at(), now, "mail_sent_at");
  if (!sent.ok()) return sent.status();
  v1::BounceEvent event;
  *event.mutable_occurred_at() = FromMicros(*occurred);
  *event.mutable_received_at() = FromMicros(absl::ToUnixMicros(now));
  if (request.has_mail_sent_at()) *event.mutable_mail_sent_at() = FromMicros(*sent);
  event.set_stream(request.stream());
  event.set_source(request.source());
  event.set_message_id(request.message_id());
  return event;
}

// What a report says, before it is checked against the state.
struct Reading {
  v1::BounceEvent::Kind kind = v1::BounceEvent::KIND_UNSPECIFIED;
  bool truncated = false;
  absl::string_view recipient_field;
  std::vector<ReportedRecipient> recipients;
  // Of a mail, what tells it from others; see OwnIdOf.
  std::string own_id{};
};

absl::StatusOr<Reading> ReadReply(v1::SmtpReply reply, const Classifier& classifier) {
  Reading reading{v1::BounceEvent::SMTP_REPLY, false, "smtp_reply.recipient", {}};
  RETURN_IF_ERROR(RecipientOf(reply.recipient(), reading.recipient_field).status());
  RETURN_IF_ERROR(CheckReply(reply));
  if (!reply.raw_text().empty()) reply.set_text(DecodeText(reply.raw_text()));
  ReportedRecipient& one = reading.recipients.emplace_back();
  one.recipient = reply.recipient();
  *one.event.mutable_verdict() = classifier.Classify(reply);
  one.event.set_diagnostic(std::move(*reply.mutable_text()));
  one.event.set_remote_mta(reply.remote_mta());
  return reading;
}

absl::StatusOr<Reading> ReadComplaint(const v1::Complaint& complaint) {
  Reading reading{v1::BounceEvent::FEEDBACK_REPORT, false, "complaint.recipient", {}};
  RETURN_IF_ERROR(RecipientOf(complaint.recipient(), reading.recipient_field).status());
  RETURN_IF_ERROR(CheckLength(complaint.reporter(), kHostBytesMax, "complaint.reporter"));
  absl::StatusOr<v1::Verdict> verdict = ClassifyComplaint(complaint);
  if (!verdict.ok()) return verdict.status();
  ReportedRecipient& one = reading.recipients.emplace_back();
  one.recipient = complaint.recipient();
  *one.event.mutable_verdict() = *std::move(verdict);
  one.event.set_feedback_type(complaint.feedback_type().empty() ? "abuse"
                                                                : absl::AsciiStrToLower(complaint.feedback_type()));
  one.event.set_remote_mta(complaint.reporter());
  return reading;
}

absl::StatusOr<Reading> ReadMessage(const v1::RawMessage& message, const Classifier& classifier) {
  if (message.content().empty()) {
    return InvalidArgument(v1::MISSING_FIELD, "raw_message.content must not be empty", "raw_message.content");
  }
  if (!message.recipient().empty()) {
    RETURN_IF_ERROR(RecipientOf(message.recipient(), "raw_message.recipient").status());
  }
  absl::StatusOr<MailReport> report = ReadBounceMail(message, classifier);
  if (!report.ok()) return report.status();
  Reading reading{report->kind, report->truncated, "raw_message.content", std::move(report->recipients)};
  if (!reading.recipients.empty()) reading.own_id = OwnIdOf(report->message_id, message.content());
  return reading;
}

absl::StatusOr<Reading> ReadReport(const v1::ReportBounceRequest& request, const Classifier& classifier) {
  switch (request.report_case()) {
    case v1::ReportBounceRequest::kSmtpReply:
      return ReadReply(request.smtp_reply(), classifier);
    case v1::ReportBounceRequest::kComplaint:
      return ReadComplaint(request.complaint());
    case v1::ReportBounceRequest::kRawMessage:
      return ReadMessage(request.raw_message(), classifier);
    case v1::ReportBounceRequest::kProviderEvent: {
      absl::StatusOr<std::vector<ReportedRecipient>> events = ReadProviderEvent(request.provider_event(), classifier);
      if (!events.ok()) return events.status();
      return Reading{v1::BounceEvent::PROVIDER_WEBHOOK, false, "provider_event.payload", *std::move(events)};
    }
    case v1::ReportBounceRequest::REPORT_NOT_SET:
      break;
  }
  return InvalidArgument(v1::MISSING_FIELD, "one of smtp_reply, complaint, raw_message and provider_event must be set",
                         "report");
}

// Why one recipient or event of several is not taken.
v1::ItemError RefusedRecipient(v1::ErrorReason reason) {
  v1::ItemError error;
  error.set_reason(ReasonName(reason));
  error.set_code(static_cast<int32_t>(absl::StatusCode::kInvalidArgument));
  switch (reason) {
    case v1::NO_RECIPIENT:
      error.set_message("the event names no recipient");
      break;
    case v1::INVALID_ADDRESS:
      error.set_message("the recipient is no valid address");
      break;
    case v1::UNKNOWN_EVENT:
      error.set_message("the kind of event is not known");
      break;
    default:
      error.set_message("the event is not of the provider's form");
  }
  return error;
}

// How much a decision does to an address, and how bad the verdict behind it is.
std::pair<int, int> WeightOf(const stored::RecipientReport& report) {
  const int classes[] = {v1::Verdict::CLASS_UNSPECIFIED, v1::Verdict::NOT_A_BOUNCE,
                         v1::Verdict::SENDER_SIDE,       v1::Verdict::SOFT,
                         v1::Verdict::COMPLAINT,         v1::Verdict::HARD};
  const auto* const found = std::find(std::begin(classes), std::end(classes), report.event().verdict().bounce_class());
  return {report.decision().action(), static_cast<int>(found - std::begin(classes))};
}

// Turns what was read into commands.
class Planner {
 public:
  Planner(const v1::ReportBounceRequest& request, const Reading& reading, const stored::Command& start,
          const Policy& policy)
      : request_(request),
        is_payload_(reading.kind == v1::BounceEvent::PROVIDER_WEBHOOK),
        own_id_(reading.own_id),
        start_(start),
        policy_(policy) {}

  // `content`: ContentDigest of an event of a payload that has no id. `is_dated`: see CompleteEvent.
  void Add(ReportedRecipient reported, const std::string& content, bool is_dated) {
    PlannedOutcome& planned = plan_.outcomes.emplace_back();
    planned.outcome.set_event_id(reported.event_id);
    const absl::StatusOr<Address> address = NormaliseAddress(reported.recipient);
    if (address.ok()) planned.outcome.set_address(address->ToString());
    if (const v1::ErrorReason refused = RefusalOf(reported, address.ok()); refused != v1::ERROR_REASON_UNSPECIFIED) {
      *planned.outcome.mutable_error() = RefusedRecipient(refused);
      return;
    }
    planned.command = CommandFor(reported, content);
    stored::Command& command = plan_.commands[planned.command];
    stored::RecipientReport report;
    SetTarget(*address, reported.recipient, report.mutable_target());
    *report.mutable_decision() = policy_.Decide(command.tenant(), reported.event.verdict());
    report.set_undated(IsMail() && !is_dated);
    reported.event.set_event_id(reported.event_id.empty() ? request_.event_id() : reported.event_id);
    reported.event.set_identity(EventIdentity(reported.event, *address, OwnIdFor(reported, content)));
    *report.mutable_event() = std::move(reported.event);
    const int known = Find(command.report(), *address);
    if (known < 0) {
      planned.recipient = command.report().recipients_size();
      *command.mutable_report()->add_recipients() = std::move(report);
      return;
    }
    // The same mailbox again, perhaps under another name: one event, the one that weighs more.
    planned.recipient = known;
    stored::RecipientReport* first = command.mutable_report()->mutable_recipients(known);
    if (WeightOf(report) > WeightOf(*first)) *first = std::move(report);
  }

  ReportPlan Finish() {
    for (stored::Command& command : plan_.commands) {
      if (absl::StartsWith(command.request_key(), kEventKeyPrefix) ||
          absl::StartsWith(command.request_key(), kMailedEventKeyPrefix)) {
        // A payload is the same however it came.
        const auto kind = is_payload_ ? v1::ReportBounceRequest::kProviderEvent : request_.report_case();
        command.set_payload_digest(EventDigest(kind, command.report()));
      }
    }
    return std::move(plan_);
  }

 private:
  static v1::ErrorReason RefusalOf(const ReportedRecipient& reported, bool is_address) {
    if (reported.error != v1::ERROR_REASON_UNSPECIFIED) return reported.error;
    if (is_address) return v1::ERROR_REASON_UNSPECIFIED;
    return absl::StripAsciiWhitespace(reported.recipient).empty() ? v1::NO_RECIPIENT : v1::INVALID_ADDRESS;
  }

  bool IsMail() const { return request_.report_case() == v1::ReportBounceRequest::kRawMessage; }

  // What tells an event from others where it is of no mail that is known. Events of a webhook have ids enough.
  std::string OwnIdFor(const ReportedRecipient& reported, const std::string& content) const {
    if (!is_payload_ || !IsMail()) return own_id_;
    return absl::StrCat("event:", reported.event_id.empty() ? content : reported.event_id);
  }

  static int Find(const stored::ReportOperation& report, const Address& address) {
    for (int i = 0; i < report.recipients_size(); ++i) {
      const stored::Target& target = report.recipients(i).target();
      if (target.local_part() == address.local_part && target.domain() == address.domain) return i;
    }
    return -1;
  }

  // The index of the command for an event. Events of a payload have one each, all others share one.
  int CommandFor(const ReportedRecipient& reported, const std::string& content) {
    const int next = static_cast<int>(plan_.commands.size());
    if (!is_payload_) {
      if (next > 0) return next - 1;
      stored::Command& command = plan_.commands.emplace_back(start_);
      if (command.request_key().empty() && !request_.event_id().empty()) {
        command.set_request_key(absl::StrCat(kEventKeyPrefix, request_.event_id()));
      }
      return next;
    }
    stored::Command command = start_;
    Identify(reported, content, &command);
    // One event that names a person twice is one event about him.
    if (reported.is_one_of_several) {
      const auto [known, is_new] = event_commands_.emplace(command.request_key(), next);
      if (!is_new) return known->second;
    }
    plan_.commands.push_back(std::move(command));
    return next;
  }

  // An event of a payload is known by its own id, else by the request's and what it says: not by its place, which may
  // change. No id holds a tab.
  void Identify(const ReportedRecipient& reported, const std::string& content, stored::Command* command) {
    if (!start_.request_key().empty()) {
      command->set_claim_key(start_.request_key());
      command->set_claim_digest(start_.payload_digest());
    }
    if (!reported.event_id.empty()) {
      command->set_request_key(absl::StrCat(IsMail() ? kMailedEventKeyPrefix : kEventKeyPrefix, reported.event_id));
      return;
    }
    if (IsMail() && request_.event_id().empty()) {
      // Whoever reads a mail again gives it another request id.
      command->set_request_key(absl::StrCat(kMailedEventKeyPrefix, "\t", content));
      return;
    }
    std::string key = start_.request_key();
    if (key.empty() && !request_.event_id().empty()) key = absl::StrCat(kEventKeyPrefix, request_.event_id());
    if (key.empty()) return;
    command->set_request_key(absl::StrCat(key, "\t", content));
  }

  const v1::ReportBounceRequest& request_;
  const bool is_payload_;
  const std::string& own_id_;
  const stored::Command& start_;
  const Policy& policy_;
  ReportPlan plan_;
  absl::flat_hash_map<std::string, int> event_commands_;  // of events about several recipients, by request_key
};

// Where every recipient was refused, so is the report, for the first one's reason.
absl::Status CheckSomebody(const ReportPlan& plan, absl::string_view field) {
  if (!plan.commands.empty() || plan.outcomes.empty()) return absl::OkStatus();
  const v1::ErrorReason reason = ReasonFromName(plan.outcomes[0].outcome.error().reason());
  switch (reason) {
    case v1::NO_RECIPIENT:
      return InvalidArgument(reason, "the report names no recipient", field);
    case v1::INVALID_ADDRESS:
      return InvalidArgument(reason, "the report names no valid address", field);
    default:
      return InvalidArgument(reason, "none of the events in the report can be taken", field);
  }
}

}  // namespace

absl::StatusOr<ReportPlan> PlanReport(const v1::ReportBounceRequest& request, absl::Time now,
                                      const Classifier& classifier, const Policy& policy,
                                      std::optional<int64_t> taken_at_micros) {
  const absl::StatusOr<stored::Command> start = StartCommand("ReportBounce", request, now);
  if (!start.ok()) return start.status();
  const absl::StatusOr<v1::BounceEvent> shared = StartEvent(request, taken_at_micros, now);
  if (!shared.ok()) return shared.status();
  absl::StatusOr<Reading> reading = ReadReport(request, classifier);
  if (!reading.ok()) return reading.status();
  Planner planner(request, *reading, *start, policy);
  bool truncated = reading->truncated;
  const absl::Time reported_at =
      taken_at_micros.has_value() ? std::min(now, absl::FromUnixMicros(*taken_at_micros)) : now;
  for (ReportedRecipient& reported : reading->recipients) {
    const bool has_id = reading->kind != v1::BounceEvent::PROVIDER_WEBHOOK || !reported.event_id.empty();
    const std::string content = has_id ? "" : ContentDigest(reported.recipient, reported.event);
    const bool is_dated = CompleteEvent(*shared, request, reported_at, reading->kind, &reported);
    truncated |= reported.event.truncated();
    planner.Add(std::move(reported), content, is_dated);
  }
  ReportPlan plan = planner.Finish();
  plan.kind = reading->kind;
  plan.truncated = truncated;
  RETURN_IF_ERROR(CheckSomebody(plan, reading->recipient_field));
  return plan;
}

}  // namespace suppressd
