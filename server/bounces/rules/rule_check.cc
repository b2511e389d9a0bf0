#include "server/bounces/rules/rule_check.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace suppressd {
namespace {

std::string Describe(v1::Verdict::Class bounce_class, v1::BounceReason reason) {
  const std::string name = v1::Verdict::Class_Name(bounce_class);
  return reason == v1::BOUNCE_REASON_UNSPECIFIED ? name : absl::StrCat(name, " ", v1::BounceReason_Name(reason));
}

// What is wrong with an example, given the verdict on it; empty: nothing.
std::string Problem(const Rule& rule, const RuleExample& example, const v1::Verdict& verdict) {
  const bool won = verdict.rule_id() == rule.id;
  if (!example.wins) return won ? absl::StrCat("not_example is taken by rule ", rule.id) : "";
  if (!won) return absl::StrCat("example of rule ", rule.id, " is taken by rule ", verdict.rule_id(), " instead");
  if (verdict.bounce_class() == example.bounce_class && verdict.reason() == example.reason) return "";
  return absl::StrCat("example of rule ", rule.id, " is ", Describe(verdict.bounce_class(), verdict.reason()), ", not ",
                      Describe(example.bounce_class, example.reason));
}

}  // namespace

std::vector<std::string> FindRuleProblems(const RuleSet& set, int file,
                                          const std::function<v1::Verdict(const v1::SmtpReply&)>& classify) {
  std::vector<std::string> problems;
  for (const Rule& rule : set.rules) {
    if (rule.place.file != file) continue;
    const auto wins = [](const RuleExample& example) { return example.wins; };
    if (std::none_of(rule.examples.begin(), rule.examples.end(), wins)) {
      problems.push_back(At(set, rule.place, absl::StrCat("rule ", rule.id, " has no example")));
    }
    for (const RuleExample& example : rule.examples) {
      const std::string problem = Problem(rule, example, classify(example.reply));
      if (!problem.empty()) problems.push_back(At(set, example.place, problem));
    }
  }
  return problems;
}

}  // namespace suppressd
