#include "server/bounces/mail/notice_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace suppressd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Notice Read(absl::string_view text, const std::vector<std::string>& ours = {"sender@example.org"}) {
  Notice notice = SplitNotice(text);
  FindRecipients(ours, &notice);
  if (notice.recipients.empty()) notice.recipients = FindAmongOurs(notice.text, {});
  return notice;
}

std::vector<std::string> Recipients(const Notice& notice) {
  std::vector<std::string> addresses;
  for (const NoticeRecipient& one : notice.recipients) addresses.push_back(one.address);
  return addresses;
}

TEST(NoticeTextTest, EndsWhereTheReturnedMailBegins) {
  for (const char* mark :
       {"--- Below this line is a copy of the message.", "------ This is a copy of your message. ------",
        "----- Original message -----", "Received: from a by b", "   ----- Unsent message follows -----",
        "--- The header of the original message is following. ---", "Content-Type: message/rfc822"}) {
    const Notice notice = SplitNotice(std::string("Could not deliver.\n\n") + mark + "\nSubject: spam and virus\n");
    EXPECT_EQ(notice.text, "Could not deliver.\n\n") << mark;
    EXPECT_THAT(notice.returned_headers, HasSubstr(mark));
  }
}

TEST(NoticeTextTest, EachRecipientHasTheLinesBelowIt) {
  const Notice notice = Read(
      "The following addresses failed:\n\n"
      "<jo@example.com>:\n192.0.2.1 does not like recipient.\nRemote host said: 550 no such user\n\n"
      "ann@example.com: 552 mailbox full\n");
  ASSERT_THAT(Recipients(notice), ElementsAre("jo@example.com", "ann@example.com"));
  EXPECT_THAT(notice.recipients[0].text, HasSubstr("no such user"));
  EXPECT_THAT(notice.recipients[0].text, Not(HasSubstr("mailbox full")));
  EXPECT_THAT(notice.recipients[1].text, HasSubstr("mailbox full"));
}

TEST(NoticeTextTest, RecipientsInARowShareTheLinesBelow) {
  const Notice notice = Read("These failed:\n  jo@example.com\n  ann@example.com\n\nReason: 550 user unknown\n");
  ASSERT_EQ(notice.recipients.size(), 2);
  EXPECT_THAT(notice.recipients[0].text, HasSubstr("user unknown"));
  EXPECT_THAT(notice.recipients[1].text, HasSubstr("user unknown"));
}

TEST(NoticeTextTest, WholeDomainsStayWhole) {
  EXPECT_THAT(Recipients(Read("jo@example.co.uk Invalid Address, 550 no such user\n")),
              ElementsAre("jo@example.co.uk"));
}

TEST(NoticeTextTest, RunningTextBlamesARecipient) {
  EXPECT_THAT(Recipients(Read("Your message could not be delivered to jo@example.com because the box is full.\n")),
              ElementsAre("jo@example.com"));
  EXPECT_THAT(Recipients(Read("The server said: 550 5.1.1 <jo@example.com>... User unknown\n")),
              ElementsAre("jo@example.com"));
}

TEST(NoticeTextTest, PeopleToAskAreNoRecipients) {
  EXPECT_THAT(Recipients(Read("Delivery to jo@example.com failed.\nFor assistance, please contact "
                              "helpdesk@example.com.\nIf you feel this is wrong, write to admin@example.com\n")),
              ElementsAre("jo@example.com"));
}

TEST(NoticeTextTest, ThoseTheMailWentToAreBlamedOnlyByName) {
  EXPECT_THAT(Recipients(Read("Dear sender@example.org,\nno luck with jo@example.com\n")),
              ElementsAre("jo@example.com"));
  EXPECT_THAT(Recipients(Read("<sender@example.org>:\ndoes not like recipient\n")), ElementsAre("sender@example.org"));
}

TEST(NoticeTextTest, QuotesAReplyWithItsFurtherLines) {
  EXPECT_EQ(QuotedReply("host mx.example.com said:\n 550-5.1.1 no such\n 550 5.1.1 user\n\nGiving up."),
            "550-5.1.1 no such\n550 5.1.1 user");
  EXPECT_EQ(QuotedReply("nothing of the kind, 2550 days"), "");
}

TEST(NoticeTextTest, NamesTheHostThatReplied) {
  EXPECT_EQ(QuotedHost("host mx1.example.com[192.0.2.1] said: 550 no"), "mx1.example.com");
  EXPECT_EQ(QuotedHost("no host here"), "");
}

TEST(NoticeTextTest, EchoedHeadersAreTakenOut) {
  EXPECT_EQ(WithoutNoise("Your message\n  Subject: account suspended\n  To: x@y\nfailed"), "Your message\nfailed");
}

TEST(NoticeTextTest, AnApostropheWithinAnAddressIsPartOfIt) {
  for (const char* text : {"<o'brien@example.com>: 550 no such user\n", "550 5.1.1 o'brien@example.com unknown\n",
                           "Delivery to 'o'brien@example.com' failed\n",
                           "Failed: delivery to \"o'brien@example.com\".\n", "o'brien@example.com\n  no such user\n"}) {
    EXPECT_THAT(Recipients(Read(text)), ElementsAre("o'brien@example.com")) << text;
  }
  EXPECT_THAT(Recipients(Read("Delivery to 'jo@example.com' failed\n")), ElementsAre("jo@example.com"));
  EXPECT_THAT(Recipients(Read("Delivery to user'jo@example.com' failed\n")), ElementsAre());
}

TEST(NoticeTextTest, BracketsHoldAnyMailbox) {
  for (const char* address :
       {"m\xC3\xBCller@example.com", "a{b}|c@example.com", "\"john doe\"@example.com", "jo@m\xC3\xBCller.example"}) {
    EXPECT_THAT(Recipients(Read(std::string("<") + address + ">: 550 no such user\n")), ElementsAre(address));
    EXPECT_THAT(Recipients(Read(std::string("It could not be delivered to <") + address + ">, sorry\n")),
                ElementsAre(address));
  }
}

TEST(NoticeTextTest, WhoWasMailedIsBlamedNotWhereItWasForwarded) {
  for (const char* text :
       {"These failed:\n\n  bob@new.example\n    (generated from jo@example.com)\n    550 no such user\n",
        "<bob@new.example> (expanded from <jo@example.com>): host mx.new.example said: 550 no such user\n",
        "<bob@new.example>\n    (reason: 550 no such user)\n    (expanded from: <jo@example.com>)\n",
        "<bob@new.example> (originally to jo@example.com): 550 no such user\n",
        "Mail for jo@example.com was forwarded to bob@new.example, which said 550 no such user\n",
        "<bob@new.example> (expanded from <staff@example.com>): 550 no\n  (expanded from <staff@example.com>)\n\n"
        "x <staff@example.com> (expanded from <jo@example.com>)\n"}) {
    EXPECT_THAT(Recipients(Read(text)), ElementsAre("jo@example.com")) << text;
  }
}

TEST(NoticeTextTest, AnAliasWithoutDomainIsNobody) {
  EXPECT_THAT(Recipients(Read("<bob@new.example> (expanded from <root>): 550 no such user\n")),
              ElementsAre("bob@new.example"));
}

TEST(NoticeTextTest, WhatIsSaidOfOneIsBounded) {
  std::string line = "550 user jo@example.com unknown";
  for (int i = 0; i < 10'000; ++i) line += ", \xC3\xB6";
  const Notice notice = Read(line);
  ASSERT_THAT(Recipients(notice), ElementsAre("jo@example.com"));
  EXPECT_LE(notice.recipients[0].text.size(), 4'000u);
  EXPECT_THAT(notice.recipients[0].text, HasSubstr("jo@example.com unknown"));
}

TEST(NoticeTextTest, SaysWhenThereAreMoreThanItLooksAt) {
  std::string many;
  for (int i = 0; i < 1'001; ++i) many += "<u" + std::to_string(i) + "@example.com>: 550 no such user\n";
  EXPECT_TRUE(Read(many).truncated);
  EXPECT_FALSE(Read("<jo@example.com>: 550 no such user\n").truncated);
}

}  // namespace
}  // namespace suppressd
