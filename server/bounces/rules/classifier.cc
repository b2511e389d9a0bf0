#include "server/bounces/rules/classifier.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/error.h"
#include "server/bounces/rules/builtin_rules.h"
#include "server/bounces/rules/code_rules.h"
#include "server/bounces/rules/fnv.h"
#include "server/bounces/rules/reply_text.h"
#include "server/bounces/rules/rule_check.h"
#include "server/bounces/rules/rule_file.h"
#include "server/bounces/rules/rule_matcher.h"

namespace suppressd {
namespace {

constexpr size_t kEvidenceMaxBytes = 256;
constexpr size_t kVersionNameMaxBytes = 64;

// What names a file in a version: "/etc/rules.yaml" is "rules". Versions stand in every verdict, so they are short and
// plain ASCII.
std::string VersionOf(absl::string_view name, absl::string_view yaml) {
  name = name.substr(name.rfind('/') + 1);
  name = name.substr(0, std::min({name.find_last_of('.'), name.size(), kVersionNameMaxBytes}));
  std::string stem(name);
  for (char& c : stem) {
    if (!absl::ascii_isalnum(c) && c != '-' && c != '.') c = '_';
  }
  return absl::StrFormat("%s-%016x", stem, Fnv1a(yaml));
}

// One reply as the rules see it.
struct Subject {
  ReplyText reply;
  RuleMatches matches;
  v1::SmtpReply::Stage stage = v1::SmtpReply::STAGE_UNSPECIFIED;
};

struct Outcome {
  v1::Verdict::Class bounce_class = v1::Verdict::SOFT;
  v1::BounceReason reason = v1::UNDETERMINED;
  // The rule's HARD was softened because of a 4xx code.
  bool softened = false;
};

bool HasEnhancedCode(const std::vector<EnhancedCodeRange>& ranges, const ReplyText& reply) {
  for (const EnhancedCodeRange& range : ranges) {
    if (InRange(reply.enhanced_code, range)) return true;
    if (!reply.other_enhanced_code.empty() && InRange(reply.other_enhanced_code, range)) return true;
  }
  return false;
}

bool HasCode(const std::vector<std::string>& codes, int code) {
  for (const std::string& pattern : codes) {
    if (MatchesCode(code, pattern)) return true;
  }
  return false;
}

bool Applies(const Rule& rule, uint8_t matched, const Subject& subject) {
  if (!rule.match.empty() && (matched & RuleMatches::kMatch) == 0) return false;
  if ((matched & RuleMatches::kUnless) != 0) return false;
  if (rule.families != 0 && (rule.families & subject.matches.families) == 0) return false;
  if (rule.stages != 0 && (rule.stages & (1u << subject.stage)) == 0) return false;
  if (!rule.codes.empty() && !HasCode(rule.codes, subject.reply.code)) return false;
  return rule.enhanced_codes.empty() || HasEnhancedCode(rule.enhanced_codes, subject.reply);
}

Outcome OutcomeOf(const Rule& rule, Permanence permanence) {
  Outcome outcome;
  outcome.bounce_class = rule.bounce_class;
  outcome.reason = rule.reason;
  if (rule.bounce_class != v1::Verdict::HARD) return outcome;
  outcome.softened = permanence == Permanence::kTransient && !rule.decisive;
  const bool unproven = rule.needs_permanent_code && permanence != Permanence::kPermanent;
  if (outcome.softened || unproven) outcome.bounce_class = v1::Verdict::SOFT;
  return outcome;
}

// How much harm a wrong verdict does. A full mailbox is suppressed for a while only.
int Severity(const Outcome& outcome) {
  switch (outcome.bounce_class) {
    case v1::Verdict::HARD:
      return outcome.reason == v1::MAILBOX_FULL ? 2 : 3;
    case v1::Verdict::SOFT:
      return 1;
    default:
      return 0;
  }
}

}  // namespace

struct Classifier::Rules {
  RuleSet set;
  std::unique_ptr<const RuleMatcher> matcher;
  std::string version;
  int64_t matcher_bytes_max = 0;

  // The first rule from `begin` on, up to `last_layer`, that applies; null: none.
  const Rule* Find(const Subject& subject, size_t begin, RuleLayer last_layer) const {
    const std::vector<Rule>& rules = set.rules;
    for (size_t i = begin; i < rules.size() && rules[i].layer <= last_layer; ++i) {
      if (Applies(rules[i], subject.matches.rules[i], subject)) return &rules[i];
    }
    return nullptr;
  }
  const Rule* FindInLayer(const Subject& subject, RuleLayer layer) const {
    size_t begin = 0;
    while (begin < set.rules.size() && set.rules[begin].layer < layer) ++begin;
    return Find(subject, begin, layer);
  }

  // The part of the text that the rule matched.
  std::string Evidence(const Subject& subject, const Rule& rule) const {
    const std::string& masked = subject.reply.masked_text;
    const absl::string_view part = matcher->Evidence(&rule - set.rules.data(), subject.matches, masked);
    if (part.empty()) return "";
    // A masked address may have been cut within a character.
    const absl::string_view text = subject.reply.text;
    const auto cuts = [&](size_t at) { return at < text.size() && (static_cast<uint8_t>(text[at]) & 0xC0) == 0x80; };
    size_t begin = part.data() - masked.data();
    size_t end = begin + part.size();
    while (cuts(begin)) --begin;
    while (cuts(end)) ++end;
    return std::string(Utf8Prefix(text.substr(begin, end - begin), kEvidenceMaxBytes));
  }

  void Decide(const Subject& subject, v1::Verdict* verdict) const;
};

// Takes the first rule that applies. Where an unambiguous enhanced code contradicts a text, the less severe one wins;
// rules about one provider know that provider's codes and are not contradicted.
void Classifier::Rules::Decide(const Subject& subject, v1::Verdict* verdict) const {
  const Rule* rule = Find(subject, 0, RuleLayer::kFallback);
  Outcome outcome;
  if (rule != nullptr) {
    outcome = OutcomeOf(*rule, subject.reply.permanence);
    bool conflict = outcome.softened;
    const Rule* by_code = nullptr;
    if (rule->layer == RuleLayer::kSender || rule->layer == RuleLayer::kRecipient) {
      by_code = FindInLayer(subject, RuleLayer::kEnhanced);
    }
    if (by_code != nullptr) {
      const Outcome other = OutcomeOf(*by_code, subject.reply.permanence);
      conflict |= other.bounce_class != outcome.bounce_class || other.reason != outcome.reason;
      if (Severity(other) < Severity(outcome)) {
        rule = by_code;
        outcome = other;
      }
    }
    verdict->set_conflict(conflict || subject.reply.codes_disagree);
    verdict->set_evidence(Evidence(subject, *rule));
  }
  verdict->set_rule_id(rule != nullptr ? rule->id : kUnmatchedRule);
  verdict->set_bounce_class(outcome.bounce_class);
  verdict->set_reason(outcome.reason);
}

Classifier::Classifier(std::unique_ptr<const Rules> rules) : rules_(std::move(rules)) {}
Classifier::~Classifier() = default;

absl::StatusOr<std::unique_ptr<const Classifier>> Classifier::BuiltIn() {
  return FromYaml("builtin", BuiltInRulesYaml());
}

absl::StatusOr<std::unique_ptr<const Classifier>> Classifier::FromYaml(absl::string_view name, absl::string_view yaml,
                                                                       int64_t matcher_bytes_max) {
  absl::StatusOr<RuleSet> set = ReadRuleFile(name, yaml);
  if (!set.ok()) return set.status();
  return Make(*std::move(set), VersionOf(name, yaml), matcher_bytes_max);
}

absl::StatusOr<std::unique_ptr<const Classifier>> Classifier::WithUserRules(absl::string_view name,
                                                                            absl::string_view yaml) const {
  absl::StatusOr<RuleSet> set = ReadRuleFile(name, yaml, &rules_->set);
  if (!set.ok()) return set.status();
  absl::StatusOr<std::unique_ptr<const Classifier>> both =
      Make(*std::move(set), absl::StrCat(rules_->version, "+", VersionOf(name, yaml)), rules_->matcher_bytes_max);
  if (!both.ok()) return both;
  const RuleSet& merged = (*both)->rules();
  const std::vector<std::string> problems =
      FindRuleProblems(merged, static_cast<int>(merged.file_names.size()) - 1,
                       [&](const v1::SmtpReply& reply) { return (*both)->Classify(reply); });
  if (problems.empty()) {
    v1::SmtpReply refused;
    refused.set_text(absl::StrCat("550 5.7.1 ", (*both)->RefusalText(v1::Cause())));
    const bool known = rules_->set.refusal == merged.refusal || (*both)->Classify(refused).rule_id() == kRefusalRule;
    if (known) return both;
    return InvalidArgument(v1::INVALID_FIELD, absl::StrCat(name, ": the text of refusal is not recognised"));
  }
  std::string what = problems.front();
  if (problems.size() > 1) absl::StrAppend(&what, " (and ", problems.size() - 1, " more like this)");
  return InvalidArgument(v1::INVALID_FIELD, what);
}

absl::StatusOr<std::unique_ptr<const Classifier>> Classifier::Make(RuleSet set, std::string version,
                                                                   int64_t bytes_max) {
  auto rules = std::make_unique<Rules>();
  absl::StatusOr<std::unique_ptr<const RuleMatcher>> matcher = RuleMatcher::Compile(set, bytes_max);
  if (!matcher.ok()) return matcher.status();
  rules->matcher = *std::move(matcher);
  rules->set = std::move(set);
  rules->version = std::move(version);
  rules->matcher_bytes_max = bytes_max;
  std::unique_ptr<const Classifier> classifier(new Classifier(std::move(rules)));
  // The automaton is built while it reads: let the first replies find it warm.
  for (const Rule& rule : classifier->rules().rules) {
    for (const RuleExample& example : rule.examples) classifier->Classify(example.reply);
  }
  return classifier;
}

const std::string& Classifier::version() const {
  return rules_->version;
}

std::string Classifier::RefusalText(const v1::Cause& cause) const {
  return suppressd::RefusalText(rules_->set.refusal, cause);
}

const RuleSet& Classifier::rules() const {
  return rules_->set;
}

const Rule* Classifier::FindRule(absl::string_view id) const {
  for (const Rule& rule : rules_->set.rules) {
    if (rule.id == id) return &rule;
  }
  return nullptr;
}

v1::Verdict Classifier::Classify(const v1::SmtpReply& reply) const {
  v1::Verdict verdict;
  verdict.set_rule_set_version(rules_->version);
  Subject subject;
  subject.reply = ReadReply(reply);
  verdict.set_code(subject.reply.code);
  verdict.set_enhanced_code(subject.reply.enhanced_code);
  const bool matched = rules_->matcher->Match(subject.reply.masked_text, reply.remote_mta(), &subject.matches);
  const bool given = v1::SmtpReply::Stage_IsValid(reply.stage()) && reply.stage() != v1::SmtpReply::STAGE_UNSPECIFIED;
  subject.stage = given ? reply.stage() : subject.matches.stage;
  verdict.set_stage(subject.stage);

  const bool success = subject.reply.code / 100 == 2 || subject.reply.code / 100 == 3 ||
                       (subject.reply.code == 0 && absl::StartsWith(subject.reply.enhanced_code, "2."));
  if (success) {
    verdict.set_bounce_class(v1::Verdict::NOT_A_BOUNCE);
    verdict.set_rule_id(kSuccessRule);
  } else if (!matched) {
    verdict.set_bounce_class(v1::Verdict::SOFT);
    verdict.set_reason(v1::UNDETERMINED);
    verdict.set_rule_id(kOutOfMemoryRule);
  } else {
    rules_->Decide(subject, &verdict);
  }
  return verdict;
}

}  // namespace suppressd
