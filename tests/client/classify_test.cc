#include <filesystem>
#include <fstream>

#include "absl/strings/str_replace.h"
#include "client/suppressctl/classify_input.h"
#include "suppressctl_fixture.h"
#include "tests/testing/temp_directory.h"

namespace suppressd::suppressctl {
namespace {

using ::testing::HasSubstr;

constexpr char kMail[] =
    "From: MAILER-DAEMON@example.org\nSubject: failure notice\n\n<jo@example.com>: 550 5.1.1 user unknown\n";

class ClassifyTest : public SuppressctlTest {
 protected:
  std::string Write(const std::string& name, const std::string& content) {
    const std::filesystem::path path = std::filesystem::path(directory_.path()) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
    return path.string();
  }

  TempDirectory directory_;
};

TEST_F(ClassifyTest, AReplyOnStandardInputNeedsNoServer) {
  EXPECT_EQ(RunBare({"-o", "tsv", "classify"}, "452 4.2.2 mailbox full"), kDone);
  EXPECT_EQ(out_, "file\trecipient\tclass\treason\tsuppress\n-\t\tSOFT\tMAILBOX_FULL\tno\n");
}

TEST_F(ClassifyTest, AMailOnStandardInputIsAMail) {
  EXPECT_EQ(RunBare({"-o", "tsv", "classify", "-"}, kMail), kDone);
  EXPECT_THAT(out_, HasSubstr("-\tjo@example.com\tHARD\tADDRESS_NOT_FOUND\tyes\n"));
}

TEST_F(ClassifyTest, FilesAreNamedRelativeToTheirDirectory) {
  const std::string file = Write("in/a.eml", kMail);
  Write("in/deeper/b.eml", kMail);
  EXPECT_EQ(RunBare({"-o", "tsv", "classify", file}), kDone);
  EXPECT_THAT(out_, HasSubstr("\na.eml\t"));
  EXPECT_EQ(RunBare({"-o", "tsv", "classify", std::filesystem::path(file).parent_path().string()}), kDone);
  EXPECT_THAT(out_, HasSubstr("\na.eml\t"));
  EXPECT_THAT(out_, HasSubstr("\ndeeper/b.eml\t"));
}

TEST_F(ClassifyTest, AnMboxIsManyMails) {
  const std::string mbox = Write("box", "From x Tue Nov  3 10:00:00 2026\n" + std::string(kMail) +
                                            "\nFrom y Tue Nov  3 10:00:01 2026\nSubject: lunch\n\nFrom me: at noon\n");
  EXPECT_EQ(RunBare({"-o", "tsv", "classify", mbox}), kDone);
  EXPECT_THAT(out_, HasSubstr("\nbox\tjo@example.com\tHARD"));
  EXPECT_THAT(out_, HasSubstr("\nbox#2\t\tNOT_A_BOUNCE\t-\tno"));
}

TEST_F(ClassifyTest, WhatCannotBeReadIsNamedAndTheRestGoesOn) {
  const std::string good = Write("good.eml", kMail);
  const std::string empty = Write("empty.eml", "");
  EXPECT_EQ(RunBare({"-o", "tsv", "classify", directory_.path() + "/none.eml", empty, good}), kFailed);
  EXPECT_THAT(err_, HasSubstr("none.eml"));
  EXPECT_THAT(err_, HasSubstr("empty.eml"));
  EXPECT_THAT(out_, HasSubstr("good.eml\tjo@example.com\tHARD"));
}

TEST_F(ClassifyTest, TheTableNamesKindCodesRuleAndEvidence) {
  EXPECT_EQ(RunBare({"classify", Write("a.eml", kMail)}), kDone);
  for (const char* word : {"BOUNCE_TEXT", "550", "5.1.1", "user.unknown", "user unknown"}) {
    EXPECT_THAT(out_, HasSubstr(word));
  }
}

TEST_F(ClassifyTest, TsvIsForClassifyOnly) {
  EXPECT_EQ(Run({"-o", "tsv", "check", "jo@example.com"}), kFailed);
  EXPECT_THAT(err_, HasSubstr("tsv"));
}

TEST_F(ClassifyTest, RulesOfOnesOwnDecideToo) {
  const std::string rules = Write("own.yaml",
                                  "override:\n  - id: own.rule\n    match: ['user unknown']\n    class: SENDER_SIDE\n"
                                  "    source: a test\n    examples: ['550 user unknown']\n");
  EXPECT_EQ(RunBare({"-o", "tsv", "classify", "--rules_file", rules, Write("a.eml", kMail)}), kDone);
  EXPECT_THAT(out_, HasSubstr("\tSENDER_SIDE\t-\tno"));
  EXPECT_EQ(RunBare({"classify", "--rules_file", "/none", "x"}), kFailed);
}

TEST_F(ClassifyTest, ExplainKnowsRulesAndSaysWhenItDoesNot) {
  EXPECT_EQ(RunBare({"explain", "quota.over"}), kDone);
  EXPECT_THAT(out_, HasSubstr("MAILBOX_FULL"));
  EXPECT_EQ(RunBare({"explain"}), kDone);
  EXPECT_THAT(out_, HasSubstr("user.unknown"));
  EXPECT_EQ(RunBare({"explain", "quota.none"}), kFailed);
  EXPECT_THAT(err_, HasSubstr("quota."));
}

TEST_F(ClassifyTest, ALongMailIsCut) {
  std::vector<ClassifyInput> inputs;
  std::istringstream in(std::string(kMail) + std::string(3 << 20, 'x'));
  ReadStream("big", in, [&](ClassifyInput input) { inputs.push_back(std::move(input)); });
  ASSERT_EQ(inputs.size(), 1);
  EXPECT_TRUE(inputs[0].truncated);
  EXPECT_LE(inputs[0].content.size(), 1u << 20);
}

std::vector<std::string> Mails(const std::string& content) {
  std::vector<std::string> mails;
  std::istringstream in(content);
  ReadStream("box", in, [&](const ClassifyInput& input) { mails.push_back(input.content); });
  return mails;
}

TEST_F(ClassifyTest, AnMboxIsOneWhateverItsLineEndsAndHead) {
  const std::string first = "From a Tue Nov  3 10:00:00 2026\nSubject: one\n\ntext\n";
  const std::string second = "From b Tue, 3 Nov 2026 10:00 +0100\nSubject: two\n\ntext\n";
  for (const char* head : {"", "\n\n", "\xEF\xBB\xBF", "\xEF\xBB\xBF \n\n"}) {
    for (const char* between : {"\n", ""}) {
      for (const char* end : {"\n", "\r\n", "\r"}) {
        const std::string box = absl::StrReplaceAll(head + first + between + second, {{"\n", end}});
        const std::vector<std::string> mails = Mails(box);
        ASSERT_EQ(mails.size(), 2u) << box;
        EXPECT_THAT(mails[0], ::testing::StartsWith("From a "));
        EXPECT_THAT(mails[1], ::testing::StartsWith("From b "));
      }
    }
  }
}

TEST_F(ClassifyTest, ASentenceBeginsNoMail) {
  for (const char* sentence : {"From 10:00 on we are closed", "From May 2026 on", "From me: at noon", "From here"}) {
    EXPECT_EQ(Mails(std::string("From a Tue Nov  3 10:00:00 2026\nSubject: one\n\ntext\n") + sentence + "\n").size(),
              1u)
        << sentence;
  }
  EXPECT_EQ(Mails("Subject: one\n\nFrom b Tue Nov  3 10:00:00 2026\n").size(), 1u);
}

TEST_F(ClassifyTest, AMailBehindAByteOrderMarkIsAMail) {
  EXPECT_TRUE(LooksLikeMail("\xEF\xBB\xBF\r\nSubject: x"));
  EXPECT_FALSE(
      LooksLikeMail("\xEF\xBB\xBF"
                    "550 user unknown: really"));
}

TEST_F(ClassifyTest, ARecipientThatIsNoAddressIsNotSuppressed) {
  const std::string mail =
      "From: MAILER-DAEMON@example.org\nContent-Type: multipart/report; report-type=delivery-status; "
      "boundary=b\n\n--b\n"
      "Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822; jo@example.com\nAction: failed\nStatus: "
      "5.1.1\n\n"
      "Final-Recipient: rfc822; ann smith\nAction: failed\nStatus: 5.1.1\n--b--\n";
  EXPECT_EQ(RunBare({"-o", "tsv", "classify", "-"}, mail), kDone);
  EXPECT_THAT(out_, HasSubstr("-\tjo@example.com\tHARD\tADDRESS_NOT_FOUND\tyes\n"));
  EXPECT_THAT(out_, HasSubstr("-\tann smith\tHARD\tADDRESS_NOT_FOUND\tno\n"));
}

}  // namespace
}  // namespace suppressd::suppressctl
