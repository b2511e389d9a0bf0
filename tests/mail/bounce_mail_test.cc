#include "server/bounces/mail/bounce_mail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "tests/mail/mails.h"

namespace suppressd {
namespace {

using ::testing::HasSubstr;

const Classifier& BuiltIn() {
  static const Classifier* const kClassifier = Classifier::BuiltIn()->release();
  return *kClassifier;
}

MailReport Read(const std::string& content, const std::string& recipient = "") {
  v1::RawMessage message;
  message.set_content(content);
  message.set_recipient(recipient);
  absl::StatusOr<MailReport> report = ReadBounceMail(message, BuiltIn());
  EXPECT_TRUE(report.ok()) << report.status();
  return report.ok() ? *std::move(report) : MailReport();
}

// The only recipient of a mail.
ReportedRecipient One(const std::string& content, const std::string& recipient = "") {
  MailReport report = Read(content, recipient);
  EXPECT_EQ(report.recipients.size(), 1);
  return report.recipients.empty() ? ReportedRecipient() : report.recipients[0];
}

constexpr char kFailed[] =
    "Reporting-MTA: dns; mx.example.org\n\nFinal-Recipient: rfc822; jo@example.com\nAction: failed\nStatus: 5.1.1\n"
    "Remote-MTA: dns; mx.example.com\nDiagnostic-Code: smtp; 550 5.1.1 <jo@example.com>: user unknown\n";

TEST(BounceMailTest, ADsnGivesVerdictDiagnosticAndWhereItCameFrom) {
  const ReportedRecipient jo = One(Dsn("It failed.", kFailed));
  EXPECT_EQ(jo.recipient, "jo@example.com");
  EXPECT_EQ(jo.event.kind(), v1::BounceEvent::DELIVERY_STATUS);
  EXPECT_EQ(jo.event.verdict().bounce_class(), v1::Verdict::HARD);
  EXPECT_EQ(jo.event.verdict().reason(), v1::ADDRESS_NOT_FOUND);
  EXPECT_EQ(jo.event.verdict().code(), 550);
  EXPECT_EQ(jo.event.verdict().enhanced_code(), "5.1.1");
  EXPECT_EQ(jo.event.diagnostic(), "550 5.1.1 <jo@example.com>: user unknown");
  EXPECT_EQ(jo.event.remote_mta(), "mx.example.com");
  EXPECT_EQ(jo.event.message_id(), "<m1@example.org>");
  EXPECT_EQ(jo.event.mail_sent_at().seconds(), 1793696400);
}

TEST(BounceMailTest, AForwardersAddressIsNotBlamed) {
  const std::string status =
      "Original-Recipient: rfc822;jo@example.com\nFinal-Recipient: rfc822;jo@forwarded.example\nAction: failed\n"
      "Status: 5.1.1\n";
  EXPECT_EQ(One(Dsn("It failed.", status)).recipient, "jo@example.com");
  EXPECT_EQ(One(Dsn("It failed.", kFailed), "mailed@example.com").recipient, "mailed@example.com");
}

TEST(BounceMailTest, WhatHasNotFailedIsNoBounceWhateverItQuotes) {
  for (const char* action : {"delayed", "relayed", "expanded", "delivered"}) {
    const std::string status = absl::StrCat("Final-Recipient: rfc822; jo@example.com\nAction: ", action,
                                            "\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no such user\n");
    EXPECT_EQ(One(Dsn("550 5.1.1 no such user", status)).event.verdict().bounce_class(), v1::Verdict::NOT_A_BOUNCE)
        << action;
  }
}

TEST(BounceMailTest, TwoRecipientsHaveTwoFates) {
  const MailReport report = Read(Dsn("One failed.",
                                     "Final-Recipient: rfc822; jo@example.com\nAction: failed\nStatus: 5.1.1\n"
                                     "Diagnostic-Code: smtp; 550 5.1.1 user unknown\n\n"
                                     "Final-Recipient: rfc822; ann@example.com\nAction: delayed\nStatus: 4.4.1\n"));
  ASSERT_EQ(report.recipients.size(), 2);
  EXPECT_EQ(report.recipients[0].event.verdict().bounce_class(), v1::Verdict::HARD);
  EXPECT_EQ(report.recipients[1].event.verdict().bounce_class(), v1::Verdict::NOT_A_BOUNCE);
}

TEST(BounceMailTest, TheNoticeSpeaksWhereTheDiagnosticIsVague) {
  const ReportedRecipient jo =
      One(Dsn("<jo@example.com>: host mx.example.com said: the mailbox of this user is full",
              "Final-Recipient: rfc822; jo@example.com\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550\n"));
  EXPECT_EQ(jo.event.verdict().reason(), v1::MAILBOX_FULL);
  EXPECT_THAT(jo.event.diagnostic(), HasSubstr("is full"));
}

TEST(BounceMailTest, TheSubjectOfTheReturnedMailDoesNotDecide) {
  const ReportedRecipient jo = One(
      TextBounce("Your message\n  To: jo@example.com\n  Subject: Your account is disabled\ncould not be delivered to:\n"
                 "jo@example.com\n"));
  EXPECT_EQ(jo.event.verdict().reason(), v1::UNDETERMINED);
}

TEST(BounceMailTest, ABase64EncodedDeliveryStatusIsRead) {
  const ReportedRecipient jo =
      One("From: MAILER-DAEMON@example.org\nContent-Type: multipart/report; report-type=delivery-status; "
          "boundary=b\n\n--b\n"
          "Content-Type: text/plain\n\nfailed\n--b\nContent-Type: message/delivery-status\nContent-Transfer-Encoding: "
          "base64\n\n"
          "RmluYWwtUmVjaXBpZW50OiByZmM4MjI7IGpvQGV4YW1wbGUuY29tCkFjdGlvbjogZmFpbGVkClN0\n"
          "YXR1czogNS4yLjIKRGlhZ25vc3RpYy1Db2RlOiBzbXRwOyA1NTIgNS4yLjIgZnVsbAo=\n--b--\n");
  EXPECT_EQ(jo.recipient, "jo@example.com");
  EXPECT_EQ(jo.event.verdict().reason(), v1::MAILBOX_FULL);
}

TEST(BounceMailTest, ADeliveryStatusWithoutItsMimeHeadersIsRead) {
  const ReportedRecipient jo =
      One(TextBounce(std::string("--b\nContent-Type: text/plain\n\nIt failed\n--b\nContent-Type: "
                                 "message/delivery-status\n\n") +
                     kFailed));
  EXPECT_EQ(jo.recipient, "jo@example.com");
  EXPECT_EQ(jo.event.verdict().reason(), v1::ADDRESS_NOT_FOUND);
}

TEST(BounceMailTest, WordsAloneGiveAVerdict) {
  const ReportedRecipient jo =
      One(TextBounce("I'm afraid I wasn't able to deliver your message.\n\n<jo@example.com>:\n192.0.2.1 does not like "
                     "recipient.\nRemote host said: 552 5.2.2 over quota\n\n--- Below this line is a copy of the "
                     "message.\n\nFrom: sender@example.org\nTo: other@example.com\nSubject: spam\n"));
  EXPECT_EQ(jo.recipient, "jo@example.com");
  EXPECT_EQ(jo.event.kind(), v1::BounceEvent::BOUNCE_TEXT);
  EXPECT_EQ(jo.event.verdict().reason(), v1::MAILBOX_FULL);
  EXPECT_EQ(jo.event.verdict().stage(), v1::SmtpReply::RCPT);
}

TEST(BounceMailTest, ADelayInWordsIsNoBounce) {
  const MailReport report = Read(
      "From: MAILER-DAEMON@example.org\nSubject: Warning: could not send message for past 4 hours\n\n"
      "THIS IS A WARNING MESSAGE ONLY\n<jo@example.com>: 550 5.1.1 user unknown\n");
  for (const ReportedRecipient& one : report.recipients) {
    EXPECT_EQ(one.event.verdict().bounce_class(), v1::Verdict::NOT_A_BOUNCE);
  }
}

TEST(BounceMailTest, BlankLinesInFrontAreSkipped) {
  EXPECT_EQ(One("      \n\n" + Dsn("It failed.", kFailed)).recipient, "jo@example.com");
}

TEST(BounceMailTest, AnUnknownActionIsAFailure) {
  EXPECT_EQ(One(Dsn("It failed.",
                    "Final-Recipient: rfc822; jo@example.com\nAction: error\nStatus: 5.1.2\n"
                    "Diagnostic-Code: smtp; Domain does not exist\n"))
                .event.verdict()
                .reason(),
            v1::DOMAIN_NOT_FOUND);
}

TEST(BounceMailTest, ABounceThatWasPassedOnIsRead) {
  const ReportedRecipient jo = One(
      "From: admin@example.org\nTo: team@example.org\nSubject: Fwd: Undelivered Mail\nContent-Type: multipart/mixed; "
      "boundary=o\n\n--o\n\nfyi\n--o\nContent-Type: message/rfc822\n\n" +
      Dsn("It failed.", kFailed) + "\n--o--\n");
  EXPECT_EQ(jo.recipient, "jo@example.com");
  EXPECT_EQ(jo.event.verdict().reason(), v1::ADDRESS_NOT_FOUND);
}

TEST(BounceMailTest, ARecipientNamedTwiceIsOne) {
  EXPECT_EQ(Read(Dsn("It failed.", std::string(kFailed) + "\n\n" + kFailed)).recipients.size(), 1);
}

TEST(BounceMailTest, OnlyThoseBelowTheAnnouncementAreBlamed) {
  const ReportedRecipient jo = One(TextBounce(
      "Your message\n\n  To: list@example.org\n  Subject: hello\n\ndid not reach the following "
      "recipient(s):\n\nc=US;a= ;p=Org;dda:SMTP=jo@example.com; on Tue, 3 Nov 2026\n    The recipient name is "
      "not recognized\n"));
  EXPECT_EQ(jo.recipient, "jo@example.com");
}

TEST(BounceMailTest, PeopleWhoQuoteABounceAreNoBounce) {
  for (const char* headers :
       {"In-Reply-To: <m1@example.org>\nSubject: Re: your mail\n", "Subject: Re: failure notice\n",
        "List-Id: <news.example.org>\nSubject: Why mails bounce\n"}) {
    EXPECT_TRUE(Read(std::string("From: Bob <bob@example.org>\n") + headers +
                     "\nlook what I got\n<ann@example.net>: 550 5.1.1 <ann@example.net>: User unknown\n")
                    .recipients.empty())
        << headers;
  }
}

TEST(BounceMailTest, WordsOfOtherScriptsAreNoPartOfAnAddress) {
  EXPECT_EQ(
      One("From: postmaster@example.org\nTo: sender@example.org\nSubject: =?utf-8?B?6YCA5L+h?=\nContent-Type: "
          "text/plain; charset=utf-8\n\n您的邮箱账号（sender@example.org）发送的邮件被退回\n收件人：jo@example.com\n"
          "原因：550 5.1.1 user unknown\n")
          .recipient,
      "jo@example.com");
}

TEST(BounceMailTest, APieceOfAnAddressIsNobody) {
  for (const char* address :
       {"m\xC3\xBCller@dest.example", "a{b}c@dest.example", "joe@m\xC3\xBCller.example", "a|b@dest.example",
        "o\xE2\x80\x99"
        "brien@dest.example"}) {
    for (const ReportedRecipient& one :
         Read(TextBounce(std::string("Failed: ") + address + ": 550 5.1.1 User unknown\n")).recipients) {
      EXPECT_EQ(one.recipient, "") << address;
    }
  }
  EXPECT_EQ(One(TextBounce("<o\xE2\x80\x99"
                           "brien@dest.example>: 550 5.1.1 User unknown\n"))
                .recipient,
            "");
}

TEST(BounceMailTest, AWholeAddressIsSomebody) {
  for (const char* address : {"o'brien@dest.example", "m\xC3\xBCller@dest.example", "a{b}c@dest.example",
                              "joe@m\xC3\xBCller.example", "a|b@dest.example", "\"john doe\"@dest.example"}) {
    const std::string bracketed = absl::StrCat("<", address, ">");
    EXPECT_EQ(One(TextBounce(bracketed + ": 550 5.1.1 User unknown\n")).recipient, address);
    EXPECT_EQ(
        One(Dsn("It failed.", "Final-Recipient: rfc822; " + bracketed + "\nAction: failed\nStatus: 5.1.1\n")).recipient,
        address);
    EXPECT_EQ(
        One("X-Failed-Recipients: " + std::string(address) + "\n" + TextBounce("550 5.1.1 User unknown\n")).recipient,
        address);
    EXPECT_EQ(One(TextBounce(absl::StrCat("550 5.1.1 User unknown\n\n--- Below this line is a copy of the message.\n\n"
                                          "Subject: x\nTo: Jo ",
                                          bracketed, "\n\nx\n")))
                  .recipient,
              address);
  }
}

TEST(BounceMailTest, WhoSentTheReturnedMailIsNotBlamed) {
  const ReportedRecipient bob =
      One("From: postmaster@corp.example\nTo: bounce-1@ours.example\nSubject: Undeliverable: hello\nContent-Type: "
          "multipart/mixed; boundary=b\n\n--b\n\nYour message to bob@corp.example couldn't be delivered.\n\n"
          "news@shop.example\nRecipient bob@corp.example not found\n--b\nContent-Type: message/rfc822\n\n"
          "From: news@shop.example\nTo: bob@corp.example\n\nhello\n--b--\n");
  EXPECT_EQ(bob.recipient, "bob@corp.example");
}

std::string Feedback(const std::string& fields) {
  return "From: fbl@isp.example\nTo: abuse@example.org\nSubject: complaint\n"
         "Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n\nspam report\n--b\n"
         "Content-Type: message/feedback-report\n\n" +
         fields + "\n--b\nContent-Type: message/rfc822\n\nTo: jo@example.com\nSubject: offer\n\nx\n--b--\n";
}

TEST(BounceMailTest, AFeedbackReportIsAComplaint) {
  const ReportedRecipient jo =
      One(Feedback("Feedback-Type: abuse\nUser-Agent: FBL/1\nOriginal-Rcpt-To: <ann@example.com>\n"));
  EXPECT_EQ(jo.recipient, "ann@example.com");
  EXPECT_EQ(jo.event.verdict().bounce_class(), v1::Verdict::COMPLAINT);
  EXPECT_EQ(jo.event.feedback_type(), "abuse");
  EXPECT_EQ(jo.event.remote_mta(), "FBL/1");
  EXPECT_EQ(One(Feedback("Feedback-Type: abuse\n")).recipient, "jo@example.com");
}

TEST(BounceMailTest, EachComplainantOfAReportIsOne) {
  const MailReport report =
      Read(Feedback("Feedback-Type: fraud\nOriginal-Rcpt-To: a@example.com\nOriginal-Rcpt-To: b@example.com\n"
                    "Original-Rcpt-To: a@example.com\n"));
  EXPECT_EQ(report.recipients.size(), 2);
}

TEST(BounceMailTest, AnAuthenticationReportIsNoComplaint) {
  EXPECT_EQ(One(Feedback("Feedback-Type: auth-failure\n")).event.verdict().bounce_class(), v1::Verdict::NOT_A_BOUNCE);
}

TEST(BounceMailTest, MailsThatAreNoBounceNameNobody) {
  EXPECT_TRUE(Read("From: jo@example.com\nSubject: Out of office\n\nBack on Monday\n").recipients.empty());
  EXPECT_TRUE(Read("From: jo@example.com\nSubject: lunch\n\nAt noon\n").recipients.empty());
}

TEST(BounceMailTest, ABounceThatNamesNobodyHasAVerdictWithoutRecipient) {
  EXPECT_EQ(One(TextBounce("550 5.1.1 user unknown\n")).recipient, "");
}

TEST(BounceMailTest, SaysWhenTheMailWasCut) {
  v1::RawMessage message;
  message.set_content(Dsn("It failed.", kFailed));
  message.set_truncated(true);
  EXPECT_TRUE(ReadBounceMail(message, BuiltIn())->truncated);
}

TEST(BounceMailTest, WhoSentTheMailInTheSameTextIsNotBlamed) {
  const ReportedRecipient bob =
      One("From: postmaster@corp.example\nTo: bounce-1@ours.example\nSubject: Undeliverable: hello\n\n"
          "news@shop.example\nbob@corp.example\nRecipient not found\n\n----- Original message -----\n\n"
          "From: news@shop.example\nTo: bob@corp.example\n\nhello\n");
  EXPECT_EQ(bob.recipient, "bob@corp.example");
}

TEST(BounceMailTest, ThoseTheNoticeWentToAreBlamedLast) {
  const std::string notice = "sender@example.org\n550 5.1.1 user unknown\n";
  const std::string returned = "\n----- Original message -----\n\nFrom: sender@example.org\nTo: jo@example.com\n\nx\n";
  EXPECT_EQ(One(TextBounce(notice)).recipient, "sender@example.org");
  EXPECT_EQ(One(TextBounce(notice), "jo@example.com").recipient, "jo@example.com");
  EXPECT_EQ(One(TextBounce(notice + returned)).recipient, "jo@example.com");
}

TEST(BounceMailTest, WhoMailedHimselfIsBlamedWhereHeIsListedWithAReply) {
  const std::string returned = "\n----- Original message -----\n\nFrom: shop@example.org\nTo: form@example.com\n\nx\n";
  EXPECT_EQ(
      One(TextBounce("The following address failed:\n\nshop@example.org:\nSMTP error from remote server: 550 5.2.0 "
                     "Mail rejected\n" +
                     returned))
          .recipient,
      "shop@example.org");
}

TEST(BounceMailTest, AFailedRecipientThatIsNoAddressIsAnError) {
  const MailReport report = Read(Dsn(
      "It failed.", std::string(kFailed) + "\nFinal-Recipient: rfc822; ann smith\nAction: failed\nStatus: 5.1.1\n\n"
                                           "Final-Recipient: rfc822;\nAction: failed\nStatus: 5.1.1\n\n"
                                           "Final-Recipient: rfc822; |/bin/prog\nAction: delayed\nStatus: 4.4.1\n"));
  ASSERT_EQ(report.recipients.size(), 3u);
  EXPECT_EQ(report.recipients[0].error, v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(report.recipients[1].error, v1::INVALID_ADDRESS);
  EXPECT_EQ(report.recipients[1].recipient, "ann smith");
  EXPECT_EQ(report.recipients[2].error, v1::NO_RECIPIENT);
}

TEST(BounceMailTest, TheWordsDoNotBlameWhereNothingFailed) {
  for (const char* action : {"delayed", "delivered", "relayed (to bob)", "\"expanded\""}) {
    const MailReport report =
        Read(Dsn("<jo@example.com>: 550 5.1.1 user unknown\n<ann@example.com>: 550 5.1.1 user unknown",
                 absl::StrCat("Final-Recipient: x-local; jo\nAction: ", action, "\n\n",
                              "Final-Recipient: x-local; ann\nAction: ", action, "\n")));
    EXPECT_TRUE(report.recipients.empty()) << action;
  }
  EXPECT_EQ(Read(Dsn("<jo@example.com>: 550 5.1.1 user unknown\n<ann@example.com>: 550 5.1.1 user unknown",
                     "Final-Recipient: x-local; jo\nAction: failed\n\nFinal-Recipient: x-local; ann\nAction: failed\n"))
                .recipients.size(),
            2u);
}

TEST(BounceMailTest, WhoWasMailedIsBlamedWhateverTheFieldsSay) {
  const std::string words = "  bob@new.example\n    (generated from jo@example.com)\n    550 5.1.1 user unknown\n";
  EXPECT_EQ(One("X-Failed-Recipients: bob@new.example\n" + TextBounce("These failed:\n\n" + words)).recipient,
            "jo@example.com");
  const std::string status = "Final-Recipient: rfc822; bob@new.example\nAction: failed\nStatus: 5.1.1\n";
  EXPECT_EQ(One(Dsn(words, status)).recipient, "jo@example.com");
}

TEST(BounceMailTest, ADeliveryStatusNamesItsOwnRecipient) {
  std::string mail = Dsn("It failed.", kFailed);
  mail.insert(mail.find("From: sender@"), "X-HmXmrOriginalRecipient: ann@example.com\n");
  const ReportedRecipient jo = One(mail);
  EXPECT_EQ(jo.event.kind(), v1::BounceEvent::DELIVERY_STATUS);
  EXPECT_EQ(jo.recipient, "jo@example.com");
}

TEST(BounceMailTest, WhoWasMailedCountsWhereAReportHidesIt) {
  for (const char* named : {"Original-Rcpt-To: redacted@example.com\n", "Original-Rcpt-To: <>\n", ""}) {
    EXPECT_EQ(One(Feedback(absl::StrCat("Feedback-Type: abuse\n", named)), "max@example.com").recipient,
              "max@example.com");
  }
  EXPECT_EQ(One(Feedback("Feedback-Type: abuse\nOriginal-Rcpt-To: ann@example.com\n"), "max@example.com").recipient,
            "ann@example.com");
  EXPECT_EQ(One(Feedback("Feedback-Type: abuse\nOriginal-Rcpt-To: \"jo doe\"@example.com\n")).recipient,
            "\"jo doe\"@example.com");
}

}  // namespace
}  // namespace suppressd
