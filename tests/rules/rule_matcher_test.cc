// The automaton's memory: what happens when it runs out.
#include "server/bounces/rules/rule_matcher.h"

#include <gtest/gtest.h>

#include "server/bounces/rules/builtin_rules.h"
#include "server/bounces/rules/classifier.h"
#include "server/bounces/rules/code_rules.h"
#include "server/bounces/rules/rule_file.h"

namespace suppressd {
namespace {

// The smallest budget, within 1 %, under which the patterns compile.
int64_t SmallestBudget(const RuleSet& set) {
  int64_t too_small = 1;
  int64_t enough = kMatcherMaxBytes;
  while (enough - too_small > enough / 100) {
    const int64_t middle = too_small + (enough - too_small) / 2;
    (RuleMatcher::Compile(set, middle).ok() ? enough : too_small) = middle;
  }
  return enough;
}

// The automaton drops its states and builds them anew: slow, but as good as any.
TEST(RuleMatcher, TheSmallestBudgetThatIsTakenGivesTheSameVerdicts) {
  const auto fed = Classifier::BuiltIn();
  ASSERT_TRUE(fed.ok()) << fed.status();
  const int64_t budget = SmallestBudget((*fed)->rules());
  EXPECT_LT(budget, kMatcherMaxBytes / 8) << "the built-in rules have little room left";
  const auto starved = Classifier::FromYaml("builtin", BuiltInRulesYaml(), budget);
  ASSERT_TRUE(starved.ok()) << starved.status();
  for (const Rule& rule : (*fed)->rules().rules) {
    for (const RuleExample& example : rule.examples) {
      const v1::Verdict verdict = (*starved)->Classify(example.reply);
      if (verdict.rule_id() == kOutOfMemoryRule) {
        EXPECT_EQ(verdict.bounce_class(), v1::Verdict::SOFT);
        EXPECT_EQ(verdict.reason(), v1::UNDETERMINED);
      } else {
        EXPECT_EQ(verdict.SerializeAsString(), (*fed)->Classify(example.reply).SerializeAsString()) << rule.id;
      }
    }
  }
}

TEST(RuleMatcher, ABudgetThatIsTooSmallIsRefusedWhenLoading) {
  const auto set = ReadRuleFile("r", "sender: [{id: a, match: 'no such user', class: SENDER_SIDE}]");
  ASSERT_TRUE(set.ok()) << set.status();
  for (const int64_t budget : {1, 100, 1'000}) {
    EXPECT_EQ(RuleMatcher::Compile(*set, budget).status().message(), "r:1: the patterns need too much memory");
  }
}

// With room to spare: a reply that visits many states does not exhaust the budget of the built-in rules.
TEST(RuleMatcher, TheBuiltInRulesStayWithinTheirBudget) {
  const auto classifier = Classifier::BuiltIn();
  ASSERT_TRUE(classifier.ok()) << classifier.status();
  std::string text = "550 ";
  for (uint32_t i = 1; text.size() < 16'000; i = i * 1'664'525 + 1'013'904'223) {
    static constexpr const char* kParts[] = {"user ", "mailbox ", "not ", "full ", "unknown ", "blocked ", "5.1.1 ",
                                             "spam ", "quota ",   "is ",  "no ",   "such ",    "account ", "; "};
    text += kParts[(i >> 16) % std::size(kParts)];
  }
  v1::SmtpReply reply;
  reply.set_text(text);
  EXPECT_NE((*classifier)->Classify(reply).rule_id(), "engine.out_of_memory");
}

}  // namespace
}  // namespace suppressd
