#include "client/suppressctl/render.h"

namespace suppression::suppressctl {
namespace {

// AsJson finds nothing that is declared after it.
using suppressctl::ToJson;
JsonObject ToJson(const BounceEvent& event);
JsonObject ToJson(const CauseExplanation& explanation);
JsonObject ToJson(const ReasonCount& count);

template <typename Value>
auto AsJson() {
  return [](const Value& value) { return ToJson(value); };
}

// Enum values print as names, and the zero value, as all defaults, not at all.
template <typename Enum>
std::string EnumName(Enum value) {
  return static_cast<int>(value) == 0 ? "" : Name(value);
}

JsonObject ToJson(const Consent& consent) {
  return JsonObject().Add("obtainedAt", consent.obtained_at).Add("evidence", consent.evidence);
}

JsonObject ToJson(const Reactivation& reactivation) {
  JsonObject json;
  json.Add("at", reactivation.at).Add("actor", reactivation.actor).Add("note", reactivation.note);
  if (reactivation.consent) json.Add("consent", ToJson(*reactivation.consent));
  return json;
}

JsonObject ToJson(const Verdict& verdict) {
  return JsonObject()
      .Add("bounceClass", EnumName(verdict.bounce_class))
      .Add("reason", EnumName(verdict.reason))
      .Add("ruleId", verdict.rule_id)
      .Add("ruleSetVersion", verdict.rule_set_version)
      .Add("evidence", verdict.evidence)
      .Add("conflict", verdict.conflict)
      .Add("code", verdict.code)
      .Add("enhancedCode", verdict.enhanced_code)
      .Add("stage", EnumName(verdict.stage));
}

JsonObject ToJson(const BounceEvent& event) {
  return JsonObject()
      .Add("occurredAt", event.occurred_at)
      .Add("receivedAt", event.received_at)
      .Add("mailSentAt", event.mail_sent_at)
      .Add("verdict", ToJson(event.verdict))
      .Add("diagnostic", event.diagnostic)
      .Add("remoteMta", event.remote_mta)
      .Add("stream", event.stream)
      .Add("source", event.source)
      .Add("messageId", event.message_id)
      .Add("feedbackType", event.feedback_type)
      .Add("effect", EnumName(event.effect))
      .Add("kind", EnumName(event.kind))
      .Add("truncated", event.truncated)
      .Add("provider", event.provider)
      .Add("signatureVerified", event.signature_verified)
      .Add("identity", event.identity);
}

JsonObject ToJson(const CauseExplanation& explanation) {
  return JsonObject()
      .Add("meaning", explanation.meaning)
      .Add("suggestedAction", explanation.suggested_action)
      .Add("canReactivate", explanation.can_reactivate)
      .Add("need", EnumName(explanation.need));
}

JsonObject ToJson(const ReasonCount& count) {
  return JsonObject().Add("reason", EnumName(count.reason)).Add("count", count.count);
}

}  // namespace

JsonObject ToJson(const Cause& cause) {
  JsonObject json;
  json.Add("type", EnumName(cause.type))
      .Add("state", EnumName(cause.state))
      .Add("reason", EnumName(cause.reason))
      .Add("stream", cause.stream)
      .Add("firstEventAt", cause.first_event_at)
      .Add("lastEventAt", cause.last_event_at)
      .Add("expiresAt", cause.expires_at)
      .Add("eventCount", cause.event_count)
      .Add("source", cause.source)
      .Add("ruleId", cause.rule_id)
      .Add("note", cause.note);
  if (cause.reactivation) json.Add("reactivation", ToJson(*cause.reactivation));
  return json;
}

JsonObject ToJson(const Match& match) {
  return JsonObject()
      .Add("cause", ToJson(match.cause))
      .Add("wholeDomain", match.whole_domain)
      .Add("notYetDelivered", match.not_yet_delivered);
}

JsonObject ToJson(const Suppression& suppression) {
  return JsonObject()
      .Add("tenant", suppression.tenant)
      .Add("address", suppression.address)
      .Add("originalAddress", suppression.original_address)
      .AddAll("causes", suppression.causes, AsJson<Cause>())
      .Add("listedAt", suppression.listed_at)
      .Add("updatedAt", suppression.updated_at);
}

JsonObject ToJson(const Freshness& freshness) {
  JsonObject json;
  json.Add("basis", EnumName(freshness.basis));
  if (freshness.staleness) json.Add("staleness", DurationText(*freshness.staleness));
  return json;
}

JsonObject ToJson(const Outcome& outcome) {
  JsonObject json;
  json.Add("address", outcome.address);
  // What was not taken has no verdict.
  if (outcome.verdict.bounce_class != VerdictClass::kUnspecified) json.Add("verdict", ToJson(outcome.verdict));
  return json.Add("effect", EnumName(outcome.effect))
      .Add("eventId", outcome.event_id)
      .Add("duplicate", outcome.duplicate)
      .Add("errorReason", outcome.error_reason);
}

JsonObject ToJson(const ReportResult& result) {
  return JsonObject()
      .AddAll("outcomes", result.outcomes, AsJson<Outcome>())
      .Add("token", result.token)
      .Add("duplicate", result.duplicate)
      .Add("kind", EnumName(result.kind))
      .Add("truncated", result.truncated)
      .Add("durability", EnumName(result.durability));
}

JsonObject ToJson(const ListCounts& counts) {
  return JsonObject().Add("total", counts.total).AddAll("reasons", counts.reasons, AsJson<ReasonCount>());
}

JsonObject ToJson(const Details& details) {
  return JsonObject()
      .Add("suppression", ToJson(details.suppression))
      .Add("suppressed", details.suppressed)
      .AddAll("events", details.events, AsJson<BounceEvent>())
      .AddAll("explanations", details.explanations, AsJson<CauseExplanation>())
      .AddAll("domainCauses", details.domain_causes, AsJson<Cause>())
      .Add("token", details.token);
}

JsonObject ToJson(const ReactivateResult& result) {
  return JsonObject()
      .Add("suppression", ToJson(result.suppression))
      .Add("changed", result.changed)
      .Add("stillSuppressed", result.still_suppressed)
      .AddAll("blocking", result.blocking, AsJson<Match>())
      .Add("token", result.token)
      .Add("duplicate", result.duplicate);
}

JsonObject ToJson(const SuppressResult& result) {
  return JsonObject()
      .Add("suppression", ToJson(result.suppression))
      .Add("newlySuppressed", result.newly_suppressed)
      .Add("token", result.token)
      .Add("duplicate", result.duplicate);
}

JsonObject ToJson(const Change& change) {
  return JsonObject()
      .Add("token", change.token)
      .AddAll("suppressions", change.suppressions, AsJson<Suppression>())
      .Add("committedAt", change.committed_at);
}

}  // namespace suppression::suppressctl
