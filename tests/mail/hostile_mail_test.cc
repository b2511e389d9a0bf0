// Mails that nobody should send: an answer in bounded time and memory, whatever comes.
#include <gtest/gtest.h>

#include "common/error.h"
#include "server/bounces/mail/bounce_mail.h"
#include "server/bounces/mail/delivery_status.h"
#include "server/bounces/mail/mime_mail.h"
#include "tests/mail/mails.h"

namespace suppressd {
namespace {

const Classifier& BuiltIn() {
  static const Classifier* const kClassifier = Classifier::BuiltIn()->release();
  return *kClassifier;
}

absl::StatusOr<MailReport> Read(const std::string& content) {
  v1::RawMessage message;
  message.set_content(content);
  return ReadBounceMail(message, BuiltIn());
}

std::string Nested(int levels) {
  std::string mail = "From: MAILER-DAEMON@example.org\nSubject: failure notice\n";
  for (int i = 0; i < levels; ++i) {
    const std::string boundary = "b" + std::to_string(i);
    mail += "Content-Type: multipart/mixed; boundary=" + boundary + "\n\n--" + boundary + "\n";
  }
  return mail + "\n<jo@example.com>: 550 5.1.1 user unknown\n";
}

TEST(HostileMailTest, DeepNestingIsCutOff) {
  for (const int levels : {kMailDepthMax - 1, 100, 2'000, 10'000}) {
    const absl::StatusOr<MailReport> report = Read(Nested(levels));
    EXPECT_TRUE(report.ok()) << levels;
  }
}

TEST(HostileMailTest, AttachedMailsWithinAttachedMailsAreCutOff) {
  std::string mail = "From: MAILER-DAEMON@example.org\nSubject: failure notice\n";
  for (int i = 0; i < 5'000; ++i) mail += "Content-Type: message/rfc822\n\n";
  EXPECT_TRUE(Read(mail + "x\n").ok());
}

TEST(HostileMailTest, TenThousandPartsAreCutOff) {
  std::string mail = "From: MAILER-DAEMON@example.org\nContent-Type: multipart/mixed; boundary=b\n\n";
  for (int i = 0; i < 10'000; ++i) mail += "--b\n\nu" + std::to_string(i) + "@example.com\n";
  const absl::StatusOr<MailReport> report = Read(mail + "--b--\n");
  ASSERT_TRUE(report.ok());
  EXPECT_LE(report->recipients.size(), kMailPartsMax);
}

TEST(HostileMailTest, FiftyMegabytesAreReadUpToTheLimit) {
  const absl::StatusOr<MailReport> report =
      Read(TextBounce("<jo@example.com>: 550 5.1.1 user unknown\n\n--- Below this line is a copy of the message.\n") +
           std::string(50 << 20, 'x'));
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->truncated);
  ASSERT_EQ(report->recipients.size(), 1);
  EXPECT_EQ(report->recipients[0].event.verdict().bounce_class(), v1::Verdict::HARD);
}

TEST(HostileMailTest, ABoundaryThatNeverComesLosesNothing) {
  const absl::StatusOr<MailReport> report = Read(
      "From: MAILER-DAEMON@example.org\nSubject: failure notice\nContent-Type: multipart/report; boundary=never\n\n"
      "<jo@example.com>: 550 5.1.1 user unknown\n");
  ASSERT_TRUE(report.ok());
  ASSERT_EQ(report->recipients.size(), 1);
  EXPECT_EQ(report->recipients[0].recipient, "jo@example.com");
}

TEST(HostileMailTest, BytesOfEveryKindGiveAnAnswer) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  std::string binary;
  for (int i = 0; i < 2'000; ++i) binary += all;
  for (const std::string& content : {all, binary, std::string(1 << 20, '\0'), std::string(1 << 20, '\n'),
                                     std::string(1 << 20, ':'), std::string(1 << 20, '\r'), std::string(1 << 20, '@'),
                                     "\xff\xfe" + all, "Subject: =?utf-8?b?////?=\n\n" + all}) {
    const absl::StatusOr<MailReport> report = Read(content);
    if (!report.ok()) {
      EXPECT_EQ(ReasonOf(report.status()), v1::NOT_A_MESSAGE);
      continue;
    }
    for (const ReportedRecipient& one : report->recipients) {
      EXPECT_NE(one.event.verdict().bounce_class(), v1::Verdict::HARD);
    }
  }
}

TEST(HostileMailTest, NulsAndLyingLengthsAndBadBase64AreRead) {
  std::string nul = TextBounce("<jo@example.com>: 550 5.1.1 user unknown\n");
  nul.insert(nul.find("550"), 1, '\0');
  EXPECT_EQ(Read(nul)->recipients.size(), 1);
  EXPECT_EQ(Read("Content-Length: 1\n" + TextBounce("<jo@example.com>: 550 5.1.1 user unknown\n"))->recipients.size(),
            1);
  EXPECT_TRUE(Read("From: MAILER-DAEMON@example.org\nSubject: failure notice\nContent-Transfer-Encoding: base64\n\n"
                   "!!! this is no base64 @@@\n")
                  .ok());
}

TEST(HostileMailTest, ManyAddressesInOneNoticeAreBounded) {
  std::string text;
  for (int i = 0; i < 5'000; ++i) text += "u" + std::to_string(i) + "@example.com: 550 5.1.1 user unknown\n";
  const absl::StatusOr<MailReport> report = Read(TextBounce(text));
  ASSERT_TRUE(report.ok());
  EXPECT_LE(report->recipients.size(), kMailRecipientsMax);
  EXPECT_GT(report->recipients.size(), 100);
}

// Protobuf refuses strings that are not UTF-8 when it parses.
void ExpectValid(const v1::BounceEvent& event) {
  EXPECT_TRUE(v1::BounceEvent().ParseFromString(event.SerializeAsString()));
  EXPECT_LE(event.diagnostic().size(), 16'384u);
}

TEST(HostileMailTest, LongTextsAreCutBetweenCharacters) {
  std::string wide;
  for (int i = 0; i < 150'000; ++i) wide += "ö";
  const std::string status = "Final-Recipient: rfc822; jo@example.com\nAction: failed\nDiagnostic-Code: smtp; ";
  for (const std::string shift : {"", "x"}) {
    const std::string text = shift + wide;
    for (const std::string& mail :
         {TextBounce("<jo@example.com>: 550 " + text), TextBounce("<jo@example.com> failed.\nReason: " + text),
          TextBounce(text + "\n<jo@example.com>: 550 " + text), TextBounce("It failed.\n\n" + status + text + "\n"),
          Dsn("It failed.", status + text + "\n"),
          "Subject: " + text + "\n" + TextBounce("550 jo@example.com " + text)}) {
      const absl::StatusOr<MailReport> report = Read(mail);
      ASSERT_TRUE(report.ok());
      for (const ReportedRecipient& one : report->recipients) ExpectValid(one.event);
    }
  }
}

TEST(HostileMailTest, AStatusOfAThousandRecipientsIsReadToItsEnd) {
  std::string status;
  for (int i = 0; i < 1'000; ++i) {
    absl::StrAppend(&status, "Final-Recipient: rfc822; u", i, "@example.com\nAction: failed\nStatus: 5.1.1\n",
                    "Diagnostic-Code: smtp; 550 5.1.1 user unknown ", std::string(500, 'x'), "\n\n");
  }
  const absl::StatusOr<MailReport> report = Read(Dsn("It failed.", status));
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->recipients.size(), 1'000u);
  EXPECT_FALSE(report->truncated);
}

TEST(HostileMailTest, WhatIsSaidOfAThousandRecipientsHoldsForEach) {
  std::string text;
  for (int i = 0; i < 1'000; ++i) absl::StrAppend(&text, "<u", i, "@example.com>\n");
  for (int i = 0; i < 500; ++i) text += "550 5.1.1 user unknown in this domain\n";
  const absl::StatusOr<MailReport> report = Read(TextBounce(text));
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->recipients.size(), 1'000u);
  for (const ReportedRecipient& one : report->recipients) {
    EXPECT_EQ(one.event.verdict().bounce_class(), v1::Verdict::HARD) << one.recipient;
    ExpectValid(one.event);
  }
}

size_t DiagnosticsOf(const MailReport& report) {
  size_t bytes = 0;
  for (const ReportedRecipient& one : report.recipients) bytes += one.event.diagnostic().size();
  return bytes;
}

TEST(HostileMailTest, DiagnosticsAreBoundedAllInAll) {
  std::string names;
  std::string groups;
  for (int i = 0; i < 500; ++i) {
    absl::StrAppend(&names, "<u", i, "@example.com>\n");
    absl::StrAppend(&groups, "Final-Recipient: rfc822; u", i, "@example.com\nAction: failed\n\n");
  }
  const std::string said = "550 5.1.1 user unknown " + std::string(40'000, 'x') + "\n";
  for (const std::string& mail : {TextBounce(names + said), TextBounce(said + names), Dsn(said, groups)}) {
    const absl::StatusOr<MailReport> report = Read(mail);
    ASSERT_TRUE(report.ok());
    EXPECT_EQ(report->recipients.size(), 500u);
    EXPECT_LE(DiagnosticsOf(*report), kMailDiagnosticsBytesMax);
  }
  // Each has the same share, so that none loses his to others.
  std::string long_groups;
  for (int i = 0; i < 100; ++i) {
    absl::StrAppend(&long_groups, "Final-Recipient: rfc822; u", i, "@example.com\nAction: failed\n",
                    "Diagnostic-Code: smtp; 550 ", std::string(i < 50 ? 5'000 : 12'000, 'x'), "\n\n");
  }
  const absl::StatusOr<MailReport> report = Read(Dsn("It failed.", long_groups));
  ASSERT_TRUE(report.ok());
  ASSERT_EQ(report->recipients.size(), 100u);
  EXPECT_TRUE(report->truncated);
  EXPECT_FALSE(report->recipients.front().event.truncated());
  EXPECT_TRUE(report->recipients.back().event.truncated());
}

TEST(HostileMailTest, WhatIsNotReadIsSaid) {
  std::string status;
  for (size_t i = 0; i <= kMailRecipientsMax; ++i) {
    absl::StrAppend(&status, "Final-Recipient: rfc822; u", i, "@example.com\nAction: failed\n\n");
  }
  const std::string filler = "It could not be delivered.\n" + std::string(70 << 10, 'x') + "\n";
  for (const std::string& mail :
       {Dsn("It failed.", status), TextBounce(filler + "<jo@example.com>: 550 no such user\n")}) {
    const absl::StatusOr<MailReport> report = Read(mail);
    ASSERT_TRUE(report.ok());
    EXPECT_TRUE(report->truncated);
    for (const ReportedRecipient& one : report->recipients) EXPECT_TRUE(one.event.truncated());
  }
  // What is cut off of the returned mail says nothing.
  EXPECT_FALSE(
      Read(TextBounce("<jo@example.com>: 550 no such user\n\n--- Below this line is a copy of the message.\n\n" +
                      filler))
          ->truncated);
  EXPECT_FALSE(Read(Dsn(filler, "Final-Recipient: rfc822; jo@example.com\nAction: failed\n"))->truncated);
}

}  // namespace
}  // namespace suppressd
