#include "server/list/rule_book.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

using ::testing::HasSubstr;

v1::Verdict FullMailbox() {
  v1::Verdict verdict;
  verdict.set_bounce_class(v1::Verdict::HARD);
  verdict.set_reason(v1::MAILBOX_FULL);
  return verdict;
}

void WritePolicy(const std::string& path, const std::string& days) {
  std::ofstream(path) << "default:\n  hard:\n    MAILBOX_FULL: {action: suppress, expires_after_days: " << days
                      << "}\n";
}

// One rule that matches a word, with an example that has another.
void WriteRules(const std::string& path, const std::string& word, const std::string& example) {
  std::ofstream(path) << "recipient:\n  - {id: mine." << word << ", match: " << word
                      << ", class: SOFT, reason: MAILBOX_FULL,\n     examples: [550 " << example << "]}\n";
}

std::string RuleOf(const RuleBook& book, const std::string& text) {
  v1::SmtpReply reply;
  reply.set_text(text);
  return book.classifier()->Classify(reply).rule_id();
}

TEST(RuleBookTest, ReloadTakesTheNewPolicyAndKeepsTheOldOneWhenItIsWrong) {
  TempDirectory directory;
  const std::string path = directory / "policy.yaml";
  WritePolicy(path, "10");
  auto book = RuleBook::Open(path);
  ASSERT_TRUE(book.ok()) << book.status();
  EXPECT_EQ((*book)->policy()->Decide("default", FullMailbox()).expires_after_days(), 10);
  WritePolicy(path, "20");
  EXPECT_TRUE((*book)->Reload().policy.ok());
  EXPECT_EQ((*book)->policy()->Decide("default", FullMailbox()).expires_after_days(), 20);
  WritePolicy(path, "minus one");
  const RuleBook::Reloaded refused = (*book)->Reload();
  EXPECT_THAT(std::string(refused.policy.message()), HasSubstr(path + ":3"));
  EXPECT_EQ((*book)->policy()->Decide("default", FullMailbox()).expires_after_days(), 20);
}

TEST(RuleBookTest, ReloadTakesTheNewRulesAndKeepsTheOldOnesWhenTheyAreWrong) {
  TempDirectory directory;
  const std::string path = directory / "rules.yaml";
  WriteRules(path, "plugh", "plugh");
  auto book = RuleBook::Open("", path);
  ASSERT_TRUE(book.ok()) << book.status();
  EXPECT_EQ(RuleOf(**book, "550 plugh"), "mine.plugh");
  const std::shared_ptr<const Classifier> held = (*book)->classifier();
  WriteRules(path, "xyzzy", "xyzzy");
  EXPECT_TRUE((*book)->Reload().rules.ok());
  EXPECT_EQ(RuleOf(**book, "550 xyzzy"), "mine.xyzzy");
  EXPECT_EQ(RuleOf(**book, "550 plugh"), "reply.unmatched");
  EXPECT_NE(held->FindRule("mine.plugh"), nullptr) << "who holds the old rules can go on using them";
  WriteRules(path, "plugh", "xyzzy");
  const RuleBook::Reloaded refused = (*book)->Reload();
  EXPECT_EQ(refused.rules.message(), path + ":3: example of rule mine.plugh is taken by rule reply.unmatched instead");
  EXPECT_TRUE(refused.policy.ok());
  EXPECT_EQ(RuleOf(**book, "550 xyzzy"), "mine.xyzzy");
}

TEST(RuleBookTest, ABrokenFileDoesNotKeepTheOtherFromBeingReloaded) {
  TempDirectory directory;
  const std::string policy = directory / "policy.yaml";
  const std::string rules = directory / "rules.yaml";
  WritePolicy(policy, "10");
  WriteRules(rules, "plugh", "plugh");
  auto book = RuleBook::Open(policy, rules);
  ASSERT_TRUE(book.ok()) << book.status();
  WritePolicy(policy, "20");
  std::ofstream(rules) << "recipient: [";
  const RuleBook::Reloaded half = (*book)->Reload();
  EXPECT_TRUE(half.policy.ok());
  EXPECT_THAT(std::string(half.rules.message()), HasSubstr(rules + ":1: "));
  EXPECT_EQ((*book)->policy()->Decide("default", FullMailbox()).expires_after_days(), 20);
  WritePolicy(policy, "minus one");
  WriteRules(rules, "xyzzy", "xyzzy");
  EXPECT_FALSE((*book)->Reload().policy.ok());
  EXPECT_EQ(RuleOf(**book, "550 xyzzy"), "mine.xyzzy");
}

TEST(RuleBookTest, MissingAndOversizedFilesAreRefused) {
  TempDirectory directory;
  EXPECT_FALSE(RuleBook::Open(directory / "none.yaml").ok());
  EXPECT_THAT(std::string(RuleBook::Open("", directory / "none.yaml").status().message()),
              HasSubstr("cannot read rules file"));
  EXPECT_FALSE(RuleBook::Open("", directory / ".").ok());
  std::ofstream(directory / "huge.yaml") << std::string((1 << 20) + 1, '#');
  EXPECT_THAT(std::string(RuleBook::Open(directory / "huge.yaml").status().message()), HasSubstr("larger than 1 MiB"));
  EXPECT_THAT(std::string(RuleBook::Open("", directory / "huge.yaml").status().message()),
              HasSubstr("larger than 1 MiB"));
}

}  // namespace
}  // namespace suppressd
