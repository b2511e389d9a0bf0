#include "server/bounces/mail/notification_mail.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/bounces/mail/bounce_mail.h"
#include "tests/mail/mails.h"

namespace suppressd {
namespace {

constexpr char kBounce[] =
    R"({"notificationType":"Bounce","bounce":{"bounceType":"Permanent","bounceSubType":"General","feedbackId":"f1",)"
    R"("bouncedRecipients":[{"emailAddress":"jo@example.com","action":"failed","status":"5.1.1",)"
    R"("diagnosticCode":"smtp; 550 5.1.1 user unknown {"}],"timestamp":"2026-11-03T10:00:01.000Z"},)"
    R"("mail":{"timestamp":"2026-11-03T10:00:00.000Z","messageId":"m1","destination":["jo@example.com"]}})";

constexpr char kFooter[] =
    "\n\n--\nTo stop receiving these notifications, visit the link below:\n"
    "https://sns.example/unsubscribe.html?Endpoint=bounces@example.org\n";

std::string Notification(absl::string_view text, absl::string_view headers = "") {
  return absl::StrCat(
      "From: Bounces <no-reply@sns.amazonaws.com>\nTo: bounces@example.org\nSubject: Notification Message\n", headers,
      "\n", text);
}

MailReport Read(const std::string& content, const std::string& recipient = "") {
  static const Classifier* const kClassifier = Classifier::BuiltIn()->release();
  v1::RawMessage message;
  message.set_content(content);
  message.set_recipient(recipient);
  absl::StatusOr<MailReport> report = ReadBounceMail(message, *kClassifier);
  EXPECT_TRUE(report.ok()) << report.status();
  return report.ok() ? *std::move(report) : MailReport();
}

// "PROVIDER_WEBHOOK jo@example.com HARD ses:f1", one for each recipient.
std::string Summary(const MailReport& report) {
  std::string summary = v1::BounceEvent::Kind_Name(report.kind);
  for (const ReportedRecipient& one : report.recipients) {
    absl::StrAppend(&summary, " ", one.recipient, " ", v1::Verdict::Class_Name(one.event.verdict().bounce_class()), " ",
                    one.event_id);
  }
  return summary;
}

constexpr char kJo[] = "PROVIDER_WEBHOOK jo@example.com HARD ses:f1";

// As a notification's envelope holds an event.
std::string Enveloped(absl::string_view event) {
  return absl::StrCat("{\n  \"Type\" : \"Notification\",\n  \"MessageId\" : \"n1\",\n  \"Message\" : \"",
                      absl::StrReplaceAll(event, {{"\"", "\\\""}}),
                      "\",\n  \"Timestamp\" : \"2026-11-03T10:00:02Z\"\n}\n");
}

TEST(NotificationMailTest, AnEventWithWordsBehindItIsRead) {
  const MailReport report = Read(Notification(absl::StrCat(kBounce, kFooter)));
  EXPECT_EQ(Summary(report), kJo);
  ASSERT_EQ(report.recipients.size(), 1u);
  const v1::BounceEvent& event = report.recipients[0].event;
  EXPECT_EQ(event.kind(), v1::BounceEvent::PROVIDER_WEBHOOK);
  EXPECT_EQ(event.provider(), "ses");
  EXPECT_FALSE(event.signature_verified());
  EXPECT_EQ(event.diagnostic(), "smtp; 550 5.1.1 user unknown {");
  EXPECT_EQ(event.mail_sent_at().seconds(), 1793700000);
}

TEST(NotificationMailTest, AnEventInAnEnvelopeIsRead) {
  EXPECT_EQ(Summary(Read(Notification(Enveloped(kBounce)))), kJo);
  EXPECT_EQ(Summary(Read(Notification(absl::StrCat("\n \n", Enveloped(kBounce), kFooter)))), kJo);
}

TEST(NotificationMailTest, LinesThatWereBrokenOnTheWayAreMended) {
  for (const absl::string_view line_break : {"!\n ", "\n"}) {
    // Within strings only, as JSON may have line breaks elsewhere anyhow.
    std::string event = kBounce;
    event.insert(event.find("Permanent") + 4, std::string(line_break));
    event.insert(event.find("emailAddress") + 5, std::string(line_break));
    EXPECT_EQ(Summary(Read(Notification(event))), kJo) << line_break;
    std::string envelope = Enveloped(kBounce);
    envelope.insert(envelope.find("\\\"bounceType") + 1, std::string(line_break));  // between a backslash and its quote
    EXPECT_EQ(Summary(Read(Notification(envelope))), kJo) << line_break;
  }
  std::string between = kBounce;
  between.insert(between.find(",\"bounce\""), "!\n ");
  EXPECT_EQ(Summary(Read(Notification(between))), kJo);
}

TEST(NotificationMailTest, TransferEncodingsAreUndone) {
  const std::string text = absl::StrReplaceAll(absl::StrCat(kBounce, kFooter), {{"=", "=3D"}, {",", ",=\n"}});
  EXPECT_EQ(Summary(Read(Notification(text,
                                      "Content-Type: text/plain; charset=UTF-8\n"
                                      "Content-Transfer-Encoding: quoted-printable\n"))),
            kJo);
}

TEST(NotificationMailTest, DeliveriesAndComplaintsAreWhatTheySay) {
  EXPECT_EQ(Summary(Read(Notification(R"({"notificationType":"Delivery","delivery":{"recipients":["jo@example.com"],)"
                                      R"("smtpResponse":"250 ok"}})"))),
            "PROVIDER_WEBHOOK jo@example.com NOT_A_BOUNCE ");
  EXPECT_EQ(Summary(Read(Notification(R"({"eventType":"Complaint","complaint":{"feedbackId":"f2",)"
                                      R"("complainedRecipients":[{"emailAddress":"jo@example.com"}]}})"))),
            "PROVIDER_WEBHOOK jo@example.com COMPLAINT ses:f2");
}

TEST(NotificationMailTest, ARecipientThatIsNoneFailsAlone) {
  std::string event = kBounce;
  event.replace(event.find("{\"emailAddress"), 0, "{},");
  const MailReport report = Read(Notification(event));
  ASSERT_EQ(report.recipients.size(), 2u);
  EXPECT_EQ(report.recipients[0].error, v1::MALFORMED_PAYLOAD);
  EXPECT_EQ(report.recipients[1].recipient, "jo@example.com");
}

TEST(NotificationMailTest, WhoTheEventNamesCounts) {
  EXPECT_EQ(Summary(Read(Notification(kBounce), "bounces@example.org")), kJo);
}

TEST(NotificationMailTest, WhatIsNoEventIsReadAsAnyMail) {
  const std::string event = kBounce;
  for (const std::string& text : {event.substr(0, event.size() - 1), event.substr(1), "See: " + event,
                                  std::string(R"({"notificationType":"Plugh"})"), std::string(R"({"a":"Bounce"})"),
                                  std::string("{"), std::string(100'000, '{') + "\"notificationType\""}) {
    EXPECT_NE(Read(Notification(text)).kind, v1::BounceEvent::PROVIDER_WEBHOOK) << text.substr(0, 100);
  }
  // An event in the text of a bounce is not what the bounce says.
  const MailReport dsn =
      Read(Dsn("It failed.", "Final-Recipient: rfc822; ann@example.com\nAction: failed\nStatus: 5.1.1\n"));
  EXPECT_EQ(dsn.kind, v1::BounceEvent::DELIVERY_STATUS);
}

TEST(NotificationMailTest, OnlyAmazonsMailOrEnvelopeIsBelieved) {
  const std::string envelope = Enveloped(kBounce);
  for (const char* from : {"Bob <bob@example.net>", "sns.amazonaws.com <bob@example.net>",
                           "no-reply@sns.amazonaws.com.example", "no-reply@amazonaws.com"}) {
    const std::string head = absl::StrCat("From: ", from, "\nSubject: Notification\n\n");
    EXPECT_NE(Read(head + kBounce).kind, v1::BounceEvent::PROVIDER_WEBHOOK) << from;
    EXPECT_EQ(Read(head + envelope).kind, v1::BounceEvent::PROVIDER_WEBHOOK) << from;
  }
}

TEST(NotificationMailTest, WhatPeoplePassOnIsNoNotification) {
  for (const char* headers :
       {"In-Reply-To: <1@example.org>\n", "References: <1@example.org>\n", "List-Id: <l.example.org>\n"}) {
    EXPECT_NE(Read(Notification(kBounce, headers)).kind, v1::BounceEvent::PROVIDER_WEBHOOK) << headers;
  }
  for (const char* subject : {"Re: Notification Message", "Fwd: Notification Message"}) {
    const std::string mail = absl::StrReplaceAll(Notification(Enveloped(kBounce)), {{"Notification Message", subject}});
    EXPECT_NE(Read(mail).kind, v1::BounceEvent::PROVIDER_WEBHOOK) << subject;
  }
}

TEST(NotificationMailTest, WhoWasMailedCountsWhereTheEventHidesIt) {
  const std::string event = kBounce;
  for (const std::string& hidden :
       {absl::StrReplaceAll(event,
                            {{"\"emailAddress\":\"jo@example.com\"", "\"emailAddress\":\"redacted@example.com\""}}),
        absl::StrReplaceAll(event, {{"\"emailAddress\":\"jo@example.com\",", ""}}),
        std::string(R"({"notificationType":"Bounce","bounce":{"bounceType":"Permanent","bounceSubType":"NoEmail",)"
                    R"("feedbackId":"f1","bouncedRecipients":[]}})")}) {
    EXPECT_EQ(Summary(Read(Notification(hidden), "jo@example.com")), kJo) << hidden;
  }
}

}  // namespace
}  // namespace suppressd
