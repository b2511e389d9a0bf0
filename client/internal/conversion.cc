// From the values of suppressd/types.h to requests. FromProto: answers.cc.
#include "client/internal/conversion.h"

#include <algorithm>
#include <optional>
#include <string>

#include "client/internal/utf8.h"

namespace suppressd::client_internal {
namespace {

// The service reads no more of a mail, and a request must fit into gRPC's message limit.
constexpr size_t kRawMessageBytesMax = 1 << 20;
// The most that google.protobuf.Duration holds, about 10,000 years.
constexpr absl::Duration kDurationMax = absl::Seconds(315'576'000'000);

// Rounds down to the nanosecond, also before 1970.
void SetTimestamp(absl::Time time, google::protobuf::Timestamp* timestamp) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  timestamp->set_seconds(seconds);
  timestamp->set_nanos(static_cast<int32_t>((time - absl::FromUnixSeconds(seconds)) / absl::Nanoseconds(1)));
}

// Rounds towards zero, to the nanosecond. More than the message can hold is no limit at all, and is left out.
template <typename Request>
void SetMaxStaleness(const std::optional<absl::Duration>& from, Request* request) {
  if (!from || *from > kDurationMax) return;
  absl::Duration rest = std::max(*from, -kDurationMax);
  request->mutable_max_staleness()->set_seconds(absl::IDivDuration(rest, absl::Seconds(1), &rest));
  request->mutable_max_staleness()->set_nanos(static_cast<int32_t>(rest / absl::Nanoseconds(1)));
}

void SetFilter(const SuppressionFilter& from, v1::SuppressionFilter* to) {
  to->set_state(static_cast<v1::SuppressionFilter::State>(from.state));
  for (const BounceReason reason : from.reasons) to->add_reasons(static_cast<v1::BounceReason>(reason));
  for (const CauseType type : from.cause_types) to->add_cause_types(static_cast<v1::Cause::Type>(type));
  if (from.stream) to->set_stream(*from.stream);
  to->set_source(from.source);
  to->set_domain(from.domain);
  to->set_address_prefix(from.address_prefix);
  to->set_address_contains(from.address_contains);
  if (from.listed_from) SetTimestamp(*from.listed_from, to->mutable_listed_from());
  if (from.listed_before) SetTimestamp(*from.listed_before, to->mutable_listed_before());
}

// CheckTarget has seen to it that one of them is set.
template <typename From, typename To>
void SetTarget(const From& from, To* to) {
  if (!from.address.empty()) to->set_address(from.address);
  if (!from.domain.empty()) to->set_domain(from.domain);
}

void SetReport(const SmtpReply& from, v1::ReportBounceRequest* request) {
  v1::SmtpReply* to = request->mutable_smtp_reply();
  to->set_recipient(from.recipient);
  to->set_code(from.code);
  to->set_enhanced_code(from.enhanced_code);
  if (IsUtf8(from.text)) {
    to->set_text(from.text);
  } else {
    to->set_raw_text(from.text);  // 8-bit replies are older than UTF-8 in SMTP; the service decodes them
  }
  to->set_stage(static_cast<v1::SmtpReply::Stage>(from.stage));
  to->set_remote_mta(from.remote_mta);
}

void SetReport(const Complaint& from, v1::ReportBounceRequest* request) {
  v1::Complaint* to = request->mutable_complaint();
  to->set_recipient(from.recipient);
  to->set_feedback_type(from.feedback_type);
  to->set_reporter(from.reporter);
}

void SetReport(const RawMessage& from, v1::ReportBounceRequest* request) {
  v1::RawMessage* to = request->mutable_raw_message();
  to->set_content(from.content.data(), std::min(from.content.size(), kRawMessageBytesMax));
  to->set_recipient(from.recipient);
  to->set_truncated(from.truncated || from.content.size() > kRawMessageBytesMax);
}

void SetReport(const ProviderEvent& from, v1::ReportBounceRequest* request) {
  v1::ProviderEvent* to = request->mutable_provider_event();
  to->set_provider(from.provider);
  to->set_payload(from.payload);
  to->set_signature_verified(from.signature_verified);
}

}  // namespace

v1::IsSuppressedRequest ToProto(const CheckRequest& request) {
  v1::IsSuppressedRequest to;
  to.set_tenant(request.tenant);
  to.set_address(request.address);
  to.set_stream(request.stream);
  to.set_at_least(request.at_least);
  SetMaxStaleness(request.max_staleness, &to);
  return to;
}

v1::BatchIsSuppressedRequest ToProto(const BatchRequest& request) {
  v1::BatchIsSuppressedRequest to;
  to.set_tenant(request.tenant);
  for (const std::string& address : request.addresses) to.add_addresses(address);
  to.set_stream(request.stream);
  to.set_at_least(request.at_least);
  SetMaxStaleness(request.max_staleness, &to);
  return to;
}

v1::ReportBounceRequest ToProto(const ReportRequest& request) {
  v1::ReportBounceRequest to;
  to.set_tenant(request.tenant);
  to.set_request_id(request.request_id);
  to.set_event_id(request.event_id);
  std::visit([&](const auto& report) { SetReport(report, &to); }, request.report);
  if (request.occurred_at) SetTimestamp(*request.occurred_at, to.mutable_occurred_at());
  if (request.mail_sent_at) SetTimestamp(*request.mail_sent_at, to.mutable_mail_sent_at());
  to.set_stream(request.stream);
  to.set_source(request.source);
  to.set_message_id(request.message_id);
  return to;
}

v1::ListSuppressionsRequest ToProto(const ListRequest& request) {
  v1::ListSuppressionsRequest to;
  to.set_tenant(request.tenant);
  to.set_page_size(request.page_size);
  to.set_page_token(request.page_token);
  to.set_order(static_cast<v1::ListSuppressionsRequest::Order>(request.order));
  SetFilter(request.filter, to.mutable_filter());
  to.set_at_least(request.at_least);
  SetMaxStaleness(request.max_staleness, &to);
  return to;
}

v1::CountSuppressionsRequest ToProto(const CountRequest& request) {
  v1::CountSuppressionsRequest to;
  to.set_tenant(request.tenant);
  SetFilter(request.filter, to.mutable_filter());
  to.set_at_least(request.at_least);
  SetMaxStaleness(request.max_staleness, &to);
  return to;
}

v1::GetBounceDetailsRequest ToProto(const DetailsRequest& request) {
  v1::GetBounceDetailsRequest to;
  to.set_tenant(request.tenant);
  SetTarget(request, &to);
  to.set_stream(request.stream);
  to.set_max_events(request.max_events);
  to.set_at_least(request.at_least);
  return to;
}

v1::ReactivateRequest ToProto(const ReactivateRequest& request) {
  v1::ReactivateRequest to;
  to.set_tenant(request.tenant);
  SetTarget(request, &to);
  to.set_request_id(request.request_id);
  to.set_note(request.note);
  to.set_on_behalf_of(request.on_behalf_of);
  to.set_unchanged_since(request.unchanged_since);
  for (const CauseSelector& from : request.causes) {
    v1::CauseSelector* selector = to.add_causes();
    selector->set_type(static_cast<v1::Cause::Type>(from.type));
    if (from.reason) selector->set_reason(static_cast<v1::BounceReason>(*from.reason));
    if (from.stream) selector->set_stream(*from.stream);
  }
  if (!request.consent) return to;
  v1::Consent* consent = to.mutable_consent();
  if (request.consent->obtained_at) SetTimestamp(*request.consent->obtained_at, consent->mutable_obtained_at());
  consent->set_evidence(request.consent->evidence);
  return to;
}

v1::SuppressRequest ToProto(const SuppressRequest& request) {
  v1::SuppressRequest to;
  to.set_tenant(request.tenant);
  SetTarget(request, &to);
  to.set_request_id(request.request_id);
  to.set_type(static_cast<v1::Cause::Type>(request.type));
  to.set_reason(static_cast<v1::BounceReason>(request.reason));
  to.set_stream(request.stream);
  to.set_note(request.note);
  to.set_on_behalf_of(request.on_behalf_of);
  if (request.expires_at) SetTimestamp(*request.expires_at, to.mutable_expires_at());
  to.set_source(request.source);
  return to;
}

v1::WatchRequest ToProto(const WatchRequest& request) {
  v1::WatchRequest to;
  for (const std::string& tenant : request.tenants) to.add_tenants(tenant);
  to.set_after(request.after);
  return to;
}

}  // namespace suppressd::client_internal
