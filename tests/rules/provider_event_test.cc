// The webhook reader: what is common to all providers, and bad input.
#include "server/bounces/rules/provider_event.h"

#include <gmock/gmock.h>

#include "tests/rules/provider_events.h"

namespace suppressd {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kProviders[] = {"ses", "sendgrid", "mailgun", "postmark", "sparkpost"};

std::string Bounce(const std::string& fields) {
  return R"({"event":"bounce","email":"user@example.com")" + fields + "}";
}

void ExpectError(const std::string& provider, const std::string& payload, v1::ErrorReason reason,
                 const std::string& message) {
  const auto reports = Read(provider, payload);
  ASSERT_FALSE(reports.ok()) << provider << " " << payload.substr(0, 200);
  EXPECT_EQ(reports.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonName(ReasonOf(reports.status())), ReasonName(reason)) << payload.substr(0, 200);
  EXPECT_EQ(ErrorMetadata(reports.status(), "field"),
            reason == v1::UNKNOWN_PROVIDER ? "provider_event.provider" : "provider_event.payload");
  EXPECT_THAT(std::string(reports.status().message()), AllOf(HasSubstr(message), Not(HasSubstr("@"))));
}

void ExpectMalformed(const std::string& provider, const std::string& payload, const std::string& message) {
  ExpectError(provider, payload, v1::MALFORMED_PAYLOAD, message);
}

TEST(ProviderEvent, UnknownProviderNamesThoseSupported) {
  ExpectError("carrier-pigeon@example.com", "{}", v1::UNKNOWN_PROVIDER, "ses, sendgrid, mailgun, postmark, sparkpost");
  ExpectError("", "{}", v1::UNKNOWN_PROVIDER, "none of");
}

TEST(ProviderEvent, ProviderInAnyCase) {
  EXPECT_EQ(ReadOne("SendGrid", Bounce(R"(,"reason":"550 5.1.1 User unknown")")).event.provider(), "sendgrid");
}

TEST(ProviderEvent, ReportsSayWhatTheyAre) {
  v1::ProviderEvent request;
  request.set_provider("sendgrid");
  request.set_payload(Bounce(R"(,"reason":"550 5.1.1 User unknown")"));
  for (const bool verified : {false, true}) {
    request.set_signature_verified(verified);
    const auto reports = ReadProviderEvent(request, BuiltInRules());
    ASSERT_TRUE(reports.ok() && reports->size() == 1);
    EXPECT_EQ(reports->front().event.signature_verified(), verified);
    EXPECT_EQ(reports->front().event.kind(), v1::BounceEvent::PROVIDER_WEBHOOK);
    EXPECT_FALSE(reports->front().event.has_received_at());
    EXPECT_FALSE(reports->front().event.has_occurred_at());
    EXPECT_EQ(reports->front().event_id, "");
  }
}

TEST(ProviderEvent, VerdictOfTheTextNamesTheClassifiersRules) {
  const auto report = ReadOne("sendgrid", Bounce(R"(,"reason":"550 5.1.1 <user@example.com>... User unknown")"));
  const v1::Verdict& verdict = report.event.verdict();
  EXPECT_EQ(verdict.bounce_class(), v1::Verdict::HARD);
  EXPECT_EQ(verdict.rule_set_version(), BuiltInRules().version());
  EXPECT_EQ(verdict.evidence(), "User unknown");
  EXPECT_EQ(verdict.code(), 550);
  EXPECT_EQ(verdict.enhanced_code(), "5.1.1");
  EXPECT_EQ(report.event.diagnostic(), "550 5.1.1 <user@example.com>... User unknown");
}

TEST(ProviderEvent, VerdictOfATypingNamesTheTables) {
  const auto report = ReadOne("sendgrid", R"({"event":"dropped","email":"user@example.com","reason":"Invalid"})");
  EXPECT_EQ(report.event.verdict().rule_id(), "provider.sendgrid.invalid");
  EXPECT_EQ(report.event.verdict().rule_set_version(), kProviderRulesVersion);
}

TEST(ProviderEvent, TextThatNobodyKnowsIsUndetermined) {
  EXPECT_EQ(SummaryOf("sendgrid", Bounce(R"(,"reason":"550 plugh","type":"bounce")")),
            "SOFT UNDETERMINED by provider.sendgrid.bounce");
}

TEST(ProviderEvent, TimesAsProvidersWriteThem) {
  const auto seconds = [](const std::string& time) {
    return ReadOne("sendgrid", Bounce(R"(,"reason":"x","timestamp":)" + time)).event.occurred_at().seconds();
  };
  EXPECT_EQ(seconds("1504555832"), 1504555832);
  EXPECT_EQ(seconds("\"1504555832\""), 1504555832);
  EXPECT_EQ(seconds("1504555832.75"), 1504555832);
  EXPECT_EQ(seconds("\"2017-09-04T20:10:32.5Z\""), 1504555832);
  EXPECT_EQ(seconds("\"2017-09-04T16:10:32.0000001-04:00\""), 1504555832);
  EXPECT_EQ(seconds("\"2017-09-04T20:10:32 +0000\""), 1504555832);
  EXPECT_EQ(seconds("\"2017-09-04 20:10:32\""), 1504555832);
}

TEST(ProviderEvent, TimesThatAreNoneAreNotSaid) {
  for (const char* time : {"0", "-1", "1e300", "1e18", "9999999999999999", "\"\"", "\"yesterday\"",
                           "\"infinite-future\"", "\"99999-01-01T00:00:00Z\"", "true", "[1]", "\"1.2.3\"", "null"}) {
    const auto report = ReadOne("sendgrid", Bounce(R"(,"reason":"x","timestamp":)" + std::string(time)));
    EXPECT_FALSE(report.event.has_occurred_at()) << time;
  }
}

TEST(ProviderEvent, FieldsOfTheWrongTypeCountAsAbsent) {
  const auto report =
      ReadOne("sendgrid", Bounce(R"(,"reason":["550 User unknown"],"status":{},"sg_event_id":false,"smtp-id":null)"));
  EXPECT_EQ(Summary(report), "SOFT UNDETERMINED by provider.sendgrid.bounce");
  EXPECT_EQ(report.event.diagnostic() + report.event.message_id() + report.event_id, "");
}

TEST(ProviderEvent, NumbersWhereStringsAreExpectedAreText) {
  const auto report = ReadOne("sendgrid", Bounce(R"(,"reason":550,"status":550,"sg_event_id":17)"));
  EXPECT_EQ(report.event.diagnostic(), "550");
  EXPECT_EQ(report.event.verdict().code(), 550);
  EXPECT_EQ(report.event_id, "sendgrid:17");
}

TEST(ProviderEvent, OfMembersOfOneNameTheLastCounts) {
  EXPECT_EQ(ReadOne("sendgrid", Bounce(R"(,"email":"other@example.com","reason":"x")")).recipient, "other@example.com");
}

TEST(ProviderEvent, StringsAreCutBetweenCharacters) {
  std::string wide;
  for (int i = 0; i < 10'000; ++i) wide += "ä";
  const auto report = ReadOne("sendgrid", R"({"event":"bounce","email":")" + wide + R"(","reason":"1)" + wide +
                                              R"(","smtp-id":"1)" + wide + R"(","sg_event_id":")" + wide + "\"}");
  EXPECT_EQ(report.event.diagnostic().size(), 16'383u);
  EXPECT_TRUE(report.event.truncated());
  EXPECT_EQ(report.event.message_id().size(), 997u);
  EXPECT_EQ(report.recipient.size(), 1'024u);
  EXPECT_LE(report.event_id.size(), 256u);
  v1::BounceEvent copy;
  EXPECT_TRUE(copy.ParseFromString(report.event.SerializeAsString()));
}

TEST(ProviderEvent, EventIdsThatHadToBeChangedStayDifferent) {
  const auto id = [](const std::string& text) {
    return ReadOne("sendgrid", Bounce(R"(,"reason":"x","sg_event_id":")" + text + "\"")).event_id;
  };
  EXPECT_EQ(id("S4wr46YHS0qr3BKhawTQjQ"), "sendgrid:S4wr46YHS0qr3BKhawTQjQ");
  EXPECT_EQ(id("a b"), id("a b"));
  EXPECT_NE(id("a b"), id("a?b"));
  EXPECT_NE(id("ä"), id("ö"));
  EXPECT_NE(id(std::string(300, 'a') + "1"), id(std::string(300, 'a') + "2"));
  EXPECT_LE(id(std::string(300, 'a')).size(), 256u);
}

TEST(ProviderEvent, WhatIsNoJsonIsMalformed) {
  for (const char* provider : kProviders) {
    ExpectMalformed(provider, "", "is empty");
    for (const char* payload : {" ", "{", "}", "[{]}", "nul", "'a'", "{\"a\":1}x", "{\"a\":01}", "[1e999]", "{\"a\"}",
                                "\"\\ud800\"", "user@example.com"}) {
      ExpectMalformed(provider, payload, "is not JSON in UTF-8, see byte ");
    }
    ExpectMalformed(provider, "{\"event\":\"\xFF\"}", "see byte 11");
    ExpectMalformed(provider, std::string("[\0]", 3), "see byte 2");
  }
}

TEST(ProviderEvent, WhatIsNoEventIsMalformed) {
  for (const char* provider : kProviders) {
    for (const char* payload : {"{}", "1", "-0.5", "\"bounce\"", "null", "true", "[[]]", "[1]", "[null]", "[[[{}]]]",
                                "{\"event\":null}", "[\"user@example.com\"]"}) {
      ExpectMalformed(provider, payload, "is not a");
    }
  }
}

TEST(ProviderEvent, DeepPayloadsAreRefusedBeforeTheyAreParsed) {
  const auto nested = [](int levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  for (const char* provider : kProviders) {
    ExpectMalformed(provider, nested(kPayloadDepthMax + 1), "is nested deeper than 32 levels");
    ExpectMalformed(provider, std::string(500'000, '['), "is nested deeper than 32 levels");
    ExpectMalformed(provider, nested(kPayloadDepthMax), "is not an object");
  }
  // Brackets within strings nest nothing.
  const std::string reason = "\"reason\":\"" + std::string(100, '[') + "\\\"" + std::string(100, '{') + "\"";
  EXPECT_TRUE(Read("sendgrid", Bounce("," + reason)).ok());
}

TEST(ProviderEvent, PayloadsUpToTheLimitAreRead) {
  const std::string event = Bounce(R"(,"reason":"550 5.1.1 User unknown")");
  EXPECT_TRUE(Read("sendgrid", event + std::string(kPayloadBytesMax - event.size(), ' ')).ok());
  ExpectMalformed("sendgrid", event + std::string(kPayloadBytesMax - event.size() + 1, ' '), "longer than 1048576");
}

TEST(ProviderEvent, AThousandEventsAreReadAndNoMore) {
  const auto batch = [](const std::string& event, size_t events) {
    std::string payload = "[" + event;
    for (size_t i = 1; i < events; ++i) payload += "," + event;
    return payload + "]";
  };
  const std::string sendgrid = R"({"event":"open","email":"user@example.com"})";
  const std::string sparkpost = R"({"msys":{"track_event":{"type":"open","rcpt_to":"user@example.com"}}})";
  EXPECT_EQ(Read("sendgrid", batch(sendgrid, kPayloadEventsMax))->size(), kPayloadEventsMax);
  ExpectError("sendgrid", batch(sendgrid, kPayloadEventsMax + 1), v1::BATCH_TOO_LARGE, "more than 1000");
  EXPECT_EQ(Read("sparkpost", batch(sparkpost, kPayloadEventsMax))->size(), kPayloadEventsMax);
  ExpectError("sparkpost", batch(sparkpost, kPayloadEventsMax + 1), v1::BATCH_TOO_LARGE, "more than 1000");
  const std::string ses = R"({"eventType":"Bounce","bounce":{"bouncedRecipients":)" +
                          batch(R"({"emailAddress":"user@example.com"})", kPayloadEventsMax + 1) + "}}";
  ExpectError("ses", ses, v1::BATCH_TOO_LARGE, "more than 1000");
}

TEST(ProviderEvent, ABadEventOfSeveralFailsAlone) {
  const std::string good = Bounce(R"(,"sg_event_id":"good","reason":"550 5.1.1 User unknown")");
  const std::string unknown = R"({"event":"plugh","email":"user@example.com","sg_event_id":"unknown"})";
  const auto reports =
      Read("sendgrid", "[7," + good + "," + unknown + R"(,{"event":"bounce","sg_event_id":"nobody"},)" +
                           R"({"event":"bounce","email":["x"]},{"event":{}},null])");
  ASSERT_TRUE(reports.ok()) << reports.status();
  ASSERT_EQ(reports->size(), 7u);
  EXPECT_EQ(RefusalsOf(*reports),
            "MALFORMED_PAYLOAD,,UNKNOWN_EVENT,MALFORMED_PAYLOAD,MALFORMED_PAYLOAD,MALFORMED_PAYLOAD,"
            "MALFORMED_PAYLOAD");
  EXPECT_EQ(Summary((*reports)[1]), "HARD ADDRESS_NOT_FOUND by user.unknown");
  EXPECT_EQ((*reports)[1].event_id, "sendgrid:good");
  EXPECT_EQ((*reports)[2].event_id, "sendgrid:unknown");
  EXPECT_EQ((*reports)[2].recipient, "user@example.com");
  EXPECT_EQ((*reports)[3].event_id, "sendgrid:nobody");
  EXPECT_EQ((*reports)[3].recipient, "");
}

TEST(ProviderEvent, ABadSparkpostEventFailsAlone) {
  const auto reports = Read("sparkpost", R"([{"msys":{"message_event":{"type":"plugh","event_id":"1"}}},{"msys":[]},
    {"msys":{"message_event":{"type":"bounce","rcpt_to":"user@example.com","bounce_class":"10","event_id":"2"}}}])");
  ASSERT_TRUE(reports.ok()) << reports.status();
  ASSERT_EQ(reports->size(), 3u);
  EXPECT_EQ(RefusalsOf(*reports), "UNKNOWN_EVENT,MALFORMED_PAYLOAD,");
  EXPECT_EQ((*reports)[0].event_id, "sparkpost:1");
  EXPECT_EQ((*reports)[2].event.verdict().bounce_class(), v1::Verdict::HARD);
}

TEST(ProviderEvent, ABadRecipientOfASesEventFailsAlone) {
  const auto reports = Read("ses", R"({"notificationType":"Bounce","bounce":{"bounceType":"Permanent","feedbackId":"f",
    "bouncedRecipients":[{"emailAddress":"user@example.com","diagnosticCode":"550 5.1.1 User unknown"},{},17]}})");
  ASSERT_TRUE(reports.ok()) << reports.status();
  ASSERT_EQ(reports->size(), 3u);
  EXPECT_EQ(RefusalsOf(*reports), ",MALFORMED_PAYLOAD,MALFORMED_PAYLOAD");
  EXPECT_TRUE((*reports)[0].is_one_of_several);
  EXPECT_TRUE((*reports)[1].is_one_of_several);
  EXPECT_NE((*reports)[0].event_id, (*reports)[1].event_id);
}

TEST(ProviderEvent, WhenAllEventsAreBadTheFirstIsTheError) {
  ExpectMalformed("sendgrid", R"([{"event":"bounce"},{"event":"plugh"}])", "/0/email: names no recipient");
  ExpectError("sendgrid", R"([{"event":"plugh"},{"event":"bounce"}])", v1::UNKNOWN_EVENT, "/0/event: is no kind of");
  ExpectMalformed("sparkpost", R"([{"msys":{}},{"msys":[]}])", "/1/msys: is not an object");
  ExpectMalformed("ses", R"({"notificationType":"Bounce","bounce":{"bouncedRecipients":[{},{}]}})",
                  "/bounce/bouncedRecipients/0: names no recipient");
}

TEST(ProviderEvent, BadEventsCountAgainstTheLimit) {
  std::string payload = "[" + Bounce("");
  for (size_t i = 1; i < kPayloadEventsMax; ++i) payload += ",7";
  EXPECT_EQ(Read("sendgrid", payload + "]")->size(), kPayloadEventsMax);
  ExpectError("sendgrid", payload + ",7]", v1::BATCH_TOO_LARGE, "more than 1000");
}

TEST(ProviderEvent, AnEmptyBatchIsAboutNobody) {
  EXPECT_EQ(Read("sendgrid", "[]")->size(), 0u);
  EXPECT_EQ(Read("sparkpost", "[]")->size(), 0u);
}

TEST(ProviderEvent, UnknownKindsNameThoseKnownAndNothingElse) {
  const std::string secret(5'000, 'x');
  const std::string odd = "\"user@example.com " + secret + "\"";
  const auto expect = [&](const char* provider, const std::string& payload, const char* known) {
    ExpectError(provider, payload, v1::UNKNOWN_EVENT, known);
    EXPECT_LT(Read(provider, payload).status().message().size(), 1'000u);
  };
  expect("ses", R"({"notificationType":)" + odd + "}", "Bounce, Complaint, Delivery");
  expect("sendgrid", R"([{"event":)" + odd + "}]", "bounce, dropped, spamreport");
  expect("mailgun", R"({"event-data":{"event":)" + odd + "}}", "failed, complained");
  expect("mailgun", R"({"event":)" + odd + "}", "bounced, dropped");
  expect("postmark", R"({"RecordType":)" + odd + "}", "Bounce, SpamComplaint, SubscriptionChange");
  expect("sparkpost", R"([{"msys":{"x":{"type":)" + odd + "}}}]", "bounce, out_of_band");
}

}  // namespace
}  // namespace suppressd
