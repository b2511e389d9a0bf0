#include "server/bounces/rules/provider_typing.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/bounces/rules/refusal_text.h"

namespace suppressd {
namespace {

// How much harm a wrong verdict does. A full mailbox is suppressed for a while only.
int Severity(v1::Verdict::Class bounce_class, v1::BounceReason reason) {
  if (bounce_class == v1::Verdict::COMPLAINT) return 3;
  if (bounce_class == v1::Verdict::HARD) return reason == v1::MAILBOX_FULL ? 2 : 3;
  return bounce_class == v1::Verdict::SOFT ? 1 : 0;
}

bool SaysNothing(const v1::Verdict& verdict) {
  return verdict.bounce_class() == v1::Verdict::SOFT && verdict.reason() == v1::UNDETERMINED;
}

bool IsTransient(const v1::Verdict& verdict) {
  return verdict.code() / 100 == 4 || absl::StartsWith(verdict.enhanced_code(), "4.");
}

// What the row says, with the codes of the reply.
v1::Verdict ByProvider(absl::string_view provider, const ProviderTyping& typing, const v1::SmtpReply& reply) {
  v1::Verdict verdict;
  verdict.set_bounce_class(typing.bounce_class);
  verdict.set_reason(typing.reason);
  verdict.set_rule_id(absl::StrCat("provider.", provider, ".", typing.rule));
  verdict.set_rule_set_version(kProviderRulesVersion);
  verdict.set_code(reply.code());
  verdict.set_enhanced_code(reply.enhanced_code());
  return verdict;
}

}  // namespace

const ProviderTyping& FindTyping(absl::Span<const ProviderTyping> table,
                                 std::initializer_list<absl::string_view> sayings) {
  for (const absl::string_view saying : sayings) {
    const auto row = std::find_if(table.begin(), table.end(), [&](const ProviderTyping& typing) {
      return absl::EqualsIgnoreCase(typing.says, saying);
    });
    if (row != table.end()) return *row;
  }
  return table.front();
}

v1::Verdict DecideProviderVerdict(absl::string_view provider, const ProviderTyping& typing, const v1::SmtpReply& reply,
                                  const Classifier& classifier) {
  v1::Verdict by_provider = ByProvider(provider, typing, reply);
  const bool silent = reply.text().empty() && reply.code() == 0 && reply.enhanced_code().empty();
  if (silent) return by_provider;

  v1::Verdict by_text = classifier.Classify(reply);
  // Whatever the provider takes it for, it is what we said ourselves.
  if (by_text.rule_id() == kRefusalRule) return by_text;
  if (typing.worst == kTextNotAsked) return by_provider;
  by_provider.set_code(by_text.code());
  by_provider.set_enhanced_code(by_text.enhanced_code());
  by_provider.set_stage(by_text.stage());
  by_provider.set_conflict(by_text.conflict());
  if (SaysNothing(by_text)) {
    if (by_provider.bounce_class() != v1::Verdict::HARD || !IsTransient(by_text)) return by_provider;
    by_provider.set_bounce_class(v1::Verdict::SOFT);
    by_provider.set_conflict(true);
    return by_provider;
  }
  const int severity = Severity(by_text.bounce_class(), by_text.reason());
  if (severity > Severity(typing.worst, v1::BOUNCE_REASON_UNSPECIFIED)) {
    if (typing.worst == v1::Verdict::SOFT) {
      by_text.set_bounce_class(v1::Verdict::SOFT);
      by_text.set_conflict(true);
      return by_text;
    }
    by_provider.set_conflict(true);
    return by_provider;
  }
  if (severity < Severity(typing.bounce_class, typing.reason)) by_text.set_conflict(true);
  return by_text;
}

}  // namespace suppressd
