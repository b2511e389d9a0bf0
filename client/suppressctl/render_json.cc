#include "client/suppressctl/render.h"

namespace suppressd::suppressctl {
namespace {

// AsJson finds nothing that is declared after it.
using suppressctl::ToJson;
JsonObject ToJson(const BounceEvent& event);
JsonObject ToJson(const ExplainedCause& explained);
JsonObject ToJson(const ReasonCount& count);
JsonObject ToJson(const Change& change);

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
  json.Add("reactivatedAt", reactivation.reactivated_at)
      .Add("onBehalfOf", reactivation.on_behalf_of)
      .Add("actor", reactivation.actor)
      .Add("note", reactivation.note);
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
      .Add("identity", event.identity)
      .Add("id", event.id)
      .Add("eventId", event.event_id);
}

JsonObject ToJson(const ExplainedCause& explained) {
  std::string requirements;
  for (const Requirement requirement : explained.requirements) {
    absl::StrAppend(&requirements, requirements.empty() ? "[" : ",", JsonString(Name(requirement)));
  }
  JsonObject json;
  json.Add("cause", suppressctl::ToJson(explained.cause))
      .Add("matchedDomain", explained.matched_domain)
      .Add("meaning", explained.meaning)
      .Add("suggestedAction", explained.suggested_action)
      .Add("canReactivate", explained.can_reactivate);
  return requirements.empty() ? json : json.AddRaw("requirements", requirements + "]");
}

JsonObject ToJson(const ReasonCount& count) {
  return JsonObject().Add("reason", EnumName(count.reason)).Add("entryCount", count.entry_count);
}

JsonObject ToJson(const Change& change) {
  return JsonObject().Add("kind", EnumName(change.kind)).Add("suppression", suppressctl::ToJson(change.suppression));
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
      .Add("note", cause.note)
      .Add("onBehalfOf", cause.on_behalf_of)
      .Add("actor", cause.actor);
  if (cause.reactivation) json.Add("reactivation", ToJson(*cause.reactivation));
  return json;
}

JsonObject ToJson(const ItemError& error) {
  return JsonObject()
      .Add("reason", error.reason)
      .Add("message", error.message)
      .Add("field", error.field)
      .Add("code", static_cast<int32_t>(error.code));
}

JsonObject ToJson(const Match& match) {
  return JsonObject()
      .Add("cause", ToJson(match.cause))
      .Add("matchedDomain", match.matched_domain)
      .Add("notYetDelivered", match.not_yet_delivered);
}

JsonObject ToJson(const Suppression& suppression) {
  return JsonObject()
      .Add("tenant", suppression.tenant)
      .Add("address", suppression.address)
      .Add("domain", suppression.domain)
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
  json.Add("effect", EnumName(outcome.effect)).Add("eventId", outcome.event_id).Add("duplicate", outcome.duplicate);
  return outcome.error.reason.empty() ? json : json.Add("error", ToJson(outcome.error));
}

JsonObject ToJson(const ReportResult& result) {
  return JsonObject()
      .AddAll("outcomes", result.outcomes, AsJson<Outcome>())
      .Add("revisionToken", result.revision_token)
      .Add("duplicate", result.duplicate)
      .Add("kind", EnumName(result.kind))
      .Add("truncated", result.truncated)
      .Add("durability", EnumName(result.durability));
}

JsonObject ToJson(const Counts& counts) {
  return JsonObject()
      .Add("totalCount", counts.total_count)
      .AddAll("reasons", counts.reasons, AsJson<ReasonCount>())
      .Add("revisionToken", counts.revision_token)
      .Add("damagedCount", counts.damaged_count);
}

JsonObject ToJson(const Details& details) {
  return JsonObject()
      .Add("suppression", ToJson(details.suppression))
      .Add("suppressed", details.suppressed)
      .Add("suppressedInAnyStream", details.suppressed_in_any_stream)
      .AddAll("events", details.events, AsJson<BounceEvent>())
      .AddAll("causes", details.causes, AsJson<ExplainedCause>())
      .Add("revisionToken", details.revision_token);
}

JsonObject ToJson(const ReactivateResult& result) {
  return JsonObject()
      .Add("suppression", ToJson(result.suppression))
      .Add("changed", result.changed)
      .Add("suppressed", result.suppressed)
      .Add("suppressedInAnyStream", result.suppressed_in_any_stream)
      .AddAll("blocking", result.blocking, AsJson<Match>())
      .Add("revisionToken", result.revision_token)
      .Add("duplicate", result.duplicate);
}

JsonObject ToJson(const SuppressResult& result) {
  return JsonObject()
      .Add("suppression", ToJson(result.suppression))
      .Add("newlySuppressed", result.newly_suppressed)
      .Add("revisionToken", result.revision_token)
      .Add("duplicate", result.duplicate);
}

JsonObject ToJson(const WatchStep& step) {
  return JsonObject()
      .Add("revisionToken", step.revision_token)
      .AddAll("changes", step.changes, AsJson<Change>())
      .Add("committedAt", step.committed_at)
      .Add("moreFollows", step.more_follows);
}

}  // namespace suppressd::suppressctl
