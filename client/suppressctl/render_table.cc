#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/suppressctl/render.h"

namespace suppressd::suppressctl {
namespace {

// Who did something, and for whom: "ops, for jane"; empty: neither is known.
template <typename Done>
std::string Who(const Done& done) {
  if (done.actor.empty() || done.on_behalf_of.empty()) return done.actor + done.on_behalf_of;
  return done.actor + ", for " + done.on_behalf_of;
}

// Also in a state that this version does not know.
bool Active(const Cause& cause) {
  return cause.state != CauseState::kReactivated && cause.state != CauseState::kExpired;
}

void PrintCause(const ExplainedCause& explanation, std::ostream& out) {
  const Cause& cause = explanation.cause;
  out << "\n"
      << (explanation.matched_domain.empty() ? "" : "the whole domain: ") << Escape(Describe(cause)) << "  ["
      << Name(cause.state) << "]\n";
  if (!explanation.meaning.empty()) out << "  meaning:     " << Escape(explanation.meaning) << "\n";
  out << "  events:      " << cause.event_count << ", " << TimeText(cause.first_event_at) << " to "
      << TimeText(cause.last_event_at) << "\n";
  if (cause.expires_at) out << "  expires:     " << TimeText(cause.expires_at) << "\n";
  if (!cause.rule_id.empty()) out << "  rule:        " << Escape(cause.rule_id) << "\n";
  if (!cause.source.empty()) out << "  source:      " << Escape(cause.source) << "\n";
  if (!cause.note.empty()) out << "  note:        " << Escape(cause.note) << "\n";
  if (const std::string who = Who(cause); !who.empty()) out << "  listed by:   " << Escape(who) << "\n";
  if (cause.reactivation) {
    out << "  reactivated: " << TimeText(cause.reactivation->reactivated_at) << " by "
        << (Who(*cause.reactivation).empty() ? "-" : Escape(Who(*cause.reactivation))) << ": "
        << Escape(cause.reactivation->note) << "\n";
  }
  if (!explanation.suggested_action.empty()) out << "  what to do:  " << Escape(explanation.suggested_action) << "\n";
  if (Active(cause)) {
    out << "  reactivate:  " << (explanation.can_reactivate ? "yes" : "no");
    const auto name = [](std::string* text, Requirement requirement) { absl::StrAppend(text, Name(requirement)); };
    if (!explanation.requirements.empty()) out << ", needs " << absl::StrJoin(explanation.requirements, " and ", name);
    out << "\n";
  }
}

void PrintEvent(const BounceEvent& event, std::ostream& out) {
  const Verdict& verdict = event.verdict;
  out << "\n" << TimeText(event.occurred_at) << "  " << Name(verdict.bounce_class);
  if (verdict.reason != BounceReason::kUnspecified) out << " " << Name(verdict.reason);
  out << "  " << Name(event.effect) << "\n";
  if (event.kind != ReportKind::kSmtpReply) {
    out << "  report:      " << Name(event.kind) << (event.truncated ? ", its end was not read" : "") << "\n";
  }
  if (!event.provider.empty()) {
    out << "  provider:    " << Escape(event.provider) << ", signature " << (event.signature_verified ? "" : "not ")
        << "verified\n";
  }
  if (!event.diagnostic.empty()) out << "  text:        " << Escape(event.diagnostic) << "\n";
  if (!event.feedback_type.empty()) out << "  feedback:    " << Escape(event.feedback_type) << "\n";
  if (verdict.code != 0 || !verdict.enhanced_code.empty()) {
    out << "  codes:       " << verdict.code << " " << Escape(verdict.enhanced_code) << "\n";
  }
  if (!event.remote_mta.empty()) out << "  remote MTA:  " << Escape(event.remote_mta) << "\n";
  if (!verdict.rule_id.empty()) out << "  rule:        " << Escape(verdict.rule_id) << "\n";
  if (event.mail_sent_at) out << "  mail sent:   " << TimeText(event.mail_sent_at) << "\n";
  if (!event.stream.empty()) out << "  stream:      " << Escape(event.stream) << "\n";
  if (!event.source.empty()) out << "  source:      " << Escape(event.source) << "\n";
  if (!event.message_id.empty()) out << "  message id:  " << Escape(event.message_id) << "\n";
}

}  // namespace

std::string Describe(const Cause& cause) {
  std::string text = Name(cause.type);
  if (cause.reason != BounceReason::kUnspecified) absl::StrAppend(&text, " ", Name(cause.reason));
  if (!cause.stream.empty()) absl::StrAppend(&text, " (stream ", cause.stream, ")");
  return text;
}

std::string Describe(const Match& match) {
  return absl::StrCat(Describe(match.cause), !match.matched_domain.empty() ? " (whole domain)" : "",
                      match.not_yet_delivered ? " (not yet delivered)" : "");
}

std::string Describe(const std::vector<Match>& matches) {
  return absl::StrJoin(matches, ", ",
                       [](std::string* out, const Match& match) { absl::StrAppend(out, Describe(match)); });
}

std::string Describe(const Freshness& freshness) {
  if (freshness.basis == FreshnessBasis::kNothing) return "answered without a replica";
  if (!freshness.staleness) return "answered from a replica, of unknown age";
  // More than milliseconds nobody reads.
  return absl::StrCat("answered from a replica, at most ",
                      DurationText(absl::Ceil(*freshness.staleness, absl::Milliseconds(1))), " old");
}

std::string DescribeCauses(const Suppression& suppression) {
  std::vector<std::string> texts;
  const bool any = std::any_of(suppression.causes.begin(), suppression.causes.end(), Active);
  for (const Cause& cause : suppression.causes) {
    if (!any) texts.push_back(absl::StrCat(Describe(cause), " [", Name(cause.state), "]"));
    if (any && Active(cause)) texts.push_back(Describe(cause));
  }
  return absl::StrJoin(texts, ", ");
}

void PrintDetails(const Details& details, std::ostream& out) {
  const Suppression& entry = details.suppression;
  out << Escape(entry.Target()) << (details.suppressed ? ": suppressed" : ": not suppressed") << "\n";
  if (!entry.original_address.empty() && entry.original_address != entry.address) {
    out << "first reported as " << Escape(entry.original_address) << "\n";
  }
  out << "tenant " << Escape(entry.tenant) << ", listed " << TimeText(entry.listed_at) << ", updated "
      << TimeText(entry.updated_at) << "\n";
  for (const ExplainedCause& cause : details.causes) PrintCause(cause, out);
  if (!details.events.empty()) out << "\nlatest reports:\n";
  for (const BounceEvent& event : details.events) PrintEvent(event, out);
}

}  // namespace suppressd::suppressctl
