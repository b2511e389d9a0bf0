// Every rule of bounce_rules.yaml proves itself by its examples.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_join.h"
#include "server/bounces/rules/builtin_rules.h"
#include "server/bounces/rules/classifier.h"
#include "server/bounces/rules/rule_check.h"
#include "server/bounces/rules/rule_file.h"

namespace suppressd {
namespace {

class BounceRules : public testing::Test {
 protected:
  void SetUp() override {
    auto classifier = Classifier::FromYaml("bounce_rules.yaml", BuiltInRulesYaml());
    ASSERT_TRUE(classifier.ok()) << classifier.status();
    classifier_ = *std::move(classifier);
  }

  std::unique_ptr<const Classifier> classifier_;
};

// A rule that wins none of its examples is shadowed; one that loses some is, in part.
TEST_F(BounceRules, EveryRuleHasExamplesThatTurnOutAsItSays) {
  const auto problems = FindRuleProblems(classifier_->rules(), 0,
                                         [&](const v1::SmtpReply& reply) { return classifier_->Classify(reply); });
  EXPECT_TRUE(problems.empty()) << absl::StrJoin(problems, "\n");
}

TEST_F(BounceRules, EveryRuleHasASource) {
  for (const Rule& rule : classifier_->rules().rules) EXPECT_NE(rule.source, "") << rule.id;
}

TEST_F(BounceRules, NoRuleIsKeyedOnAnAddress) {
  for (const Rule& rule : classifier_->rules().rules) {
    for (const RulePattern& pattern : rule.match) {
      EXPECT_EQ(pattern.text.find("@example"), std::string::npos) << rule.id;
    }
  }
}

}  // namespace
}  // namespace suppressd
