#include "server/bounces/rules/reply_text.h"

#include <gtest/gtest.h>

namespace suppressd {
namespace {

ReplyText Read(absl::string_view text, int code = 0, absl::string_view enhanced_code = "") {
  v1::SmtpReply reply;
  reply.set_text(std::string(text));
  reply.set_code(code);
  reply.set_enhanced_code(std::string(enhanced_code));
  return ReadReply(reply);
}

TEST(ReadReply, JoinsLinesWithAnyLineEnd) {
  for (const char* end : {"\r\n", "\n", "\r", " ", "\n\n"}) {
    const std::string text =
        std::string("550-5.1.1 The account") + end + "550-5.1.1 does not" + end + "550 5.1.1 exist";
    EXPECT_EQ(Read(text).text, "550-5.1.1 The account does not exist") << text;
  }
}

TEST(ReadReply, DropsACodeRepeatedWithoutItsEnhancedCode) {
  EXPECT_EQ(Read("550-5.1.1 No\n550 such user").text, "550-5.1.1 No such user");
  EXPECT_EQ(Read("550-a 550 b").text, "550-a b");
}

TEST(ReadReply, KeepsNumbersWithinText) {
  EXPECT_EQ(Read("550 room 550 is empty").text, "550 room 550 is empty");
}

TEST(ReadReply, CollapsesSpaceAndControls) {
  EXPECT_EQ(Read("  550\t a \xC2\xA0 b\x01"
                 "c\xE3\x80\x80 ")
                .text,
            "550 a b c");
}

TEST(ReadReply, MakesQuotesPlain) {
  EXPECT_EQ(Read("user doesn\xE2\x80\x99t").text, "user doesn't");
}

TEST(ReadReply, ReplacesInvalidUtf8) {
  EXPECT_EQ(Read("a\xFFz\xC3").text, "a?z?");
}

TEST(ReadReply, MasksAddressesByteByByte) {
  const ReplyText reply = Read("550 <user.unknown@full.example>... (a@b) no");
  EXPECT_EQ(reply.masked_text, "550 <xxxxxxxxxxxx@xxxxxxxxxxxx>... (x@x) no");
  EXPECT_EQ(Read("550 user@quota.example... no").masked_text, "550 xxxx@xxxxxxxxxxxxx... no");
}

TEST(ReadReply, FindsTheCode) {
  EXPECT_EQ(Read("550 no").code, 550);
  EXPECT_EQ(Read("550-5.1.1 no").code, 550);
  EXPECT_EQ(Read("host mx.example.com[192.0.2.1] said: 550 5.1.1 no").code, 550);
  EXPECT_EQ(Read("host 10.0.450.1 is at port 587, line 1550").code, 0);
  EXPECT_EQ(Read("250 ok").code, 250);
  EXPECT_EQ(Read("255").code, 0);
  EXPECT_EQ(Read("no", 451).code, 451);
}

TEST(ReadReply, InATranscriptTheFirstFailureDecides) {
  EXPECT_EQ(Read(">>> DATA\n<<< 503 need RCPT\n<<< 250 ok\n<<< 550 no\n<<< 451 later").code, 550);
  EXPECT_EQ(Read("<<< 503 need RCPT").code, 503);
}

TEST(ReadReply, FindsTheEnhancedCode) {
  EXPECT_EQ(Read("550 5.1.1 no").enhanced_code, "5.1.1");
  EXPECT_EQ(Read("550 #5.1.0 no").enhanced_code, "5.1.0");
  EXPECT_EQ(Read("no mailbox (#5.1.1)").enhanced_code, "5.1.1");
  EXPECT_EQ(Read("5.1.0 - other 550-'5.2.2 full'").enhanced_code, "5.2.2");
  EXPECT_EQ(Read("550 5.7.606 no").enhanced_code, "5.7.606");
  EXPECT_EQ(Read("Exim 4.94.2 at 5.6.7.8 said 550 no").enhanced_code, "");
}

TEST(ReadReply, PrefersTheGivenEnhancedCodeUnlessItIsVague) {
  EXPECT_EQ(Read("550 5.1.1 no", 0, "5.2.1").enhanced_code, "5.2.1");
  EXPECT_EQ(Read("550 5.1.1 no", 0, "5.2.1").other_enhanced_code, "5.1.1");
  EXPECT_EQ(Read("550 5.1.1 no", 0, "5.0.0").enhanced_code, "5.1.1");
  EXPECT_EQ(Read("550 no", 0, "5.0.0").enhanced_code, "5.0.0");
  EXPECT_EQ(Read("550 no", 0, "5.1.1 (comment)").enhanced_code, "5.1.1");
  EXPECT_EQ(Read("550 no", 0, "nonsense").enhanced_code, "");
}

TEST(ReadReply, AnyTransientCodeMakesTheFailureTransient) {
  EXPECT_EQ(Read("550 5.1.1 no").permanence, Permanence::kPermanent);
  EXPECT_EQ(Read("450 5.1.1 no").permanence, Permanence::kTransient);
  EXPECT_TRUE(Read("450 5.1.1 no").codes_disagree);
  EXPECT_EQ(Read("450 no", 550).permanence, Permanence::kTransient);
  EXPECT_EQ(Read("no", 0, "4.2.2").permanence, Permanence::kTransient);
  EXPECT_EQ(Read("no").permanence, Permanence::kUnknown);
}

TEST(ReadReply, CutsLongTextsBetweenCharacters) {
  std::string text(kReplyTextMaxBytes - 1, 'a');
  text += "\xC3\xBC tail";
  EXPECT_EQ(Read(text).text, std::string(kReplyTextMaxBytes - 1, 'a'));
}

}  // namespace
}  // namespace suppressd
