#include "client/suppressctl/rejudge.h"

#include <algorithm>

#include "absl/strings/match.h"

namespace suppressd::suppressctl {
namespace {

// An event that the rules decided, and can decide again.
bool IsJudged(const BounceEvent& event) {
  const VerdictClass was = event.verdict.bounce_class;
  const bool bounce = was == VerdictClass::kHard || was == VerdictClass::kSoft || was == VerdictClass::kSenderSide;
  return bounce && !absl::StartsWith(event.verdict.rule_id, "provider.");
}

v1::Verdict JudgeAgain(const BounceEvent& event, const LocalRules& rules) {
  v1::SmtpReply reply;
  reply.set_code(event.verdict.code);
  reply.set_enhanced_code(event.verdict.enhanced_code);
  reply.set_stage(static_cast<v1::SmtpReply::Stage>(event.verdict.stage));
  reply.set_text(event.diagnostic);
  reply.set_remote_mta(event.remote_mta);
  return rules.classifier->Classify(reply);
}

Finding MakeFinding(const BounceEvent& event, const v1::Verdict& verdict) {
  Finding finding;
  finding.old_rule = event.verdict.rule_id;
  finding.new_rule = verdict.rule_id();
  finding.new_class = v1::Verdict::Class_Name(verdict.bounce_class());
  if (verdict.reason() != v1::BOUNCE_REASON_UNSPECIFIED) finding.new_reason = v1::BounceReason_Name(verdict.reason());
  return finding;
}

bool IsActiveHardBounce(const Cause& cause) {
  return cause.type == CauseType::kHardBounce && cause.state == CauseState::kActive;
}

// Looks at the bounces that made a cause, newest first.
void RejudgeCause(const Cause& cause, const Details& details, const LocalRules& rules, std::vector<Finding>* findings) {
  bool found = false;
  Finding finding;
  for (const BounceEvent& event : details.events) {
    const bool made = event.effect == Effect::kSuppressed || event.effect == Effect::kAlreadySuppressed;
    if (!made || event.verdict.bounce_class != VerdictClass::kHard || event.verdict.reason != cause.reason) continue;
    if (!IsJudged(event)) return;
    const v1::Verdict verdict = JudgeAgain(event, rules);
    if (rules.Suppresses(verdict)) return;
    if (!found) finding = MakeFinding(event, verdict);
    found = true;
  }
  if (!found) return;
  finding.reason = cause.reason;
  findings->push_back(std::move(finding));
}

// When the address was last vouched for; nothing from before counts.
std::optional<absl::Time> LastReactivation(const Details& details) {
  std::optional<absl::Time> last;
  for (const Cause& cause : details.suppression.causes) {
    if (!cause.reactivation.has_value() || !cause.reactivation->reactivated_at.has_value()) continue;
    last =
        last.has_value() ? std::max(*last, *cause.reactivation->reactivated_at) : *cause.reactivation->reactivated_at;
  }
  return last;
}

// Looks for the newest bounce that would suppress and did not.
void FindMore(const Details& details, const LocalRules& rules, std::vector<Finding>* findings) {
  const std::optional<absl::Time> since = LastReactivation(details);
  for (const BounceEvent& event : details.events) {
    const bool kept_out = event.effect == Effect::kRecorded || event.effect == Effect::kCounted;
    if (!kept_out || !IsJudged(event)) continue;
    const std::optional<absl::Time> sent = event.mail_sent_at.has_value() ? event.mail_sent_at : event.occurred_at;
    if (since.has_value() && sent.has_value() && *sent <= *since) continue;
    const v1::Verdict verdict = JudgeAgain(event, rules);
    if (!rules.Suppresses(verdict)) continue;
    Finding finding = MakeFinding(event, verdict);
    finding.more = true;
    finding.reason = static_cast<BounceReason>(verdict.reason());
    findings->push_back(std::move(finding));
    return;
  }
}

}  // namespace

std::vector<Finding> Rejudge(const Details& details, const LocalRules& rules) {
  std::vector<Finding> findings;
  bool hard = false;
  for (const Cause& cause : details.suppression.causes) {
    if (!IsActiveHardBounce(cause)) continue;
    hard = true;
    RejudgeCause(cause, details, rules, &findings);
  }
  if (!hard) FindMore(details, rules, &findings);
  return findings;
}

}  // namespace suppressd::suppressctl
