#include "server/requests.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/util/time_util.h"
#include "protos/error.h"
#include "server/digest.h"
#include "server/page_token.h"

namespace suppression {
namespace {

constexpr size_t kNameOctetsMax = 63;
constexpr size_t kReplyTextOctetsMax = 16'384;
constexpr size_t kHostOctetsMax = 255;
constexpr size_t kNoteOctetsMax = 2'000;
constexpr size_t kLabelOctetsMax = 128;
constexpr size_t kMessageIdOctetsMax = 998;
constexpr size_t kEventIdOctetsMax = 256;
constexpr char kEventKeyPrefix[] = "e:";
constexpr int kSelectorsMax = 64;
constexpr int kPageSizeDefault = 100;
constexpr int kPageSizeMax = 1'000;
constexpr absl::Duration kFutureMax = absl::Hours(24);

#define RETURN_IF_ERROR(expression) \
  if (absl::Status status_ = (expression); !status_.ok()) return status_

bool IsName(const std::string& text) {
  if (text.empty() || text.size() > kNameOctetsMax) return false;
  if (!absl::ascii_islower(text[0]) && !absl::ascii_isdigit(text[0])) return false;
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '.' || c == '_' || c == '-';
  });
}

absl::Status CheckLength(const std::string& text, size_t octets_max, absl::string_view field) {
  if (text.size() <= octets_max) return absl::OkStatus();
  return InvalidArgument(v1::FIELD_TOO_LONG, absl::StrCat(field, " is longer than ", octets_max, " octets"), field);
}

absl::Status CheckRequired(const std::string& text, size_t octets_max, absl::string_view field) {
  if (absl::StripAsciiWhitespace(text).empty()) {
    return InvalidArgument(v1::MISSING_FIELD, absl::StrCat(field, " must not be empty"), field);
  }
  return CheckLength(text, octets_max, field);
}

absl::Status CheckRequestId(const std::string& id) {
  if (id.empty()) return absl::OkStatus();
  bool ok = id.size() == 36;
  for (size_t i = 0; ok && i < id.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    ok = dash ? id[i] == '-' : absl::ascii_isxdigit(static_cast<unsigned char>(id[i]));
  }
  if (ok) return absl::OkStatus();
  return InvalidArgument(v1::INVALID_REQUEST_ID, "request_id is not a UUID", "request_id");
}

absl::Status UnknownEnum(absl::string_view field) {
  return InvalidArgument(v1::UNKNOWN_ENUM_VALUE, absl::StrCat(field, " holds a value this version does not know"),
                         field);
}

// The time of a field in microseconds, `otherwise` when unset.
absl::StatusOr<int64_t> TimeOf(bool set, const google::protobuf::Timestamp& time, int64_t otherwise,
                               absl::string_view field) {
  if (!set) return otherwise;
  // Years 1 to 9999, as protobuf has it.
  if (time.seconds() < google::protobuf::util::TimeUtil::kTimestampMinSeconds ||
      time.seconds() > google::protobuf::util::TimeUtil::kTimestampMaxSeconds || time.nanos() < 0 ||
      time.nanos() > 999'999'999) {
    return InvalidArgument(v1::INVALID_FIELD, absl::StrCat(field, " is not a valid time"), field);
  }
  return ToMicros(time);
}

// The same for the time of an event, which must not be in the future by more than clocks may differ.
absl::StatusOr<int64_t> EventTimeOf(bool set, const google::protobuf::Timestamp& time, absl::Time now,
                                    absl::string_view field) {
  absl::StatusOr<int64_t> micros = TimeOf(set, time, absl::ToUnixMicros(now), field);
  if (!micros.ok() || *micros <= absl::ToUnixMicros(now + kFutureMax)) return micros;
  return InvalidArgument(v1::INVALID_FIELD, absl::StrCat(field, " is more than a day in the future"), field);
}

bool IsEnhancedCode(const std::string& text) {
  // class "." subject "." detail, RFC 3463 section 2: 2, 4 or 5, then 1 to 3 digits each.
  size_t digits = 0;
  int dots = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '.') {
      if (digits == 0) return false;
      ++dots;
      digits = 0;
    } else if (!absl::ascii_isdigit(static_cast<unsigned char>(text[i])) || ++digits > 3) {
      return false;
    }
  }
  return dots == 2 && digits > 0 && text[1] == '.' && (text[0] == '2' || text[0] == '4' || text[0] == '5');
}

absl::Status CheckReply(const v1::SmtpReply& reply) {
  RETURN_IF_ERROR(CheckLength(reply.text(), kReplyTextOctetsMax, "smtp_reply.text"));
  RETURN_IF_ERROR(CheckLength(reply.remote_mta(), kHostOctetsMax, "smtp_reply.remote_mta"));
  if (reply.code() != 0 && (reply.code() < 200 || reply.code() > 599)) {
    return InvalidArgument(v1::INVALID_FIELD, "smtp_reply.code is not an SMTP reply code (200 to 599)",
                           "smtp_reply.code");
  }
  if (!reply.enhanced_code().empty() && !IsEnhancedCode(reply.enhanced_code())) {
    return InvalidArgument(v1::INVALID_FIELD, "smtp_reply.enhanced_code is not of the form 5.1.1 (RFC 3463)",
                           "smtp_reply.enhanced_code");
  }
  if (!v1::SmtpStage_IsValid(reply.stage())) return UnknownEnum("smtp_reply.stage");
  if (reply.code() == 0 && reply.enhanced_code().empty() && absl::StripAsciiWhitespace(reply.text()).empty()) {
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

void SetTarget(const Address& address, const std::string& original, stored::Target* target) {
  target->set_domain(address.domain);
  target->set_local_part(address.local_part);
  if (!address.local_part.empty() && original != address.ToString()) target->set_original_address(original);
}

// What every command has: tenant, idempotency key and digest, time.
template <typename Request>
absl::StatusOr<stored::Command> StartCommand(absl::string_view method, const Request& request, absl::Time now) {
  absl::StatusOr<std::string> tenant = TenantOf(request.tenant());
  if (!tenant.ok()) return tenant.status();
  RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  stored::Command command;
  command.set_tenant(*tenant);
  *command.mutable_at() = FromMicros(absl::ToUnixMicros(now));
  if (!request.request_id().empty()) {
    command.set_request_key(absl::StrCat("r:", absl::AsciiStrToLower(request.request_id())));
  }
  Request payload = request;
  payload.clear_request_id();
  payload.set_tenant(*tenant);
  command.set_payload_digest(Sha256(method, payload));
  return command;
}

absl::Status CheckEventId(const std::string& event_id) {
  RETURN_IF_ERROR(CheckLength(event_id, kEventIdOctetsMax, "event_id"));
  if (std::all_of(event_id.begin(), event_id.end(), [](unsigned char c) { return absl::ascii_isprint(c); })) {
    return absl::OkStatus();
  }
  return InvalidArgument(v1::INVALID_FIELD, "event_id is not printable ASCII", "event_id");
}

// The fields that every kind of report shares.
absl::StatusOr<v1::BounceEvent> StartEvent(const v1::ReportBounceRequest& request, absl::Time now) {
  RETURN_IF_ERROR(CheckStream(request.stream()));
  RETURN_IF_ERROR(CheckLength(request.source(), kLabelOctetsMax, "source"));
  RETURN_IF_ERROR(CheckLength(request.message_id(), kMessageIdOctetsMax, "message_id"));
  RETURN_IF_ERROR(CheckEventId(request.event_id()));
  const auto occurred = EventTimeOf(request.has_occurred_at(), request.occurred_at(), now, "occurred_at");
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

}  // namespace

absl::StatusOr<std::string> TenantOf(const std::string& tenant) {
  if (tenant.empty()) return std::string("default");
  if (IsName(tenant)) return tenant;
  return InvalidArgument(v1::INVALID_TENANT, "tenant must be 1 to 63 of a-z 0-9 . _ - and start with a letter or digit",
                         "tenant");
}

absl::Status CheckStream(const std::string& stream) {
  if (stream.empty() || IsName(stream)) return absl::OkStatus();
  return InvalidArgument(v1::INVALID_STREAM, "stream must be 1 to 63 of a-z 0-9 . _ - and start with a letter or digit",
                         "stream");
}

absl::StatusOr<Address> TargetOf(const std::string& address, const std::string& domain) {
  if (!address.empty() && !domain.empty()) {
    return InvalidArgument(v1::INVALID_FIELD, "only one of address and domain may be set", "domain");
  }
  if (!domain.empty()) return WithField(NormaliseDomain(domain), "domain");
  if (!address.empty()) return WithField(NormaliseAddress(address), "address");
  return InvalidArgument(v1::MISSING_FIELD, "one of address and domain must be set", "address");
}

absl::StatusOr<stored::Command> MakeReportCommand(const v1::ReportBounceRequest& request, absl::Time now,
                                                  const Classifier& classifier, const Policy& policy) {
  absl::StatusOr<stored::Command> command = StartCommand("ReportBounce", request, now);
  if (!command.ok()) return command;
  absl::StatusOr<v1::BounceEvent> event = StartEvent(request, now);
  if (!event.ok()) return event.status();
  if (command->request_key().empty() && !request.event_id().empty()) {
    command->set_request_key(absl::StrCat(kEventKeyPrefix, request.event_id()));
  }
  absl::StatusOr<Address> recipient;
  std::string original;
  switch (request.report_case()) {
    case v1::ReportBounceRequest::kSmtpReply: {
      const v1::SmtpReply& reply = request.smtp_reply();
      recipient = RecipientOf(original = reply.recipient(), "smtp_reply.recipient");
      if (!recipient.ok()) return recipient.status();
      RETURN_IF_ERROR(CheckReply(reply));
      *event->mutable_verdict() = classifier.Classify(reply);
      event->set_diagnostic(reply.text());
      event->set_remote_mta(reply.remote_mta());
      break;
    }
    case v1::ReportBounceRequest::kComplaint: {
      const v1::Complaint& complaint = request.complaint();
      recipient = RecipientOf(original = complaint.recipient(), "complaint.recipient");
      if (!recipient.ok()) return recipient.status();
      RETURN_IF_ERROR(CheckLength(complaint.reporter(), kHostOctetsMax, "complaint.reporter"));
      absl::StatusOr<v1::Verdict> verdict = ClassifyComplaint(complaint);
      if (!verdict.ok()) return verdict.status();
      *event->mutable_verdict() = *std::move(verdict);
      event->set_feedback_type(complaint.feedback_type().empty() ? "abuse"
                                                                 : absl::AsciiStrToLower(complaint.feedback_type()));
      event->set_remote_mta(complaint.reporter());
      break;
    }
    case v1::ReportBounceRequest::kRawMessage:
    case v1::ReportBounceRequest::kProviderEvent:
    case v1::ReportBounceRequest::REPORT_NOT_SET:
      return InvalidArgument(v1::MISSING_FIELD, "one of smtp_reply and complaint must be set", "report");
  }
  stored::RecipientReport* report = command->mutable_report()->add_recipients();
  SetTarget(*recipient, original, report->mutable_target());
  *report->mutable_decision() = policy.Decide(command->tenant(), event->verdict());
  *report->mutable_event() = *std::move(event);
  if (absl::StartsWith(command->request_key(), kEventKeyPrefix)) {
    command->set_payload_digest(EventDigest(request.report_case(), command->report()));
  }
  return command;
}

absl::StatusOr<stored::Command> MakeSuppressCommand(const v1::SuppressRequest& request, absl::Time now) {
  absl::StatusOr<stored::Command> command = StartCommand("Suppress", request, now);
  if (!command.ok()) return command;
  const absl::StatusOr<Address> target = TargetOf(request.address(), request.domain());
  if (!target.ok()) return target.status();
  RETURN_IF_ERROR(CheckStream(request.stream()));
  RETURN_IF_ERROR(CheckRequired(request.note(), kNoteOctetsMax, "note"));
  RETURN_IF_ERROR(CheckLength(request.actor(), kLabelOctetsMax, "actor"));
  RETURN_IF_ERROR(CheckLength(request.source(), kLabelOctetsMax, "source"));
  if (!v1::Cause::Type_IsValid(request.type())) return UnknownEnum("type");
  if (!v1::BounceReason_IsValid(request.reason())) return UnknownEnum("reason");
  const v1::Cause::Type type = request.type() == v1::Cause::TYPE_UNSPECIFIED ? v1::Cause::MANUAL : request.type();
  if (type == v1::Cause::HARD_BOUNCE || type == v1::Cause::SOFT_BOUNCES) {
    return InvalidArgument(v1::INVALID_FIELD, "bounces come through ReportBounce", "type");
  }
  if (type != v1::Cause::MANUAL && request.reason() != v1::BOUNCE_REASON_UNSPECIFIED) {
    return InvalidArgument(v1::INVALID_FIELD, "only a MANUAL cause can have a bounce reason", "reason");
  }
  const auto expires = TimeOf(request.has_expires_at(), request.expires_at(), 0, "expires_at");
  if (!expires.ok()) return expires.status();
  if (request.has_expires_at() && *expires <= absl::ToUnixMicros(now)) {
    return InvalidArgument(v1::INVALID_FIELD, "expires_at is not in the future", "expires_at");
  }
  command->set_actor(request.actor());
  stored::SuppressOperation* operation = command->mutable_suppress();
  SetTarget(*target, request.address(), operation->mutable_target());
  v1::Cause* cause = operation->mutable_cause();
  cause->set_type(type);
  cause->set_reason(request.reason());
  cause->set_stream(request.stream());
  cause->set_note(request.note());
  cause->set_source(request.source());
  if (request.has_expires_at()) *cause->mutable_expires_at() = FromMicros(*expires);
  return command;
}

absl::StatusOr<stored::Command> MakeReactivateCommand(const v1::ReactivateRequest& request, absl::Time now) {
  absl::StatusOr<stored::Command> command = StartCommand("Reactivate", request, now);
  if (!command.ok()) return command;
  const absl::StatusOr<Address> target = TargetOf(request.address(), request.domain());
  if (!target.ok()) return target.status();
  RETURN_IF_ERROR(CheckRequired(request.note(), kNoteOctetsMax, "note"));
  RETURN_IF_ERROR(CheckLength(request.actor(), kLabelOctetsMax, "actor"));
  if (request.causes_size() > kSelectorsMax) {
    return InvalidArgument(v1::FIELD_TOO_LONG, absl::StrCat("causes holds more than ", kSelectorsMax, " selectors"),
                           "causes");
  }
  command->set_actor(request.actor());
  stored::ReactivateOperation* operation = command->mutable_reactivate();
  SetTarget(*target, request.address(), operation->mutable_target());
  operation->set_note(request.note());
  for (const v1::CauseSelector& selector : request.causes()) {
    if (!v1::Cause::Type_IsValid(selector.type())) return UnknownEnum("causes.type");
    if (!v1::BounceReason_IsValid(selector.reason())) return UnknownEnum("causes.reason");
    if (selector.type() == v1::Cause::TYPE_UNSPECIFIED) {
      return InvalidArgument(v1::MISSING_FIELD, "causes.type must be set", "causes.type");
    }
    RETURN_IF_ERROR(CheckStream(selector.stream()));
    v1::Cause* cause = operation->add_selectors();
    cause->set_type(selector.type());
    cause->set_reason(selector.reason());
    cause->set_stream(selector.stream());
  }
  if (request.has_consent()) {
    RETURN_IF_ERROR(CheckRequired(request.consent().evidence(), kNoteOctetsMax, "consent.evidence"));
    if (!request.consent().has_obtained_at()) {
      return InvalidArgument(v1::MISSING_FIELD, "consent.obtained_at must be set", "consent.obtained_at");
    }
    const auto obtained = TimeOf(true, request.consent().obtained_at(), 0, "consent.obtained_at");
    if (!obtained.ok()) return obtained.status();
    if (*obtained > absl::ToUnixMicros(now)) {
      return InvalidArgument(v1::INVALID_FIELD, "consent.obtained_at is in the future", "consent.obtained_at");
    }
    *operation->mutable_consent()->mutable_obtained_at() = FromMicros(*obtained);
    operation->mutable_consent()->set_evidence(request.consent().evidence());
  }
  return command;
}

absl::StatusOr<ListQuery> MakeListQuery(const v1::ListSuppressionsRequest& request, absl::Time now, uint64_t lineage) {
  ListQuery query;
  absl::StatusOr<std::string> tenant = TenantOf(request.tenant());
  if (!tenant.ok()) return tenant.status();
  query.tenant = *std::move(tenant);
  if (request.page_size() < 0) {
    return InvalidArgument(v1::INVALID_PAGE_SIZE, "page_size must not be negative", "page_size");
  }
  query.page_size = request.page_size() == 0 ? kPageSizeDefault : std::min(request.page_size(), kPageSizeMax);
  if (!v1::ListSuppressionsRequest::Order_IsValid(request.order())) return UnknownEnum("order");
  if (!v1::ListSuppressionsRequest::StateFilter_IsValid(request.state())) return UnknownEnum("state");
  if (!v1::BounceReason_IsValid(request.reason())) return UnknownEnum("reason");
  if (!v1::Cause::Type_IsValid(request.cause_type())) return UnknownEnum("cause_type");
  RETURN_IF_ERROR(CheckLength(request.source(), kLabelOctetsMax, "source"));
  if (request.order() != v1::ListSuppressionsRequest::ORDER_UNSPECIFIED) query.order = request.order();
  if (request.state() != v1::ListSuppressionsRequest::STATE_FILTER_UNSPECIFIED) query.state = request.state();
  query.reason = request.reason();
  query.cause_type = request.cause_type();
  query.source = request.source();
  if (!request.domain().empty()) {
    absl::StatusOr<Address> domain = WithField(NormaliseDomain(request.domain()), "domain");
    if (!domain.ok()) return domain.status();
    query.domain = domain->domain;
  }
  const auto from = TimeOf(request.has_listed_from(), request.listed_from(), 0, "listed_from");
  if (!from.ok()) return from.status();
  const auto before = TimeOf(request.has_listed_before(), request.listed_before(), 0, "listed_before");
  if (!before.ok()) return before.status();
  query.listed_from_micros = *from;
  query.listed_before_micros = *before;
  query.now_micros = absl::ToUnixMicros(now);
  query.with_counts = request.with_counts();
  if (!request.page_token().empty()) RETURN_IF_ERROR(DecodePageToken(lineage, request, &query));
  return query;
}

}  // namespace suppression
