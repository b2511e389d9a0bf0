// Every rule of bounce_rules.yaml proves itself by its examples.
#include <gtest/gtest.h>

#include <set>

#include "server/rules/builtin_rules.h"
#include "server/rules/classifier.h"
#include "server/rules/rule_file.h"

namespace suppression {
namespace {

class BounceRules : public testing::Test {
 protected:
  void SetUp() override {
    auto file = ReadRuleFile("bounce_rules.yaml", BuiltInRulesYaml());
    ASSERT_TRUE(file.ok()) << file.status();
    file_ = *std::move(file);
    auto classifier = Classifier::BuiltIn();
    ASSERT_TRUE(classifier.ok()) << classifier.status();
    classifier_ = *std::move(classifier);
  }

  RuleFile file_;
  std::unique_ptr<const Classifier> classifier_;
};

// A rule that wins none of its examples is shadowed; one that loses some is, in part.
TEST_F(BounceRules, EveryRuleWinsItsExamples) {
  for (const RuleExample& example : file_.examples) {
    if (!example.wins) continue;
    const v1::Verdict verdict = classifier_->Classify(example.reply);
    EXPECT_EQ(verdict.rule_id(), example.rule_id) << "line " << example.line << ": " << example.reply.text();
    EXPECT_EQ(verdict.bounce_class(), example.bounce_class) << "line " << example.line << ": " << example.reply.text();
    EXPECT_EQ(verdict.reason(), example.reason) << "line " << example.line << ": " << example.reply.text();
  }
}

TEST_F(BounceRules, NoRuleWinsWhatItMustNot) {
  for (const RuleExample& example : file_.examples) {
    if (example.wins) continue;
    EXPECT_NE(classifier_->Classify(example.reply).rule_id(), example.rule_id)
        << "line " << example.line << ": " << example.reply.text();
  }
}

TEST_F(BounceRules, EveryRuleHasAnExample) {
  std::set<std::string> with_example;
  for (const RuleExample& example : file_.examples) {
    if (example.wins) with_example.insert(example.rule_id);
  }
  for (const Rule& rule : file_.rules) EXPECT_EQ(with_example.count(rule.id), 1u) << rule.id << ", line " << rule.line;
}

TEST_F(BounceRules, NoRuleIsKeyedOnAnAddress) {
  for (const Rule& rule : file_.rules) {
    for (const std::string& pattern : rule.match) EXPECT_EQ(pattern.find("@example"), std::string::npos) << rule.id;
  }
}

}  // namespace
}  // namespace suppression
