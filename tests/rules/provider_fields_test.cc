// Which member of a provider's event becomes which field of a report, and the envelopes around events.
#include <gmock/gmock.h>

#include "tests/rules/provider_events.h"

namespace suppression {
namespace {

using ::testing::HasSubstr;

// The fields of a report, one a line.
std::string FieldsOf(const ReportedRecipient& report) {
  const v1::BounceEvent& event = report.event;
  return report.recipient + "\n" + report.event_id + "\n" + event.diagnostic() + "\n" + event.remote_mta() + "\n" +
         event.message_id() + "\n" + std::to_string(event.occurred_at().seconds()) + "\n" +
         std::to_string(event.mail_sent_at().seconds()) + "\n" + std::to_string(event.verdict().code()) + " " +
         event.verdict().enhanced_code() + "\n" + event.feedback_type();
}

constexpr char kSesBounce[] = R"({
  "notificationType": "Bounce",
  "bounce": {
    "bounceType": "Permanent", "bounceSubType": "General",
    "bouncedRecipients": [
      {"emailAddress": "First@example.com", "action": "failed", "status": "5.1.1",
       "diagnosticCode": "smtp; 550 5.1.1 user unknown"},
      {"emailAddress": "second@example.com", "action": "delayed", "status": "4.4.1"}],
    "timestamp": "2017-09-04T20:10:32.500Z", "feedbackId": "0100-feed", "remoteMtaIp": "192.0.2.7",
    "reportingMTA": "dsn; a1-2.smtp-out.amazonses.com"},
  "mail": {"timestamp": "2017-09-04T20:10:30Z", "messageId": "0100-mail", "source": "sender@example.org",
           "destination": ["First@example.com", "second@example.com"]}})";

TEST(SesFields, OneReportForEachRecipient) {
  const auto reports = Read("ses", kSesBounce);
  ASSERT_TRUE(reports.ok() && reports->size() == 2) << reports.status();
  EXPECT_EQ(FieldsOf((*reports)[0]),
            "First@example.com\nses:0100-feed/0\nsmtp; 550 5.1.1 user unknown\n192.0.2.7\n0100-mail\n1504555832\n"
            "1504555830\n550 5.1.1\n");
  EXPECT_EQ((*reports)[0].event.occurred_at().nanos(), 500'000'000);
  EXPECT_EQ(FieldsOf((*reports)[1]),
            "second@example.com\nses:0100-feed/1\n\n192.0.2.7\n0100-mail\n1504555832\n1504555830\n0 4.4.1\n");
}

TEST(SesFields, TheSendersOwnMessageIdWhereItIsSaid) {
  const auto report = ReadOne("ses", R"({"eventType":"Delivery",
      "delivery":{"recipients":["user@example.com"],"smtpResponse":"250 2.6.0 OK","timestamp":"2017-09-04T20:10:32Z"},
      "mail":{"messageId":"0100-mail","commonHeaders":{"messageId":"<1@example.org>"}}})");
  EXPECT_EQ(FieldsOf(report), "user@example.com\n\n250 2.6.0 OK\n\n<1@example.org>\n1504555832\n0\n0 \n");
}

TEST(SesFields, Complaint) {
  const auto report = ReadOne("ses", R"({"eventType":"Complaint","complaint":{"feedbackId":"0100-feed",
      "complainedRecipients":[{"emailAddress":"user@example.com"}],"timestamp":"2017-09-04T20:10:32Z",
      "userAgent":"Mailbox/1.0","complaintFeedbackType":"Abuse"},"mail":{"messageId":"0100-mail"}})");
  EXPECT_EQ(FieldsOf(report), "user@example.com\nses:0100-feed\n\nMailbox/1.0\n0100-mail\n1504555832\n0\n0 \nabuse");
}

std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c == '\n' ? ' ' : c;
  }
  return quoted + "\"";
}

TEST(SesEnvelope, AnEventInAnSnsNotificationIsThatEvent) {
  const auto bare = Read("ses", kSesBounce);
  const auto wrapped = Read("ses", R"({"Type":"Notification","MessageId":"m","Message":)" + Quoted(kSesBounce) + "}");
  ASSERT_TRUE(wrapped.ok()) << wrapped.status();
  ASSERT_EQ(wrapped->size(), 2u);
  EXPECT_EQ((*wrapped)[0].event.SerializeAsString(), (*bare)[0].event.SerializeAsString());
  EXPECT_EQ((*wrapped)[1].event_id, (*bare)[1].event_id);
}

TEST(SesEnvelope, TheGatewayMustConfirmSubscriptions) {
  for (const char* type : {"SubscriptionConfirmation", "UnsubscribeConfirmation"}) {
    const auto reports = Read("ses", R"({"Type":")" + std::string(type) + R"(","Token":"x"})");
    EXPECT_EQ(ReasonOf(reports.status()), v1::UNKNOWN_EVENT);
    EXPECT_THAT(std::string(reports.status().message()), HasSubstr("the gateway must do that"));
  }
}

TEST(SesEnvelope, SesChecksATopicWithPlainText) {
  const auto reports =
      Read("ses",
           R"({"Type":"Notification","Message":"Successfully validated SNS topic for Amazon SES event publishing."})");
  ASSERT_TRUE(reports.ok()) << reports.status();
  EXPECT_EQ(reports->size(), 0u);
}

TEST(SesEnvelope, BadEnvelopesAreNamed) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"Type":"Other"})", "/Type: is no type"},
      {R"({"Type":["Notification"]})", "/Type: is no type"},
      {R"({"Type":"Notification"})", "/Message: is not a string"},
      {R"({"Type":"Notification","Message":{"notificationType":"Bounce"}})", "/Message: is not a string"},
      {R"({"Type":"Notification","Message":""})", "/Message: is empty"},
      {R"({"Type":"Notification","Message":"{"})", "/Message: is not JSON"},
      {R"({"Type":"Notification","Message":"[]"})", "/Message: is not an object"},
      {R"({"Type":"Notification","Message":")" + std::string(40, '[') + "\"}", "/Message: is nested deeper"},
      {R"({"Type":"Notification","Message":"{\"Type\":\"Notification\",\"Message\":\"x\"}"})", "/Message: has neither"},
  };
  for (const auto& [payload, message] : cases) {
    const auto reports = Read("ses", payload);
    EXPECT_EQ(ReasonOf(reports.status()), v1::MALFORMED_PAYLOAD) << payload;
    EXPECT_THAT(std::string(reports.status().message()), HasSubstr(message)) << payload;
  }
}

TEST(SesFields, WrongShapesAreNamed) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"notificationType":"Bounce"})", "/bounce: is not an object"},
      {R"({"notificationType":"Bounce","bounce":[]})", "/bounce: is not an object"},
      {R"({"notificationType":"Bounce","bounce":{}})", "/bounce/bouncedRecipients: is not an array"},
      {R"({"notificationType":"Bounce","bounce":{"bouncedRecipients":{}}})",
       "/bounce/bouncedRecipients: is not an array"},
      {R"({"notificationType":"Bounce","bounce":{"bouncedRecipients":[]}})", "/bounce/bouncedRecipients: is empty"},
      {R"({"notificationType":"Bounce","bounce":{"bouncedRecipients":[[]]}})", "/bounce/bouncedRecipients/0: names no"},
      {R"({"notificationType":"Bounce","bounce":{"bouncedRecipients":[{"emailAddress":{}}]}})",
       "/0: names no recipient"},
      {R"({"eventType":"Complaint","complaint":{"complainedRecipients":[null]}})", "/0: names no recipient"},
      {R"({"eventType":17})", "has neither notificationType nor eventType"},
  };
  for (const auto& [payload, message] : cases) {
    const auto reports = Read("ses", payload);
    EXPECT_EQ(ReasonOf(reports.status()), v1::MALFORMED_PAYLOAD) << payload;
    EXPECT_THAT(std::string(reports.status().message()), HasSubstr(message)) << payload;
  }
}

TEST(SendgridFields, Bounce) {
  const auto report = ReadOne("sendgrid", R"([{"email":"user@example.com","event":"bounce","type":"bounce",
      "timestamp":1504555832,"smtp-id":"<1@example.org>","sg_message_id":"sg.filter1","sg_event_id":"S4wr46",
      "status":"5.1.1","reason":"550 5.1.1 User unknown","ip":"192.0.2.1"}])");
  EXPECT_EQ(FieldsOf(report),
            "user@example.com\nsendgrid:S4wr46\n550 5.1.1 User unknown\n\n<1@example.org>\n1504555832\n"
            "0\n550 5.1.1\n");
}

TEST(MailgunFields, Failure) {
  const auto report = ReadOne("mailgun", R"({"signature":{"timestamp":"1","token":"t","signature":"s"},"event-data":{
      "id":"G9Bn5sl1TC6nu79C8C0bwg","timestamp":1504555832.25,"event":"failed","severity":"permanent","reason":"bounce",
      "recipient":"user@example.com","message":{"headers":{"message-id":"1@example.org","to":"User <user@example.com>"}},
      "delivery-status":{"code":550,"enhanced-code":"5.1.1","message":"5.1.1 User unknown","description":"",
                         "mx-host":"mx.example.com","attempt-no":1}}})");
  EXPECT_EQ(FieldsOf(report),
            "user@example.com\nmailgun:G9Bn5sl1TC6nu79C8C0bwg\n5.1.1 User unknown\nmx.example.com\n1@example.org\n"
            "1504555832\n0\n550 5.1.1\n");
}

TEST(PostmarkFields, Bounce) {
  const auto report = ReadOne("postmark", R"({"RecordType":"Bounce","ID":692560173,"Type":"HardBounce","TypeCode":1,
      "MessageID":"883953f4-6105-42a2-a16a-77a8eac79483","Description":"Unknown user.","Email":"user@example.com",
      "Details":"smtp;550 5.1.1 User unknown","BouncedAt":"2017-09-04T16:10:32.9070259-04:00","Inactive":true})");
  EXPECT_EQ(
      FieldsOf(report),
      "user@example.com\npostmark:692560173\nsmtp;550 5.1.1 User unknown\n\n883953f4-6105-42a2-a16a-77a8eac79483\n"
      "1504555832\n0\n550 5.1.1\n");
}

TEST(SparkpostFields, Bounce) {
  const auto report = ReadOne("sparkpost", R"([{"msys":{"message_event":{"type":"bounce","bounce_class":"10",
      "error_code":"550","event_id":"92356927693813856","ip_address":"192.0.2.7","message_id":"000443ee14578172be22",
      "injection_time":"2017-09-04T20:10:30.000Z","timestamp":"1504555832","raw_rcpt_to":"User@example.com",
      "rcpt_to":"user@example.com","raw_reason":"550 5.1.1 User unknown","reason":"550 5.1.1 ..."}}}])");
  EXPECT_EQ(FieldsOf(report),
            "User@example.com\nsparkpost:92356927693813856\n550 5.1.1 User unknown\n192.0.2.7\n"
            "000443ee14578172be22\n1504555832\n1504555830\n550 5.1.1\n");
}

TEST(SparkpostFields, WrongShapesAreNamed) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"([{"msys":{"a":{},"b":{}}}])", "/0/msys: holds more than one event"},
      {R"([{"msys":{"message_event":[]}}])", "/0/msys/*: is not an object"},
      {R"([{"msys":{"message_event":{}}}])", "/0/msys/*/type: is not a string"},
      {R"([{"msys":{"message_event":{"type":"bounce"}}}])", "/0/msys/*/raw_rcpt_to: names no recipient"},
  };
  for (const auto& [payload, message] : cases) {
    EXPECT_THAT(std::string(Read("sparkpost", payload).status().message()), HasSubstr(message)) << payload;
  }
}

}  // namespace
}  // namespace suppression
