// One bounce that is told of again and again: a mail that is read every day, the same news by mail, by SMTP reply and
// by a line of a log.
#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "tests/testing/apply.h"
#include "tests/testing/commands.h"
#include "tests/testing/test_server.h"

namespace suppressd {
namespace {

// A delivery status notification. Empty values are left out.
struct Bounce {
  std::string recipient = "jo@example.com";
  std::string status = "4.2.2";
  std::string diagnostic = "452 4.2.2 mailbox is over its quota";
  std::string date{};                              // of the bounce message
  std::string message_id = "<b1@mx.example.org>";  // its own
  std::string returned = "<m1@example.org>";       // of the mail that bounced
  std::string sent{};                              // when that was sent
  std::string last_attempt{};
  std::string arrival{};

  std::string Content() const {
    const auto line = [](absl::string_view name, const std::string& value) {
      return value.empty() ? "" : absl::StrCat(name, ": ", value, "\n");
    };
    return absl::StrCat("From: MAILER-DAEMON@mx.example.org\nTo: bounces@example.org\n", line("Date", date),
                        line("Message-ID", message_id),
                        "Subject: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\n"
                        "Content-Type: multipart/report; report-type=delivery-status; boundary=\"b1\"\n\n"
                        "--b1\nContent-Type: text/plain\n\nIt failed.\n"
                        "--b1\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n",
                        line("Arrival-Date", arrival), "\n", Group(), "\n--b1\nContent-Type: text/rfc822-headers\n\n",
                        "From: news@example.org\nSubject: news\n", line("Message-ID", returned), line("Date", sent),
                        "\n--b1--\n");
  }
  std::string Group() const {
    return absl::StrCat("Final-Recipient: rfc822; ", recipient, "\nAction: failed\nStatus: ", status,
                        "\nDiagnostic-Code: smtp; ", diagnostic, "\n",
                        last_attempt.empty() ? "" : absl::StrCat("Last-Attempt-Date: ", last_attempt, "\n"));
  }
};

std::string MailDate(absl::Time time) {
  return absl::FormatTime("%a, %d %b %Y %H:%M:%S +0000", time, absl::UTCTimeZone());
}

class RepeatedReportsTest : public ::testing::Test {
 protected:
  absl::Time Now() { return server_.clock().Now(); }
  void NextDay(int days = 1) { server_.clock().Advance(absl::Hours(24) * days); }

  // Every report has an id of its own, as the client library gives it.
  v1::ReportBounceResponse Report(v1::ReportBounceRequest request) {
    grpc::ClientContext context;
    v1::ReportBounceResponse response;
    request.set_request_id(absl::StrCat("3f0c1f6e-7a55-4c5e-9d1b-0000000", 10'000 + ++reports_));
    const grpc::Status status = server_.stub().ReportBounce(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  v1::ReportBounceResponse Read(const std::string& content) {
    v1::ReportBounceRequest request;
    request.mutable_raw_message()->set_content(content);
    return Report(request);
  }
  v1::ReportBounceResponse Reply(const std::string& message_id, const std::string& text,
                                 const std::string& recipient = "jo@example.com") {
    v1::ReportBounceRequest request;
    request.mutable_smtp_reply()->set_recipient(recipient);
    request.mutable_smtp_reply()->set_text(text);
    request.set_message_id(message_id);
    return Report(request);
  }
  v1::GetBounceDetailsResponse Details(const std::string& address = "jo@example.com") {
    grpc::ClientContext context;
    v1::GetBounceDetailsRequest request;
    v1::GetBounceDetailsResponse response;
    request.set_address(address);
    request.set_max_events(50);
    const grpc::Status status = server_.stub().GetBounceDetails(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  int Events(const std::string& address = "jo@example.com") { return Details(address).events_size(); }

  TestServer server_;
  int reports_ = 0;
};

TEST_F(RepeatedReportsTest, ASoftBounceThatIsReadOnThreeDaysCountsOnce) {
  Bounce bounce;
  bounce.date = MailDate(Now() - absl::Minutes(5));
  const v1::ReportBounceResponse first = Read(bounce.Content());
  EXPECT_EQ(first.outcomes(0).effect(), v1::BounceEvent::COUNTED);
  EXPECT_FALSE(first.duplicate());
  for (int day = 0; day < 4; ++day) {
    NextDay();
    const v1::ReportBounceResponse again = Read(bounce.Content());
    EXPECT_TRUE(again.duplicate());
    EXPECT_TRUE(again.outcomes(0).duplicate());
    EXPECT_EQ(again.outcomes(0).effect(), v1::BounceEvent::COUNTED) << "as it was the first time";
    EXPECT_EQ(again.revision_token(), first.revision_token()) << "nothing was written";
  }
  EXPECT_FALSE(Details().suppressed());
  EXPECT_EQ(Events(), 1);
}

TEST_F(RepeatedReportsTest, AMailThatIsReadDailyForThirtyDaysAddsNoPointHoweverItSaysWhenItBounced) {
  Bounce dated, undated, absurd, worded;
  dated.date = MailDate(Now() - absl::Minutes(5));
  undated.recipient = "ann@example.com";
  absurd.recipient = "al@example.com";
  absurd.date = "Thu, 01 Jan 1970 00:00:10 +0000";
  absurd.message_id = absurd.returned = "";
  const std::string words =
      absl::StrCat("From: MAILER-DAEMON@mx.example.org\nSubject: failure notice\nDate: ", MailDate(Now()),
                   "\n\n<ed@example.com>:\n452 4.2.2 mailbox is full\n");
  for (int day = 0; day < 30; ++day) {
    for (const std::string& mail : {dated.Content(), undated.Content(), absurd.Content(), words}) {
      EXPECT_EQ(Read(mail).duplicate(), day > 0) << mail << "\non day " << day;
    }
    NextDay();
  }
  for (const char* address : {"jo@example.com", "ann@example.com", "al@example.com", "ed@example.com"}) {
    EXPECT_EQ(Events(address), 1) << address;
    EXPECT_FALSE(Details(address).suppressed()) << address;
  }
}

TEST_F(RepeatedReportsTest, BouncesThatLedToALeaseDoNotLeadToAnother) {
  std::vector<std::string> mails;
  for (int day = 0; day < 3; ++day) {
    Bounce bounce;
    bounce.date = MailDate(Now());
    bounce.message_id = absl::StrCat("<b", day, "@mx.example.org>");
    bounce.returned = absl::StrCat("<m", day, "@example.org>");
    mails.push_back(bounce.Content());
    for (const std::string& mail : mails) Read(mail);
    NextDay();
  }
  EXPECT_TRUE(Details().suppressed()) << "three mails on three days";
  for (int day = 0; day < 20; ++day) {
    for (const std::string& mail : mails) EXPECT_TRUE(Read(mail).duplicate()) << day;
    NextDay();
  }
  EXPECT_FALSE(Details().suppressed()) << "the lease is over, and nothing new was said";
  EXPECT_EQ(Events(), 3);
}

TEST_F(RepeatedReportsTest, AHardBounceThatIsReadAgainIsNotCountedAgain) {
  Bounce bounce{.status = "5.1.1", .diagnostic = "550 5.1.1 no such user"};
  bounce.date = MailDate(Now());
  for (int day = 0; day < 20; ++day) {
    EXPECT_EQ(Read(bounce.Content()).outcomes(0).effect(), v1::BounceEvent::SUPPRESSED);
    NextDay();
  }
  EXPECT_EQ(Details().suppression().causes(0).event_count(), 1);
}

TEST_F(RepeatedReportsTest, TheTimeOfABounceIsItsOwnAndNeverLaterThanTheReport) {
  const absl::Time now = Now();
  const std::string yesterday = MailDate(now - absl::Hours(24)), earlier = MailDate(now - absl::Hours(48));
  const std::string tomorrow = MailDate(now + absl::Hours(24));
  const std::vector<std::pair<Bounce, absl::Duration>> bounces = {
      {{.date = yesterday, .last_attempt = earlier}, absl::Hours(48)},
      {{.date = yesterday, .arrival = earlier}, absl::Hours(24)},
      {{.date = "the other day", .arrival = earlier}, absl::Hours(48)},
      {{.date = tomorrow, .arrival = earlier}, absl::Hours(48)},
      {{.date = tomorrow}, absl::ZeroDuration()},
      {{.date = MailDate(now + absl::Seconds(30)), .arrival = earlier}, absl::ZeroDuration()},
      {{.date = "Mon, 01 Jan 1990 10:00:00 +0000"}, absl::ZeroDuration()},
      {{.date = ""}, absl::ZeroDuration()}};
  int number = 0;
  for (auto [bounce, age] : bounces) {
    bounce.recipient = absl::StrCat("u", ++number, "@example.com");
    Read(bounce.Content());
    const int64_t occurred = ToMicros(Details(bounce.recipient).events(0).occurred_at());
    EXPECT_EQ(absl::FromUnixMicros(occurred), absl::FromUnixSeconds(absl::ToUnixSeconds(now - age))) << number;
  }
}

TEST_F(RepeatedReportsTest, ABounceByMailByReplyAndByLineOfALogIsOneEvent) {
  Bounce bounce{.status = "5.1.1", .diagnostic = "550 5.1.1 no such user"};
  bounce.date = MailDate(Now());
  EXPECT_FALSE(Reply("m1@example.org", "550 5.1.1 no such user").duplicate());
  EXPECT_TRUE(Read(bounce.Content()).duplicate());
  EXPECT_TRUE(Reply("<m1@example.org>", "550-5.1.1 no such user\r\n550 5.1.1 here").duplicate());
  EXPECT_EQ(Events(), 1);
  bounce.recipient = "ann@example.com";
  EXPECT_FALSE(Read(bounce.Content()).duplicate()) << "another recipient of the same mail";
  EXPECT_TRUE(Reply("<m1@example.org>", "550 5.1.1 no such user", "Ann@Example.com").duplicate());
  EXPECT_FALSE(Reply("<m2@example.org>", "550 5.1.1 no such user", "ann@example.com").duplicate()) << "another mail";
  EXPECT_FALSE(Reply("", "550 5.1.1 no such user", "ann@example.com").duplicate()) << "it cannot be told";
  EXPECT_EQ(Events("ann@example.com"), 3);
}

TEST_F(RepeatedReportsTest, ABounceAfterAReactivationIsAnotherThoughItIsAboutTheSameMail) {
  const std::string gone = "550 5.1.1 no such user";
  Bounce bounce{.status = "5.1.1", .diagnostic = gone};
  bounce.date = MailDate(Now());
  EXPECT_EQ(Reply("m1@example.org", gone).outcomes(0).effect(), v1::BounceEvent::SUPPRESSED);
  server_.clock().Advance(absl::Minutes(5));
  grpc::ClientContext context;
  v1::ReactivateRequest request;
  v1::ReactivateResponse response;
  request.set_address("jo@example.com");
  request.set_note("works again");
  ASSERT_TRUE(server_.stub().Reactivate(&context, request, &response).ok());
  EXPECT_FALSE(Details().suppressed());
  server_.clock().Advance(absl::Minutes(5));
  EXPECT_TRUE(Read(bounce.Content()).duplicate()) << "the mail about the bounce before it";
  EXPECT_FALSE(Details().suppressed());
  const v1::ReportBounceResponse again = Reply("m1@example.org", gone);
  EXPECT_FALSE(again.duplicate()) << "the sender tried again";
  EXPECT_EQ(again.outcomes(0).effect(), v1::BounceEvent::SUPPRESSED);
  EXPECT_TRUE(Details().suppressed());
}

TEST_F(RepeatedReportsTest, RepliesToOneMailOnThreeDaysAreThreeAttemptsAndItsBounceNoFourth) {
  for (int day = 0; day < 2; ++day) {
    EXPECT_FALSE(Reply("m1@example.org", "452 4.2.2 mailbox full").duplicate());
    EXPECT_TRUE(Reply("m1@example.org", "452 4.2.2 mailbox full").duplicate()) << "the same day";
    NextDay();
  }
  Bounce bounce;
  bounce.date = MailDate(Now());
  EXPECT_TRUE(Read(bounce.Content()).duplicate()) << "what the replies said already";
  EXPECT_EQ(Reply("m1@example.org", "452 4.2.2 mailbox full").outcomes(0).effect(), v1::BounceEvent::SUPPRESSED);
}

TEST_F(RepeatedReportsTest, AForgedMailTakesOnlyTheIdentityOfWhatItSaysItself) {
  Bounce forged;
  forged.date = MailDate(Now());
  Read(forged.Content());
  Bounce genuine = forged;
  genuine.status = "5.1.1";
  genuine.diagnostic = "550 5.1.1 no such user";
  EXPECT_EQ(Read(genuine.Content()).outcomes(0).effect(), v1::BounceEvent::SUPPRESSED)
      << "the same ids, but it says more";
  genuine.recipient = "ann@example.com";
  EXPECT_EQ(Read(genuine.Content()).outcomes(0).effect(), v1::BounceEvent::SUPPRESSED) << "or says it of another";
}

TEST_F(RepeatedReportsTest, AForgedMailThatClaimsAnOldDateSilencesNothing) {
  Bounce forged;
  forged.date = MailDate(Now() - absl::Hours(24 * 60));
  EXPECT_EQ(Read(forged.Content()).outcomes(0).effect(), v1::BounceEvent::RECORDED) << "too late to count";
  EXPECT_TRUE(Read(forged.Content()).duplicate()) << "but known";
  EXPECT_EQ(Reply("m1@example.org", "452 4.2.2 mailbox full").outcomes(0).effect(), v1::BounceEvent::COUNTED);
  Bounce genuine = forged;
  genuine.recipient = "jo@example.com";
  genuine.date = MailDate(Now());
  EXPECT_TRUE(Read(genuine.Content()).duplicate()) << "of the reply, which counted";
  EXPECT_EQ(Events(), 2);
}

TEST_F(RepeatedReportsTest, AForgedMailThatClaimsToBeOfBeforeAReactivationSilencesNothing) {
  Reply("", "550 5.1.1 no such user");
  grpc::ClientContext context;
  v1::ReactivateRequest request;
  v1::ReactivateResponse reactivated;
  request.set_address("jo@example.com");
  request.set_note("works again");
  ASSERT_TRUE(server_.stub().Reactivate(&context, request, &reactivated).ok());
  server_.clock().Advance(absl::Minutes(30));
  Bounce genuine{.status = "5.1.1", .diagnostic = "550 5.1.1 no such user"};
  genuine.date = MailDate(Now());
  genuine.sent = MailDate(Now() - absl::Minutes(5));
  Bounce forged = genuine;
  forged.sent = MailDate(Now() - absl::Hours(2));
  EXPECT_EQ(Read(forged.Content()).outcomes(0).effect(), v1::BounceEvent::OUTDATED);
  EXPECT_TRUE(Read(forged.Content()).duplicate());
  EXPECT_EQ(Read(genuine.Content()).outcomes(0).effect(), v1::BounceEvent::SUPPRESSED);
  EXPECT_TRUE(Read(genuine.Content()).duplicate());
  EXPECT_TRUE(Read(forged.Content()).duplicate());
}

TEST_F(RepeatedReportsTest, OfAMailAboutTwoTheOneThatIsNewsCounts) {
  Bounce bounce;
  bounce.date = MailDate(Now());
  Read(bounce.Content());
  Bounce other = bounce;
  other.recipient = "ann@example.com";
  const std::string both =
      absl::StrReplaceAll(bounce.Content(), {{bounce.Group(), absl::StrCat(bounce.Group(), "\n", other.Group())}});
  const v1::ReportBounceResponse response = Read(both);
  ASSERT_EQ(response.outcomes_size(), 2);
  EXPECT_TRUE(response.outcomes(0).duplicate());
  EXPECT_EQ(response.outcomes(0).address(), "jo@example.com");
  EXPECT_FALSE(response.outcomes(1).duplicate());
  EXPECT_EQ(response.outcomes(1).effect(), v1::BounceEvent::COUNTED);
  EXPECT_FALSE(response.duplicate());
  EXPECT_EQ(Events(), 1);
  EXPECT_EQ(Events("ann@example.com"), 1);
  EXPECT_TRUE(Read(both).duplicate());
}

TEST_F(RepeatedReportsTest, TwoMailsOfOneBatchThatTellOfOneEventAreOne) {
  Bounce bounce{.status = "5.1.1", .diagnostic = "550 5.1.1 no such user"};
  bounce.date = MailDate(Now());
  Read(bounce.Content());
  const uint64_t before = server_.store().head().head();
  stored::Command command = HardBounce("al@example.com", absl::ToUnixMicros(Now()));
  command.mutable_report()->mutable_recipients(0)->mutable_event()->set_identity("1234");
  const auto results = ApplyTo(server_.store(), {command, command});
  ASSERT_TRUE(results.ok());
  EXPECT_TRUE((*results)[1].duplicate());
  EXPECT_EQ((*results)[1].revision(), (*results)[0].revision());
  EXPECT_EQ(server_.store().head().head(), before + 2);
}

TEST_F(RepeatedReportsTest, AnEventOfAProviderThatCameByMailWithoutAnIdCountsOnce) {
  const std::string mail =
      "From: AWS Notifications <no-reply@sns.amazonaws.com>\nSubject: AWS Notification Message\n\n"
      R"({"notificationType":"Bounce","bounce":{"bounceType":"Transient","bounceSubType":"MailboxFull",)"
      R"("bouncedRecipients":[{"emailAddress":"jo@example.com","status":"4.2.2"}]}})"
      "\n";
  for (int day = 0; day < 12; ++day) {
    EXPECT_EQ(Read(mail).duplicate(), day > 0) << day;
    NextDay();
  }
  EXPECT_EQ(Events(), 1);
}

TEST_F(RepeatedReportsTest, AnEntryDoesNotRenewItselfByOurOwnRefusal) {
  const auto check = [this] {
    grpc::ClientContext context;
    v1::IsSuppressedRequest request;
    v1::IsSuppressedResponse response;
    request.set_address("jo@example.com");
    EXPECT_TRUE(server_.stub().IsSuppressed(&context, request, &response).ok());
    return response;
  };
  EXPECT_EQ(check().refusal_text(), "");
  EXPECT_EQ(Reply("", "552 5.2.2 mailbox full").outcomes(0).effect(), v1::BounceEvent::SUPPRESSED);
  const std::string text = check().refusal_text();
  EXPECT_EQ(text, "suppressed: mailbox full, since 2026-05-28 [suppressd]");
  for (int day = 0; day < 40; ++day) {
    EXPECT_EQ(Reply(absl::StrCat("<", day, "@example.org>"),
                    absl::StrCat("550 5.1.1 <jo@example.com>: Recipient address rejected: ", text))
                  .outcomes(0)
                  .effect(),
              v1::BounceEvent::RECORDED);
    NextDay();
  }
  EXPECT_FALSE(check().suppressed()) << "thirty days are over";
}

TEST_F(RepeatedReportsTest, WhatIsKnownOutlivesARestart) {
  Bounce bounce;
  bounce.date = MailDate(Now());
  Read(bounce.Content());
  server_.Restart();
  EXPECT_TRUE(Read(bounce.Content()).duplicate());
}

}  // namespace
}  // namespace suppressd
