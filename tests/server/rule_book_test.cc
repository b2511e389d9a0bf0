#include "server/rule_book.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/testing/temp_directory.h"

namespace suppression {
namespace {

v1::Verdict FullMailbox() {
  v1::Verdict verdict;
  verdict.set_bounce_class(v1::Verdict::HARD);
  verdict.set_reason(v1::MAILBOX_FULL);
  return verdict;
}

TEST(RuleBookTest, ReloadTakesTheNewPolicyAndKeepsTheOldOneWhenItIsWrong) {
  TempDirectory directory;
  const std::string path = directory / "policy.yaml";
  const auto write = [&](const std::string& days) {
    std::ofstream(path) << "default:\n  hard:\n    MAILBOX_FULL: {action: suppress, expires_after_days: " << days
                        << "}\n";
  };
  write("10");
  auto book = RuleBook::Open(path);
  ASSERT_TRUE(book.ok()) << book.status();
  EXPECT_EQ((*book)->policy()->Decide("default", FullMailbox()).expires_after_days(), 10);
  write("20");
  EXPECT_TRUE((*book)->Reload().ok());
  EXPECT_EQ((*book)->policy()->Decide("default", FullMailbox()).expires_after_days(), 20);
  write("minus one");
  const absl::Status refused = (*book)->Reload();
  EXPECT_THAT(std::string(refused.message()), ::testing::HasSubstr(path + ":3"));
  EXPECT_EQ((*book)->policy()->Decide("default", FullMailbox()).expires_after_days(), 20);
}

TEST(RuleBookTest, MissingAndOversizedFilesAreRefused) {
  TempDirectory directory;
  EXPECT_FALSE(RuleBook::Open(directory / "none.yaml").ok());
  std::ofstream(directory / "huge.yaml") << std::string((1 << 20) + 1, '#');
  EXPECT_THAT(std::string(RuleBook::Open(directory / "huge.yaml").status().message()),
              ::testing::HasSubstr("larger than 1 MiB"));
}

}  // namespace
}  // namespace suppression
