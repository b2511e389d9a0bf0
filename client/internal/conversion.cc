#include "client/internal/conversion.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "client/internal/utf8.h"

namespace suppression::client_internal {
namespace {

// The service reads no more of a mail, and a request must fit into gRPC's message limit.
constexpr size_t kRawMessageOctetsMax = 1 << 20;
// The most that google.protobuf.Duration holds, about 10,000 years.
constexpr absl::Duration kDurationMax = absl::Seconds(315'576'000'000);

std::optional<absl::Time> ToTime(bool present, const google::protobuf::Timestamp& timestamp) {
  if (!present) return std::nullopt;
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

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

template <typename Response>
std::optional<Freshness> ToFreshness(const Response& response) {
  if (!response.has_freshness()) return std::nullopt;
  const v1::Freshness& from = response.freshness();
  Freshness to;
  to.basis = static_cast<FreshnessBasis>(from.basis());
  if (from.has_staleness()) {
    to.staleness = absl::Seconds(from.staleness().seconds()) + absl::Nanoseconds(from.staleness().nanos());
  }
  return to;
}

Consent ToConsent(const v1::Consent& from) {
  return {ToTime(from.has_obtained_at(), from.obtained_at()), from.evidence()};
}

Reactivation ToReactivation(const v1::Reactivation& from) {
  Reactivation to;
  to.at = ToTime(from.has_at(), from.at());
  to.actor = from.actor();
  to.note = from.note();
  if (from.has_consent()) to.consent = ToConsent(from.consent());
  return to;
}

Cause ToCause(const v1::Cause& from) {
  Cause to;
  to.type = static_cast<CauseType>(from.type());
  to.state = static_cast<CauseState>(from.state());
  to.reason = static_cast<BounceReason>(from.reason());
  to.stream = from.stream();
  to.first_event_at = ToTime(from.has_first_event_at(), from.first_event_at());
  to.last_event_at = ToTime(from.has_last_event_at(), from.last_event_at());
  to.expires_at = ToTime(from.has_expires_at(), from.expires_at());
  to.event_count = from.event_count();
  to.source = from.source();
  to.rule_id = from.rule_id();
  to.note = from.note();
  if (from.has_reactivation()) to.reactivation = ToReactivation(from.reactivation());
  return to;
}

template <typename From, typename Convert>
auto ToVector(const From& from, Convert convert) {
  std::vector<decltype(convert(*from.begin()))> to;
  to.reserve(static_cast<size_t>(from.size()));
  for (const auto& item : from) to.push_back(convert(item));
  return to;
}

Match ToMatch(const v1::Match& from) {
  return {ToCause(from.cause()), from.whole_domain(), from.not_yet_delivered()};
}

Suppression ToSuppression(const v1::Suppression& from) {
  Suppression to;
  to.tenant = from.tenant();
  to.address = from.address();
  to.original_address = from.original_address();
  to.causes = ToVector(from.causes(), ToCause);
  to.listed_at = ToTime(from.has_listed_at(), from.listed_at());
  to.updated_at = ToTime(from.has_updated_at(), from.updated_at());
  return to;
}

Verdict ToVerdict(const v1::Verdict& from) {
  Verdict to;
  to.bounce_class = static_cast<VerdictClass>(from.bounce_class());
  to.reason = static_cast<BounceReason>(from.reason());
  to.rule_id = from.rule_id();
  to.rule_set_version = from.rule_set_version();
  to.evidence = from.evidence();
  to.conflict = from.conflict();
  to.code = from.code();
  to.enhanced_code = from.enhanced_code();
  to.stage = static_cast<SmtpStage>(from.stage());
  return to;
}

Outcome ToOutcome(const v1::RecipientOutcome& from) {
  return {from.address(),  ToVerdict(from.verdict()), static_cast<Effect>(from.effect()),
          from.event_id(), from.duplicate(),          from.error_reason()};
}

BatchItem ToBatchItem(const v1::BatchResult& from) {
  return {from.index(),        from.suppressed(),    ToVector(from.matches(), ToMatch),
          from.error_reason(), from.error_message(), from.matches_left_out()};
}

BounceEvent ToEvent(const v1::BounceEvent& from) {
  BounceEvent to;
  to.occurred_at = ToTime(from.has_occurred_at(), from.occurred_at());
  to.received_at = ToTime(from.has_received_at(), from.received_at());
  to.mail_sent_at = ToTime(from.has_mail_sent_at(), from.mail_sent_at());
  to.verdict = ToVerdict(from.verdict());
  to.diagnostic = from.diagnostic();
  to.remote_mta = from.remote_mta();
  to.stream = from.stream();
  to.source = from.source();
  to.message_id = from.message_id();
  to.feedback_type = from.feedback_type();
  to.effect = static_cast<Effect>(from.effect());
  to.kind = static_cast<ReportKind>(from.kind());
  to.truncated = from.truncated();
  to.provider = from.provider();
  to.signature_verified = from.signature_verified();
  to.identity = from.identity();
  return to;
}

CauseExplanation ToExplanation(const v1::CauseExplanation& from) {
  return {from.meaning(), from.suggested_action(), from.can_reactivate(), static_cast<ReactivationNeed>(from.need())};
}

ListCounts ToCounts(const v1::ListCounts& from) {
  return {from.total(), ToVector(from.reasons(), [](const v1::ReasonCount& count) {
            return ReasonCount{static_cast<BounceReason>(count.reason()), count.count()};
          })};
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
  to->set_stage(static_cast<v1::SmtpStage>(from.stage));
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
  to->set_content(from.content.data(), std::min(from.content.size(), kRawMessageOctetsMax));
  to->set_recipient(from.recipient);
  to->set_truncated(from.truncated || from.content.size() > kRawMessageOctetsMax);
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
  to.set_reason(static_cast<v1::BounceReason>(request.reason));
  to.set_domain(request.domain);
  to.set_source(request.source);
  to.set_cause_type(static_cast<v1::Cause::Type>(request.cause_type));
  if (request.listed_from) SetTimestamp(*request.listed_from, to.mutable_listed_from());
  if (request.listed_before) SetTimestamp(*request.listed_before, to.mutable_listed_before());
  to.set_state(static_cast<v1::ListSuppressionsRequest::StateFilter>(request.state));
  to.set_with_counts(request.with_counts);
  to.set_at_least(request.at_least);
  SetMaxStaleness(request.max_staleness, &to);
  return to;
}

v1::GetBounceDetailsRequest ToProto(const DetailsRequest& request) {
  v1::GetBounceDetailsRequest to;
  to.set_tenant(request.tenant);
  to.set_address(request.address);
  to.set_domain(request.domain);
  to.set_max_events(request.max_events);
  to.set_at_least(request.at_least);
  return to;
}

v1::ReactivateRequest ToProto(const ReactivateRequest& request) {
  v1::ReactivateRequest to;
  to.set_tenant(request.tenant);
  to.set_address(request.address);
  to.set_domain(request.domain);
  to.set_request_id(request.request_id);
  to.set_note(request.note);
  to.set_actor(request.actor);
  to.set_unchanged_since(request.unchanged_since);
  for (const CauseSelector& from : request.causes) {
    v1::CauseSelector* selector = to.add_causes();
    selector->set_type(static_cast<v1::Cause::Type>(from.type));
    selector->set_reason(static_cast<v1::BounceReason>(from.reason));
    selector->set_stream(from.stream);
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
  to.set_address(request.address);
  to.set_domain(request.domain);
  to.set_request_id(request.request_id);
  to.set_type(static_cast<v1::Cause::Type>(request.type));
  to.set_reason(static_cast<v1::BounceReason>(request.reason));
  to.set_stream(request.stream);
  to.set_note(request.note);
  to.set_actor(request.actor);
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

CheckResult FromProto(const v1::IsSuppressedResponse& response) {
  CheckResult to;
  to.suppressed = response.suppressed();
  to.matches = ToVector(response.matches(), ToMatch);
  to.token = response.token();
  to.freshness = ToFreshness(response);
  to.refusal_text = response.refusal_text();
  return to;
}

BatchResult FromProto(const v1::BatchIsSuppressedResponse& response) {
  BatchResult to;
  to.items = ToVector(response.results(), ToBatchItem);
  to.token = response.token();
  to.freshness = ToFreshness(response);
  return to;
}

ReportResult FromProto(const v1::ReportBounceResponse& response) {
  return {
      ToVector(response.outcomes(), ToOutcome), response.token(),     response.duplicate(),
      static_cast<ReportKind>(response.kind()), response.truncated(), static_cast<Durability>(response.durability())};
}

Page FromProto(const v1::ListSuppressionsResponse& response) {
  Page to;
  to.suppressions = ToVector(response.suppressions(), ToSuppression);
  to.next_page_token = response.next_page_token();
  to.token = response.token();
  if (response.has_counts()) to.counts = ToCounts(response.counts());
  to.freshness = ToFreshness(response);
  to.damaged_entries = response.damaged_entries();
  return to;
}

Details FromProto(const v1::GetBounceDetailsResponse& response) {
  return {ToSuppression(response.suppression()),       response.suppressed(),
          ToVector(response.events(), ToEvent),        ToVector(response.explanations(), ToExplanation),
          ToVector(response.domain_causes(), ToCause), response.token()};
}

ReactivateResult FromProto(const v1::ReactivateResponse& response) {
  return {ToSuppression(response.suppression()),  response.changed(), response.still_suppressed(),
          ToVector(response.blocking(), ToMatch), response.token(),   response.duplicate()};
}

SuppressResult FromProto(const v1::SuppressResponse& response) {
  return {ToSuppression(response.suppression()), response.newly_suppressed(), response.token(), response.duplicate()};
}

Change FromProto(const v1::WatchResponse& response) {
  return {response.token(), ToVector(response.suppressions(), ToSuppression),
          ToTime(response.has_committed_at(), response.committed_at())};
}

}  // namespace suppression::client_internal
