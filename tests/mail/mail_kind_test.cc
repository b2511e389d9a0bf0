#include "server/bounces/mail/mail_kind.h"

#include <gtest/gtest.h>

#include "tests/mail/mails.h"

namespace suppressd {
namespace {

v1::BounceEvent::Kind Kind(const std::string& content) {
  const absl::StatusOr<MimeMail> mail = ReadMimeMail(content);
  EXPECT_TRUE(mail.ok()) << mail.status();
  return mail.ok() ? KindOf(*mail, mail->parts.empty() ? "" : mail->parts[0].text) : v1::BounceEvent::KIND_UNSPECIFIED;
}

TEST(MailKindTest, KnowsTheKinds) {
  EXPECT_EQ(Kind(Dsn("It failed.", "Final-Recipient: rfc822; jo@example.com\n")), v1::BounceEvent::DELIVERY_STATUS);
  EXPECT_EQ(Kind(TextBounce("I wasn't able to deliver your message.\n")), v1::BounceEvent::BOUNCE_TEXT);
  EXPECT_EQ(Kind("From: jo@example.com\nSubject: Automatic reply: hello\n\nI am away.\n"), v1::BounceEvent::AUTO_REPLY);
  EXPECT_EQ(Kind("From: jo@example.com\nAuto-Submitted: auto-replied\nSubject: Re: hello\n\nBack on Monday.\n"),
            v1::BounceEvent::AUTO_REPLY);
  EXPECT_EQ(Kind("From: jo@example.com\nSubject: Read: hello\nContent-Type: multipart/report; "
                 "report-type=disposition-notification; boundary=b\n\n--b\n\nread\n--b--\n"),
            v1::BounceEvent::DISPOSITION_NOTIFICATION);
  EXPECT_EQ(Kind("From: fbl@example.com\nSubject: x\nContent-Type: multipart/report; report-type=feedback-report; "
                 "boundary=b\n\n--b\n\nabuse\n--b--\n"),
            v1::BounceEvent::FEEDBACK_REPORT);
  EXPECT_EQ(Kind("From: jo@example.com\nSubject: lunch?\n\nAt noon.\n"), v1::BounceEvent::OTHER_MAIL);
}

TEST(MailKindTest, ABounceThatIsMarkedAsAutomaticIsABounce) {
  EXPECT_EQ(Kind("From: Mail Delivery System <Mailer-Daemon@example.org>\nSubject: Mail delivery failed\n"
                 "Auto-Submitted: auto-replied\n\nfailed\n"),
            v1::BounceEvent::BOUNCE_TEXT);
}

TEST(MailKindTest, TellsAWarningFromAFailure) {
  EXPECT_TRUE(SaysDelayed("Warning: message 1x-2 delayed 24 hours", ""));
  EXPECT_TRUE(SaysDelayed("", "Your message has not yet been delivered. We will keep trying."));
  EXPECT_FALSE(SaysDelayed("failure notice", "This is a permanent error; I've given up. We will keep trying"));
  EXPECT_FALSE(SaysDelayed("Undelivered Mail Returned to Sender", "550 no such user"));
}

TEST(MailKindTest, AnAutomaticAnswerThatOnlyHasTheWordIsNoBounce) {
  for (const char* from : {"Bounce House Rentals <jo@example.com>", "Jo <jo@bounce-castles.example>"}) {
    for (const char* subject : {"Re: your question", "Bounced castles: we got your mail"}) {
      EXPECT_EQ(Kind(std::string("From: ") + from + "\nSubject: " + subject +
                     "\nAuto-Submitted: auto-replied\n\nThank you, we are back on Monday.\n"),
                v1::BounceEvent::AUTO_REPLY)
          << from << subject;
    }
  }
  EXPECT_EQ(Kind("From: <bounces@example.com>\nSubject: x\nAuto-Submitted: auto-replied\n\n550 5.1.1 user unknown\n"),
            v1::BounceEvent::BOUNCE_TEXT);
}

TEST(MailKindTest, AHeaderOfAnEarlierComplaintMakesNoComplaintOfABounce) {
  const std::string returned =
      "\n--b\nContent-Type: message/rfc822\n\nX-HmXmrOriginalRecipient: ann@example.com\nTo: "
      "jo@example.com\n\nx\n--b--\n";
  const std::string head = "Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n";
  EXPECT_EQ(Kind("From: staff@hotmail.example\n" + head + "\ncomplaint\n" + returned),
            v1::BounceEvent::FEEDBACK_REPORT);
  EXPECT_EQ(Kind("From: mailer-daemon@example.com\n" + head + "\n550 5.1.1 user unknown\n" + returned),
            v1::BounceEvent::BOUNCE_TEXT);
  EXPECT_EQ(Kind("From: x@example.com\n" + head +
                 "Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822; jo@example.com\n" + returned),
            v1::BounceEvent::DELIVERY_STATUS);
}

}  // namespace
}  // namespace suppressd
