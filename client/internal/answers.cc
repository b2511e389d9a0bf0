// From answers to the values of suppressd/types.h. ToProto: conversion.cc.
#include <optional>
#include <string>
#include <vector>

#include "client/internal/conversion.h"

namespace suppressd::client_internal {
namespace {

std::optional<absl::Time> ToTime(bool present, const google::protobuf::Timestamp& timestamp) {
  if (!present) return std::nullopt;
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
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
  to.reactivated_at = ToTime(from.has_reactivated_at(), from.reactivated_at());
  to.on_behalf_of = from.on_behalf_of();
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
  to.on_behalf_of = from.on_behalf_of();
  to.actor = from.actor();
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
  return {ToCause(from.cause()), from.matched_domain(), from.not_yet_delivered()};
}

Suppression ToSuppression(const v1::Suppression& from) {
  Suppression to;
  to.tenant = from.tenant();
  to.address = from.address();
  to.domain = from.domain();
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

ItemError ToItemError(const v1::ItemError& from) {
  // Another code than the canonical ones is UNKNOWN.
  const bool known = from.code() >= 0 && from.code() <= 16;
  return {from.reason(), from.message(), from.field(),
          known ? static_cast<absl::StatusCode>(from.code()) : absl::StatusCode::kUnknown};
}

Outcome ToOutcome(const v1::RecipientOutcome& from) {
  return {from.address(),  ToVerdict(from.verdict()), static_cast<Effect>(from.effect()),
          from.event_id(), from.duplicate(),          ToItemError(from.error())};
}

BatchItem ToBatchItem(const v1::BatchResult& from) {
  return {from.index(), !from.has_error(), ToVector(from.matches(), ToMatch), ToItemError(from.error()),
          from.matches_left_out()};
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
  to.id = from.id();
  to.event_id = from.event_id();
  return to;
}

ExplainedCause ToExplained(const v1::ExplainedCause& from) {
  ExplainedCause to;
  to.cause = ToCause(from.cause());
  to.matched_domain = from.matched_domain();
  to.meaning = from.meaning();
  to.suggested_action = from.suggested_action();
  to.can_reactivate = from.can_reactivate();
  to.requirements =
      ToVector(from.requirements(), [](int requirement) { return static_cast<Requirement>(requirement); });
  return to;
}

}  // namespace

CheckResult FromProto(const v1::IsSuppressedResponse& response) {
  CheckResult to;
  to.answer = static_cast<Answer>(response.answer());
  // An answer that this version does not know, or none, is no leave to send.
  to.suppressed = to.answer != Answer::kNotSuppressed && to.answer != Answer::kNotKnown;
  to.matches = ToVector(response.matches(), ToMatch);
  to.revision_token = response.revision_token();
  to.freshness = ToFreshness(response);
  to.refusal_text = response.refusal_text();
  return to;
}

BatchResult FromProto(const v1::BatchIsSuppressedResponse& response) {
  BatchResult to;
  to.answers = ToVector(response.answers(), [](int answer) { return static_cast<Answer>(answer); });
  to.items = ToVector(response.results(), ToBatchItem);
  to.revision_token = response.revision_token();
  to.freshness = ToFreshness(response);
  return to;
}

ReportResult FromProto(const v1::ReportBounceResponse& response) {
  return {ToVector(response.outcomes(), ToOutcome),
          response.revision_token(),
          response.duplicate(),
          static_cast<ReportKind>(response.kind()),
          response.truncated(),
          static_cast<Durability>(response.durability())};
}

Page FromProto(const v1::ListSuppressionsResponse& response) {
  Page to;
  to.suppressions = ToVector(response.suppressions(), ToSuppression);
  to.next_page_token = response.next_page_token();
  to.revision_token = response.revision_token();
  to.freshness = ToFreshness(response);
  to.damaged_count = response.damaged_count();
  return to;
}

Counts FromProto(const v1::CountSuppressionsResponse& response) {
  Counts to;
  to.total_count = response.total_count();
  to.reasons = ToVector(response.reasons(), [](const v1::ReasonCount& count) {
    return ReasonCount{static_cast<BounceReason>(count.reason()), count.entry_count()};
  });
  to.revision_token = response.revision_token();
  to.damaged_count = response.damaged_count();
  to.freshness = ToFreshness(response);
  return to;
}

Details FromProto(const v1::GetBounceDetailsResponse& response) {
  return {ToSuppression(response.suppression()),    response.suppressed(),
          response.suppressed_in_any_stream(),      ToVector(response.events(), ToEvent),
          ToVector(response.causes(), ToExplained), response.revision_token()};
}

ReactivateResult FromProto(const v1::ReactivateResponse& response) {
  return {ToSuppression(response.suppression()),
          response.changed(),
          response.suppressed(),
          response.suppressed_in_any_stream(),
          ToVector(response.blocking(), ToMatch),
          response.revision_token(),
          response.duplicate()};
}

SuppressResult FromProto(const v1::SuppressResponse& response) {
  return {ToSuppression(response.suppression()), response.newly_suppressed(), response.revision_token(),
          response.duplicate()};
}

WatchStep FromProto(const v1::WatchResponse& response) {
  const auto to_change = [](const v1::Change& from) {
    return Change{static_cast<ChangeKind>(from.kind()), ToSuppression(from.suppression())};
  };
  return {response.revision_token(), ToVector(response.changes(), to_change),
          ToTime(response.has_committed_at(), response.committed_at()), response.more_follows()};
}

}  // namespace suppressd::client_internal
