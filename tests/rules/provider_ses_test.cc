// What Amazon SES's events are taken for. Payloads have the shapes that it documents, with made-up addresses.
#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/bounces/rules/fnv.h"
#include "tests/rules/provider_events.h"

namespace suppressd {
namespace {

using ::testing::HasSubstr;

std::string Ses(const std::string& type, const std::string& recipient = "") {
  const std::vector<std::string> types = {type.substr(0, type.find('/')), type.substr(type.find('/') + 1)};
  return absl::StrCat(R"({"notificationType":"Bounce","bounce":{"bounceType":")", types[0], R"(","bounceSubType":")",
                      types[1], R"(","bouncedRecipients":[{"emailAddress":"user@example.com")", recipient, "}]}}");
}

std::string SesComplaint(const std::string& fields) {
  return absl::StrCat(
      R"({"eventType":"Complaint","complaint":{"complainedRecipients":[{"emailAddress":"user@example.com"}])", fields,
      "}}");
}

TEST(SesVerdicts, PermanentBounces) {
  ExpectVerdicts(
      "ses",
      {
          {Ses("Permanent/General", R"(,"status":"5.1.1","diagnosticCode":"smtp; 550 5.1.1 user unknown")"),
           "HARD ADDRESS_NOT_FOUND by user.unknown"},
          {Ses("Permanent/General", R"(,"status":"5.0.0","diagnosticCode":"smtp; 554 no such user here")"),
           "HARD ADDRESS_NOT_FOUND"},
          {Ses("Permanent/General"), "SOFT UNDETERMINED by provider.ses.permanent"},
          {Ses("Permanent/General", R"(,"diagnosticCode":"smtp; 550 plugh")"),
           "SOFT UNDETERMINED by provider.ses.permanent"},
          {Ses("Permanent/General", R"(,"diagnosticCode":"smtp; 554 5.7.1 blocked using zen.spamhaus.org")"),
           "SENDER_SIDE"},
          {Ses("Permanent/NoEmail"), "HARD ADDRESS_NOT_FOUND by provider.ses.no_email"},
          {Ses("Permanent/NoEmail", R"(,"diagnosticCode":"smtp; 550 plugh")"),
           "HARD ADDRESS_NOT_FOUND by provider.ses.no_email"},
          {Ses("Permanent/Suppressed", R"(,"status":"5.1.1","diagnosticCode":"Amazon SES has suppressed sending")"),
           "HARD ADDRESS_NOT_FOUND by provider.ses.suppressed"},
          {Ses("Permanent/OnAccountSuppressionList"), "HARD ADDRESS_NOT_FOUND by provider.ses.account_suppressed"},
          {Ses("Permanent/UnsubscribedRecipient"), "NOT_A_BOUNCE by provider.ses.unsubscribed"},
          {Ses("PERMANENT/noemail"), "HARD ADDRESS_NOT_FOUND by provider.ses.no_email"},
          {Ses("Permanent/SomethingNew"), "SOFT UNDETERMINED by provider.ses.permanent"},
      });
}

TEST(SesVerdicts, TransientBouncesAreNeverHard) {
  ExpectVerdicts("ses",
                 {
                     {Ses("Transient/General"), "SOFT UNDETERMINED by provider.ses.transient"},
                     {Ses("Transient/General", R"(,"diagnosticCode":"smtp; 550 5.1.1 user unknown")"),
                      "SOFT ADDRESS_NOT_FOUND by"},
                     {Ses("Transient/MailboxFull"), "SOFT MAILBOX_FULL by provider.ses.mailbox_full"},
                     {Ses("Transient/MailboxFull", R"(,"diagnosticCode":"smtp; 552 5.2.2 mailbox is over quota")"),
                      "SOFT MAILBOX_FULL by"},
                     {Ses("Transient/MessageTooLarge"), "SENDER_SIDE by provider.ses.too_large"},
                     {Ses("Transient/ContentRejected"), "SENDER_SIDE by provider.ses.content"},
                     {Ses("Transient/ContentRejected", R"(,"diagnosticCode":"smtp; 550 5.1.1 user unknown")"),
                      "SENDER_SIDE by provider.ses.content!"},
                     {Ses("Transient/AttachmentRejected"), "SENDER_SIDE by provider.ses.attachment"},
                 });
}

TEST(SesVerdicts, UndeterminedBouncesAreWhatTheTextSays) {
  ExpectVerdicts("ses", {
                            {Ses("Undetermined/Undetermined"), "SOFT UNDETERMINED by provider.ses.undetermined"},
                            {Ses("Undetermined/Undetermined", R"(,"diagnosticCode":"smtp; 550 5.1.1 user unknown")"),
                             "HARD ADDRESS_NOT_FOUND by user.unknown"},
                            {Ses("Nonsense/NoEmail"), "SOFT UNDETERMINED by provider.ses.undetermined"},
                        });
}

TEST(SesVerdicts, ContradictionsTakeTheLessSevereAndSaySo) {
  ExpectVerdicts("ses", {
                            {Ses("Permanent/NoEmail", R"(,"diagnosticCode":"smtp; 452 4.2.2 mailbox is over quota")"),
                             "SOFT MAILBOX_FULL by"},
                            {Ses("Permanent/NoEmail", R"(,"diagnosticCode":"smtp; 450 plugh")"),
                             "SOFT ADDRESS_NOT_FOUND by provider.ses.no_email!"},
                        });
  const auto report = ReadOne("ses", Ses("Transient/General", R"(,"diagnosticCode":"smtp; 550 5.1.1 user unknown")"));
  EXPECT_TRUE(report.event.verdict().conflict());
}

TEST(SesVerdicts, ARecipientThatIsOnlyDelayedHasNotBounced) {
  for (const char* action : {"delayed", "Delivered", "relayed", "expanded"}) {
    EXPECT_EQ(SummaryOf("ses", Ses("Permanent/NoEmail", absl::StrCat(R"(,"action":")", action, "\""))),
              "NOT_A_BOUNCE by provider.ses.not_failed");
  }
  EXPECT_EQ(SummaryOf("ses", Ses("Permanent/NoEmail", R"(,"action":"failed")")),
            "HARD ADDRESS_NOT_FOUND by provider.ses.no_email");
}

TEST(SesVerdicts, Complaints) {
  ExpectVerdicts(
      "ses", {
                 {SesComplaint(""), "COMPLAINT by complaint.abuse"},
                 {SesComplaint(R"(,"complaintFeedbackType":"abuse")"), "COMPLAINT by complaint.abuse"},
                 {SesComplaint(R"(,"complaintFeedbackType":"fraud")"), "COMPLAINT by complaint.fraud"},
                 {SesComplaint(R"(,"complaintFeedbackType":null)"), "COMPLAINT by complaint.abuse"},
                 {SesComplaint(R"(,"complaintSubType":"OnAccountSuppressionList")"), "COMPLAINT by"},
                 {SesComplaint(R"(,"complaintFeedbackType":"not-spam")"), "NOT_A_BOUNCE by complaint.not-spam"},
                 {SesComplaint(R"(,"complaintFeedbackType":"virus")"), "NOT_A_BOUNCE by"},
                 {SesComplaint(R"(,"complaintFeedbackType":"auth-failure")"), "NOT_A_BOUNCE by"},
                 {SesComplaint(R"(,"complaintFeedbackType":"other")"), "NOT_A_BOUNCE by provider.ses.feedback_other"},
             });
}

TEST(SesVerdicts, AComplaintThatCouldBeOfSeveralPeopleSuppressesNone) {
  const auto reports =
      Read("ses", R"({"notificationType":"Complaint","complaint":{"feedbackId":"f","complainedRecipients":[
      {"emailAddress":"a@example.com"},{"emailAddress":"b@example.com"}]}})");
  ASSERT_TRUE(reports.ok() && reports->size() == 2);
  for (const auto& report : *reports) EXPECT_EQ(Summary(report), "NOT_A_BOUNCE by provider.ses.complaint_ambiguous");
}

TEST(SesVerdicts, AComplaintThatNamesOnePersonTwiceIsHis) {
  const auto reports =
      Read("ses", R"({"notificationType":"Complaint","complaint":{"feedbackId":"f","complainedRecipients":[
      {"emailAddress":"a@example.com"},{"emailAddress":"<A@Example.com>"}]}})");
  ASSERT_TRUE(reports.ok() && reports->size() == 2);
  for (const auto& report : *reports) EXPECT_EQ(Summary(report), "COMPLAINT by complaint.abuse");
  EXPECT_EQ((*reports)[0].event_id, (*reports)[1].event_id);
}

TEST(SesFields, TheIdOfOneOfSeveralRecipientsDoesNotDependOnTheirOrder) {
  const auto payload = [](const std::string& first, const std::string& second) {
    return R"({"eventType":"Bounce","bounce":{"feedbackId":"f","bouncedRecipients":[{"emailAddress":")" + first +
           R"("},{"emailAddress":")" + second + R"("}]}})";
  };
  const auto one = Read("ses", payload("a@example.com", "b@example.com"));
  const auto other = Read("ses", payload("B@example.com", "<a@EXAMPLE.com>"));
  ASSERT_TRUE(one.ok() && other.ok());
  EXPECT_EQ((*one)[0].event_id, (*other)[1].event_id);
  EXPECT_EQ((*one)[1].event_id, (*other)[0].event_id);
  EXPECT_NE((*one)[0].event_id, (*one)[1].event_id);
  EXPECT_TRUE((*one)[1].is_one_of_several);
}

TEST(SesVerdicts, OtherEvents) {
  const auto event = [](const std::string& type, const std::string& fields = "") {
    return absl::StrCat(R"({"eventType":")", type, R"(","mail":{"destination":["user@example.com"]})", fields, "}");
  };
  ExpectVerdicts("ses",
                 {
                     {event("Send"), "NOT_A_BOUNCE by provider.ses.send"},
                     {event("Open"), "NOT_A_BOUNCE by provider.ses.open"},
                     {event("Click"), "NOT_A_BOUNCE by provider.ses.click"},
                     {event("Subscription"), "NOT_A_BOUNCE by provider.ses.subscription"},
                     {event("Delivery", R"(,"delivery":{"recipients":["user@example.com"]})"),
                      "NOT_A_BOUNCE by provider.ses.delivery"},
                     {event("DeliveryDelay", R"(,"deliveryDelay":{"delayType":"MailboxFull","delayedRecipients":
                                   [{"emailAddress":"user@example.com","diagnosticCode":"smtp; 550 user unknown"}]})"),
                      "NOT_A_BOUNCE by provider.ses.deliverydelay"},
                     {event("Reject", R"(,"reject":{"reason":"Bad content"})"), "SENDER_SIDE by provider.ses.reject"},
                     {event("Rendering Failure"), "SENDER_SIDE by provider.ses.rendering_failure"},
                 });
  EXPECT_EQ(Read("ses", R"({"eventType":"Send","mail":{}})")->size(), 0u);
  EXPECT_EQ(Read("ses", R"({"notificationType":"AmazonSnsSubscriptionSucceeded","message":"x"})")->size(), 0u);
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

std::string IdOf(const std::string& id, const std::string& address) {
  return absl::StrFormat("%s/%016x", id, Fnv1a(address));
}

TEST(SesFields, OneReportForEachRecipient) {
  const auto reports = Read("ses", kSesBounce);
  ASSERT_TRUE(reports.ok() && reports->size() == 2) << reports.status();
  EXPECT_EQ(FieldsOf((*reports)[0]), "First@example.com\n" + IdOf("ses:0100-feed", "first@example.com") +
                                         "\nsmtp; 550 5.1.1 user unknown\n192.0.2.7\n0100-mail\n1504555832\n"
                                         "1504555830\n550 5.1.1\n");
  EXPECT_EQ((*reports)[0].event.occurred_at().nanos(), 500'000'000);
  EXPECT_EQ(FieldsOf((*reports)[1]), "second@example.com\n" + IdOf("ses:0100-feed", "second@example.com") +
                                         "\n\n192.0.2.7\n0100-mail\n1504555832\n1504555830\n0 4.4.1\n");
}

TEST(SesFields, ALongIdStaysDifferentForEachRecipient) {
  const auto reports = Read("ses", R"({"eventType":"Bounce","bounce":{"feedbackId":")" + std::string(300, 'f') +
                                       R"(","bouncedRecipients":[{"emailAddress":"a@example.com"},
                                       {"emailAddress":"b@example.com"}]}})");
  ASSERT_TRUE(reports.ok() && reports->size() == 2);
  EXPECT_NE((*reports)[0].event_id, (*reports)[1].event_id);
  EXPECT_LE((*reports)[1].event_id.size(), 256u);
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

}  // namespace
}  // namespace suppressd
