// What a report says, and the commands that record it.
#include "server/list/report_plan.h"

#include <gmock/gmock.h>

#include "absl/strings/str_replace.h"
#include "common/error.h"
#include "server/rpc/digest.h"
#include "tests/mail/mails.h"

namespace suppressd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// 2026-11-05T09:26:40Z: two days after the mail that the DSNs of mails.h return was sent.
constexpr int64_t kNow = 1'793'870'800;
constexpr int64_t kMailSent = 1'793'696'400;

const Classifier& Rules() {
  static const Classifier* const kClassifier = Classifier::BuiltIn()->release();
  return *kClassifier;
}

absl::StatusOr<ReportPlan> Plan(const v1::ReportBounceRequest& request,
                                std::optional<int64_t> taken_at_micros = std::nullopt) {
  static const Policy* const kPolicy = Policy::BuiltIn().release();
  return PlanReport(request, absl::FromUnixSeconds(kNow), Rules(), *kPolicy, taken_at_micros);
}

v1::ReportBounceRequest Mail(const std::string& content) {
  v1::ReportBounceRequest request;
  request.mutable_raw_message()->set_content(content);
  return request;
}

v1::ReportBounceRequest Event(const std::string& payload) {
  v1::ReportBounceRequest request;
  request.mutable_provider_event()->set_provider("sendgrid");
  request.mutable_provider_event()->set_payload(payload);
  return request;
}

std::string Failed(const std::string& recipient) {
  return "Final-Recipient: rfc822; " + recipient +
         "\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 user unknown\n\n";
}

std::string Bounce(const std::string& email, const std::string& fields = "") {
  return R"({"event":"bounce","email":")" + email + R"(","reason":"550 5.1.1 User unknown")" + fields + "}";
}

// "jo@example.com 0/0" for the first recipient of the first command, else why it was refused.
std::vector<std::string> Outcomes(const ReportPlan& plan) {
  std::vector<std::string> outcomes;
  for (const PlannedOutcome& planned : plan.outcomes) {
    if (planned.command < 0) {
      outcomes.push_back(planned.outcome.error().reason());
      continue;
    }
    const stored::Target& target = plan.commands[planned.command].report().recipients(planned.recipient).target();
    outcomes.push_back(
        absl::StrCat(target.local_part(), "@", target.domain(), " ", planned.command, "/", planned.recipient));
  }
  return outcomes;
}

// The only event of a plan.
v1::BounceEvent OnlyEvent(const v1::ReportBounceRequest& request) {
  const absl::StatusOr<ReportPlan> plan = Plan(request);
  EXPECT_TRUE(plan.ok()) << plan.status();
  if (!plan.ok() || plan->commands.size() != 1 || plan->commands[0].report().recipients_size() != 1) {
    ADD_FAILURE() << "not one event";
    return v1::BounceEvent();
  }
  return plan->commands[0].report().recipients(0).event();
}

void ExpectError(const v1::ReportBounceRequest& request, v1::ErrorReason reason, const std::string& message) {
  const absl::StatusOr<ReportPlan> plan = Plan(request);
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonName(ReasonOf(plan.status())), ReasonName(reason));
  EXPECT_THAT(std::string(plan.status().message()), HasSubstr(message));
}

TEST(ReportPlanTest, OfAMailWithTwoRecipientsAnInvalidAddressFailsAlone) {
  const auto plan = Plan(Mail(Dsn("It failed.", Failed("jo@exa_mple..com") + Failed("ann@example.com"))));
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(Outcomes(*plan), ElementsAre("INVALID_ADDRESS", "ann@example.com 0/0"));
  ASSERT_EQ(plan->commands.size(), 1u);
  EXPECT_EQ(plan->commands[0].report().recipients_size(), 1);
  EXPECT_EQ(plan->kind, v1::BounceEvent::DELIVERY_STATUS);
}

TEST(ReportPlanTest, AMailWithoutAnyValidAddressIsRefused) {
  ExpectError(Mail(Dsn("It failed.", Failed("jo@exa_mple..com"))), v1::INVALID_ADDRESS, "names no valid address");
  ExpectError(Mail(TextBounce("550 5.1.1 no such user\n")), v1::NO_RECIPIENT, "names no recipient");
}

TEST(ReportPlanTest, OneMailboxUnderTwoSpellingsIsOneEvent) {
  const auto plan = Plan(Mail(Dsn("It failed.", Failed("jo@b\xC3\xBC"
                                                       "cher.example") +
                                                    Failed("jo@xn--bcher-kva.example"))));
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(Outcomes(*plan), ElementsAre("jo@xn--bcher-kva.example 0/0", "jo@xn--bcher-kva.example 0/0"));
  EXPECT_EQ(plan->commands[0].report().recipients_size(), 1);
}

TEST(ReportPlanTest, OfTwoReportsAboutOneMailboxTheOneThatDoesMoreCounts) {
  // Three spellings of one mailbox.
  const std::string failed = Failed(
      "jo@b\xC3\xBC"
      "cher.example");
  const std::string delivered =
      "Final-Recipient: rfc822; jo@xn--bcher-kva.example\nAction: delivered\nStatus: 2.0.0\n\n";
  const std::string delayed =
      "Final-Recipient: rfc822; \"jo\"@xn--bcher-kva.example\nAction: delayed\nStatus: 4.2.2\n\n";
  for (const std::string& status : {delivered + failed, failed + delivered, delayed + delivered + failed}) {
    const auto plan = Plan(Mail(Dsn("It failed.", status)));
    ASSERT_TRUE(plan.ok()) << plan.status();
    ASSERT_EQ(plan->commands.size(), 1u);
    ASSERT_EQ(plan->commands[0].report().recipients_size(), 1);
    const stored::RecipientReport& report = plan->commands[0].report().recipients(0);
    EXPECT_EQ(report.event().verdict().bounce_class(), v1::Verdict::HARD) << status;
    EXPECT_EQ(report.decision().action(), stored::PolicyDecision::SUPPRESS) << status;
    for (const PlannedOutcome& planned : plan->outcomes) EXPECT_EQ(planned.recipient, 0);
  }
}

TEST(ReportPlanTest, AnEventThatNamesAPersonTwiceIsOneEventAboutHim) {
  v1::ReportBounceRequest request = Event(
      R"({"notificationType":"Bounce","bounce":{"bounceType":"Permanent","feedbackId":"f","bouncedRecipients":)"
      R"([{"emailAddress":"jo@example.com","action":"delayed"},{"emailAddress":"ann@example.com"},)"
      R"({"emailAddress":"<Jo@EXAMPLE.com>","action":"failed","diagnosticCode":"smtp; 550 5.1.1 user unknown"}]}})");
  request.mutable_provider_event()->set_provider("ses");
  const auto plan = Plan(request);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(Outcomes(*plan), ElementsAre("jo@example.com 0/0", "ann@example.com 1/0", "jo@example.com 0/0"));
  EXPECT_EQ(plan->commands[0].report().recipients(0).event().verdict().bounce_class(), v1::Verdict::HARD);
  EXPECT_EQ(plan->commands.size(), 2u);
}

TEST(ReportPlanTest, AnEventWithoutIdIsKnownByWhatItSaysNotByItsPlace) {
  const std::string jo = Bounce("jo@example.com", R"(,"timestamp":1504555832)");
  const std::string ann = Bounce("ann@example.com", R"(,"timestamp":1504555832)");
  const std::string later = Bounce("jo@example.com", R"(,"timestamp":1504555833)");
  v1::ReportBounceRequest first = Event("[" + jo + "," + ann + "," + later + "]");
  v1::ReportBounceRequest second = Event("[" + later + "," + ann + "," + jo + "]");
  for (v1::ReportBounceRequest* request : {&first, &second}) request->set_event_id("mine");
  const auto one = Plan(first), other = Plan(second);
  ASSERT_TRUE(one.ok() && other.ok());
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(one->commands[i].request_key(), other->commands[2 - i].request_key()) << i;
  EXPECT_NE(one->commands[0].request_key(), one->commands[1].request_key());
  EXPECT_NE(one->commands[0].request_key(), one->commands[2].request_key()) << "another time, another event";
}

TEST(ReportPlanTest, EachEventOfAPayloadClaimsTheRequestId) {
  v1::ReportBounceRequest request =
      Event("[" + Bounce("jo@example.com", R"(,"sg_event_id":"a")") + "," + Bounce("ann@example.com") + "]");
  request.set_request_id("3F0C1F6E-7A55-4C5E-9D1B-0F6F4F6B8A01");
  const auto plan = Plan(request);
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_EQ(plan->commands.size(), 2u);
  const std::string key = "r:3f0c1f6e-7a55-4c5e-9d1b-0f6f4f6b8a01";
  EXPECT_EQ(plan->commands[0].request_key(), "e:sendgrid:a");
  EXPECT_THAT(plan->commands[1].request_key(), StartsWith(key + "\t"));
  for (const stored::Command& command : plan->commands) {
    EXPECT_EQ(command.claim_key(), key);
    EXPECT_EQ(command.claim_digest(), plan->commands[1].payload_digest());
  }
  request.mutable_provider_event()->set_payload("[" + Bounce("ann@example.com") + "]");
  EXPECT_NE(Plan(request)->commands[0].claim_digest(), plan->commands[0].claim_digest());
}

TEST(ReportPlanTest, AMailThatIsNoBounceGivesNoCommand) {
  const auto plan = Plan(Mail("From: jo@example.com\nTo: sender@example.org\nSubject: Lunch\n\nAt noon?\n"));
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->kind, v1::BounceEvent::OTHER_MAIL);
  EXPECT_TRUE(plan->commands.empty());
  EXPECT_TRUE(plan->outcomes.empty());
}

TEST(ReportPlanTest, EachEventOfAPayloadIsIdempotentByItsOwnId) {
  v1::ReportBounceRequest request =
      Event("[" + Bounce("Jo@Example.com", R"(,"sg_event_id":"a")") + "," +
            Bounce("ann@example.com", R"(,"sg_event_id":"b")") + "," + Bounce("joe@example.com") + "]");
  request.set_event_id("mine");
  const auto plan = Plan(request);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(Outcomes(*plan), ElementsAre("jo@example.com 0/0", "ann@example.com 1/0", "joe@example.com 2/0"));
  ASSERT_EQ(plan->commands.size(), 3u);
  EXPECT_EQ(plan->commands[0].request_key(), "e:sendgrid:a");
  EXPECT_EQ(plan->commands[1].request_key(), "e:sendgrid:b");
  EXPECT_THAT(plan->commands[2].request_key(), StartsWith("e:mine\t"));
  EXPECT_EQ(plan->outcomes[0].outcome.event_id(), "sendgrid:a");
  for (const stored::Command& command : plan->commands) {
    EXPECT_EQ(command.payload_digest(), EventDigest(v1::ReportBounceRequest::kProviderEvent, command.report()));
  }
}

TEST(ReportPlanTest, TheSameEventHasTheSameDigestHoweverItComes) {
  const auto alone = Plan(Event(Bounce("jo@example.com", R"(,"sg_event_id":"a")")));
  const auto later = Plan(Event("[" + Bounce("ann@example.com", R"(,"sg_event_id":"b")") + "," +
                                Bounce("<jo@EXAMPLE.com>", R"(,"sg_event_id":"a","status":"5.1.1")") + "]"));
  ASSERT_TRUE(alone.ok() && later.ok());
  EXPECT_EQ(alone->commands[0].payload_digest(), later->commands[1].payload_digest());
  EXPECT_NE(later->commands[0].payload_digest(), later->commands[1].payload_digest());
}

TEST(ReportPlanTest, AnEventThatCameByMailDoesNotTakeTheIdOfTheWebhooks) {
  const std::string payload =
      R"({"notificationType":"Bounce","bounce":{"bounceType":"Permanent","feedbackId":"f","bouncedRecipients":)"
      R"([{"emailAddress":"jo@example.com"},{"emailAddress":"ann@example.com"}]}})";
  v1::ReportBounceRequest webhook = Event(payload);
  webhook.mutable_provider_event()->set_provider("ses");
  const auto called = Plan(webhook);
  const auto mailed =
      Plan(Mail("From: no-reply@sns.amazonaws.com\nSubject: Notification\n\n" + payload + "\n\n--\nBye.\n"));
  ASSERT_TRUE(called.ok() && mailed.ok());
  EXPECT_EQ(mailed->kind, v1::BounceEvent::PROVIDER_WEBHOOK);
  EXPECT_THAT(Outcomes(*mailed), ElementsAre("jo@example.com 0/0", "ann@example.com 1/0"));
  ASSERT_EQ(called->commands.size(), 2u);
  ASSERT_EQ(mailed->commands.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_THAT(called->commands[i].request_key(), StartsWith("e:ses:f/"));
    EXPECT_EQ(mailed->commands[i].request_key(), "m:" + called->commands[i].request_key().substr(2));
    EXPECT_EQ(mailed->commands[i].payload_digest(), called->commands[i].payload_digest());
  }
}

TEST(ReportPlanTest, AFailedRecipientOfAStatusThatIsNoAddressFailsAlone) {
  const auto plan = Plan(Mail(
      "From: MAILER-DAEMON@example.org\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
      "--b\n\nfailed\n--b\nContent-Type: message/delivery-status\n\n"
      "Final-Recipient: rfc822; jo@example.com\nAction: failed\nStatus: 5.1.1\n\n"
      "Final-Recipient: x-local; ann smith\nAction: failed\nStatus: 5.1.1\n\n"
      "Final-Recipient: rfc822;\nAction: failed\nStatus: 5.1.1\n--b--\n"));
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(Outcomes(*plan), ElementsAre("jo@example.com 0/0", "INVALID_ADDRESS", "NO_RECIPIENT"));
}

TEST(ReportPlanTest, EventsThatCannotBeTakenAreRefusedOutcomesOfTheirOwn) {
  const auto plan = Plan(Event(R"([{"event":"plugh","email":"Jo@EXAMPLE.com","sg_event_id":"a"},7,)" +
                               Bounce("no address", R"(,"sg_event_id":"b")") + "," + Bounce("ann@example.com") + "]"));
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(Outcomes(*plan),
              ElementsAre("UNKNOWN_EVENT", "MALFORMED_PAYLOAD", "INVALID_ADDRESS", "ann@example.com 0/0"));
  EXPECT_EQ(plan->commands.size(), 1u);
  EXPECT_EQ(plan->outcomes[0].outcome.event_id(), "sendgrid:a");
  EXPECT_EQ(plan->outcomes[0].outcome.address(), "jo@example.com");
  EXPECT_EQ(plan->outcomes[2].outcome.event_id(), "sendgrid:b");
}

TEST(ReportPlanTest, APayloadOfWhichNothingCanBeTakenIsRefused) {
  ExpectError(Event(R"([{"event":"plugh"},7])"), v1::UNKNOWN_EVENT, "/0/event: is no kind of sendgrid event");
  ExpectError(Event("[7," + Bounce("no address") + "]"), v1::MALFORMED_PAYLOAD, "none of the events");
  ExpectError(Event("[" + Bounce("no address") + ",7]"), v1::INVALID_ADDRESS, "no valid address");
}

TEST(ReportPlanTest, WhenTheMailWasSentComesFromTheMail) {
  const v1::BounceEvent event = OnlyEvent(Mail(Dsn("It failed.", Failed("jo@example.com"))));
  EXPECT_EQ(event.mail_sent_at().seconds(), kMailSent);
  EXPECT_EQ(event.message_id(), "<m1@example.org>");
  EXPECT_EQ(event.occurred_at().seconds(), kNow);
  EXPECT_EQ(event.received_at().seconds(), kNow);
}

// Of the only event that a mail tells.
std::string IdentityOf(const std::string& mail) {
  return OnlyEvent(Mail(mail)).identity();
}

TEST(ReportPlanTest, AMailHasAnIdentityWhateverItLacks) {
  const std::string text = TextBounce("<jo@example.com>:\n550 5.1.1 no such user\n");
  EXPECT_EQ(IdentityOf(text).size(), 32u) << "neither its own Message-ID nor that of a returned mail";
  EXPECT_EQ(IdentityOf(absl::StrReplaceAll(text, {{"\n", "\r\n"}})), IdentityOf(text));
  EXPECT_NE(IdentityOf(text + "\nBye.\n"), IdentityOf(text));
  const std::string own = "Message-ID: <b1@mx.example.org>\n" + text;
  EXPECT_EQ(IdentityOf(own + "\nBye.\n"), IdentityOf(own)) << "known by its Message-ID";
  EXPECT_NE(IdentityOf(own), IdentityOf(text));
  const std::string dsn = Dsn("It failed.", Failed("jo@example.com"));
  EXPECT_EQ(IdentityOf("Message-ID: <b2@mx.example.org>\n" + dsn), IdentityOf(dsn)) << "known by the returned mail's";
  EXPECT_NE(IdentityOf(Dsn("It failed.", Failed("ann@example.com"))), IdentityOf(dsn));
}

TEST(ReportPlanTest, AReplyHasTheIdentityOfTheMailThatBounced) {
  v1::ReportBounceRequest reply;
  reply.mutable_smtp_reply()->set_recipient("Jo@Example.com");
  reply.mutable_smtp_reply()->set_text("550 5.1.1 user unknown");
  EXPECT_EQ(OnlyEvent(reply).identity(), "") << "nothing tells it from another";
  const std::string identity = IdentityOf(Dsn("It failed.", Failed("jo@example.com")));
  for (const char* message_id : {"m1@example.org", "<m1@example.org>", " <m1@example.org> (news)"}) {
    reply.set_message_id(message_id);
    EXPECT_EQ(OnlyEvent(reply).identity(), identity) << message_id;
  }
  reply.mutable_smtp_reply()->set_text("450 4.2.2 mailbox full");
  EXPECT_NE(OnlyEvent(reply).identity(), identity) << "it says something else";
}

TEST(ReportPlanTest, ASidecarsReportIsNotLaterThanItWasTaken) {
  v1::ReportBounceRequest request =
      Mail(absl::StrCat("Date: Thu, 05 Nov 2026 09:00:00 +0000\n", Dsn("It failed.", Failed("jo@example.com"))));
  EXPECT_EQ(OnlyEvent(request).occurred_at().seconds(), kNow - 1'600);
  const auto taken = Plan(request, (kNow - 1'700) * 1'000'000);
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_EQ(taken->commands[0].report().recipients(0).event().occurred_at().seconds(), kNow - 1'700);
}

TEST(ReportPlanTest, ImplausibleTimesAreIgnored) {
  for (const char* time : {"1793870801", "253402300799", "0", "-1"}) {  // the first is a second ahead
    const v1::BounceEvent event = OnlyEvent(Event(Bounce("jo@example.com", absl::StrCat(",\"timestamp\":", time))));
    EXPECT_EQ(event.occurred_at().seconds(), kNow) << time;
  }
  EXPECT_EQ(OnlyEvent(Event(Bounce("jo@example.com", R"(,"timestamp":1793870800)"))).occurred_at().seconds(), kNow);
  EXPECT_EQ(OnlyEvent(Event(Bounce("jo@example.com", R"(,"timestamp":1504555832)"))).occurred_at().seconds(),
            1504555832);
  std::string mail = Dsn("It failed.", Failed("jo@example.com"));
  mail.replace(mail.find("Nov 2026"), 8, "Nov 2126");
  EXPECT_FALSE(OnlyEvent(Mail(mail)).has_mail_sent_at());
}

TEST(ReportPlanTest, WhatTheRequestSaysOfMessageAndTimesWins) {
  v1::ReportBounceRequest mail = Mail(Dsn("It failed.", Failed("jo@example.com")));
  v1::ReportBounceRequest payload =
      Event(Bounce("jo@example.com", R"(,"timestamp":1504555832,"smtp-id":"<other@example.com>")"));
  for (v1::ReportBounceRequest* request : {&mail, &payload}) {
    request->set_message_id("<mine@example.com>");
    request->mutable_occurred_at()->set_seconds(1'600'000'000);
    request->mutable_mail_sent_at()->set_seconds(1'500'000'000);
    request->set_stream("news");
    request->set_source("here");
    const v1::BounceEvent event = OnlyEvent(*request);
    EXPECT_EQ(event.message_id(), "<mine@example.com>");
    EXPECT_EQ(event.occurred_at().seconds(), 1'600'000'000);
    EXPECT_EQ(event.mail_sent_at().seconds(), 1'500'000'000);
    EXPECT_EQ(event.stream(), "news");
    EXPECT_EQ(event.source(), "here");
  }
}

}  // namespace
}  // namespace suppressd
