// What each provider's events are taken for. Payloads have the shapes that the providers document, with made-up
// addresses.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/rules/provider_events.h"

namespace suppression {
namespace {

struct Case {
  std::string event;
  std::string verdict;
};

// Each verdict is a Summary or the beginning of one.
void ExpectVerdicts(const std::string& provider, const std::vector<Case>& cases) {
  for (const Case& row : cases) {
    const std::string summary = SummaryOf(provider, row.event);
    EXPECT_TRUE(absl::StartsWith(summary, row.verdict)) << row.event << "\n  is " << summary << ", not " << row.verdict;
  }
}

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

std::string Sendgrid(const std::string& event, const std::string& fields) {
  return absl::StrCat(R"([{"email":"user@example.com","event":")", event, R"(",)", fields, "}]");
}

TEST(SendgridVerdicts, Bounces) {
  ExpectVerdicts(
      "sendgrid",
      {
          {Sendgrid("bounce", R"("type":"bounce","status":"5.1.1","reason":"550 5.1.1 User unknown")"),
           "HARD ADDRESS_NOT_FOUND by user.unknown"},
          {Sendgrid("bounce", R"("type":"bounce","status":"5.0.0","reason":"550 plugh")"), "SOFT UNDETERMINED by"},
          {Sendgrid("bounce", R"("type":"blocked","status":"4.0.0","reason":"400 plugh")"),
           "SOFT UNDETERMINED by provider.sendgrid.blocked"},
          {Sendgrid("bounce", R"("type":"blocked","status":"5.2.2","reason":"552 5.2.2 mailbox is over quota")"),
           "HARD MAILBOX_FULL"},
          {Sendgrid("bounce", R"("bounce_classification":"Invalid Address","type":"bounce","reason":"550 plugh")"),
           "HARD ADDRESS_NOT_FOUND by provider.sendgrid.invalid_address"},
          {Sendgrid("bounce", R"("bounce_classification":"Invalid Address","type":"blocked","reason":"550 plugh")"),
           "SOFT UNDETERMINED by provider.sendgrid.blocked"},
          {Sendgrid("bounce", R"("bounce_classification":"Mailbox Unavailable","reason":"550 plugh")"),
           "SOFT UNDETERMINED by provider.sendgrid.mailbox_unavailable"},
          {Sendgrid("bounce", R"("bounce_classification":"Reputation","reason":"550 5.1.1 User unknown")"),
           "SENDER_SIDE by provider.sendgrid.reputation!"},
          {Sendgrid("bounce", R"("bounce_classification":"Content","reason":"550 plugh")"), "SENDER_SIDE by"},
          {Sendgrid("bounce", R"("bounce_classification":"Frequency or Volume Too High","reason":"x")"), "SENDER_SIDE"},
          {Sendgrid("bounce", R"("bounce_classification":"Technical","reason":"550 plugh")"), "SOFT UNDETERMINED by"},
          {Sendgrid("bounce", R"("bounce_classification":"Unclassified","reason":"550 5.1.1 User unknown")"),
           "HARD ADDRESS_NOT_FOUND by user.unknown"},
      });
}

TEST(SendgridVerdicts, Drops) {
  const auto drop = [](const std::string& reason) { return Sendgrid("dropped", R"("reason":")" + reason + "\""); };
  ExpectVerdicts("sendgrid",
                 {
                     {drop("Bounced Address"), "HARD ADDRESS_NOT_FOUND by provider.sendgrid.bounced_address"},
                     {drop("Invalid"), "HARD ADDRESS_NOT_FOUND by provider.sendgrid.invalid"},
                     {drop("Spam Reporting Address"),
                      "HARD BLOCKED_BY_RECIPIENT_SERVER by provider.sendgrid.spam_reporting_address"},
                     {drop("Unsubscribed Address"), "NOT_A_BOUNCE by provider.sendgrid.unsubscribed_address"},
                     {drop("Spam Content"), "SENDER_SIDE by provider.sendgrid.spam_content"},
                     {drop("Invalid SMTPAPI header"), "SENDER_SIDE by provider.sendgrid.invalid_header"},
                     {drop("Recipient List over Package Quota"), "SENDER_SIDE by provider.sendgrid.over_quota"},
                     {drop("Something New"), "SOFT UNDETERMINED by provider.sendgrid.dropped"},
                 });
}

TEST(SendgridVerdicts, RowsOfItsLists) {
  const auto row = [](const std::string& reason) {
    return R"([{"created":1504555832,"email":"user@example.com","status":"","reason":")" + reason + "\"}]";
  };
  ExpectVerdicts("sendgrid", {
                                 {row("550 5.1.1 User unknown"), "HARD ADDRESS_NOT_FOUND by user.unknown"},
                                 {row("Mail domain mentioned in email address is unknown"),
                                  "HARD DOMAIN_NOT_FOUND by provider.sendgrid.unknown_domain"},
                                 {row("plugh"), "SOFT UNDETERMINED by provider.sendgrid.bounce"},
                             });
}

TEST(SendgridVerdicts, OtherEvents) {
  ExpectVerdicts("sendgrid", {{Sendgrid("spamreport", R"("timestamp":1)"), "COMPLAINT by complaint.abuse"},
                              {Sendgrid("deferred", R"("response":"450 4.1.1 User unknown")"),
                               "NOT_A_BOUNCE by provider.sendgrid.deferred"}});
  for (const char* event :
       {"processed", "delivered", "open", "click", "unsubscribe", "group_unsubscribe", "group_resubscribe"}) {
    EXPECT_EQ(SummaryOf("sendgrid", Sendgrid(event, R"("timestamp":1)")),
              absl::StrCat("NOT_A_BOUNCE by provider.sendgrid.", event));
  }
  EXPECT_EQ(Read("sendgrid", R"([{"event":"account_status_change","type":"compliance_suspend"}])")->size(), 0u);
}

std::string Mailgun(const std::string& event, const std::string& fields = "\"id\":\"x\"") {
  return absl::StrCat(R"({"signature":{"token":"t"},"event-data":{"recipient":"user@example.com","event":")", event,
                      R"(",)", fields, "}}");
}

TEST(MailgunVerdicts, PermanentFailures) {
  const auto failed = [](const std::string& reason, const std::string& status) {
    return Mailgun("failed", absl::StrCat(R"("severity":"permanent","reason":")", reason, R"(","delivery-status":{)",
                                          status, "}"));
  };
  ExpectVerdicts(
      "mailgun",
      {
          {failed("bounce", R"("code":550,"message":"5.1.1 The email account does not exist")"),
           "HARD ADDRESS_NOT_FOUND by user.unknown"},
          {failed("bounce", R"("code":550,"message":"plugh")"), "SOFT UNDETERMINED by provider.mailgun.permanent"},
          {failed("bounce", R"("code":550,"bounce-type":"soft","message":"5.1.1 User unknown")"),
           "SOFT ADDRESS_NOT_FOUND by"},
          {failed("suppress-bounce",
                  R"("code":605,"message":"","description":"Not delivering to previously bounced address")"),
           "HARD ADDRESS_NOT_FOUND by provider.mailgun.suppress_bounce"},
          {failed("suppress-complaint", R"("code":607,"message":"x")"),
           "HARD BLOCKED_BY_RECIPIENT_SERVER by provider.mailgun.suppress_complaint"},
          {failed("suppress-unsubscribe", R"("code":606)"), "NOT_A_BOUNCE by provider.mailgun.suppress_unsubscribe"},
          {failed("", R"("code":"605")"), "HARD ADDRESS_NOT_FOUND by provider.mailgun.suppress_bounce"},
          {failed("old", R"("code":602,"message":"Too old")"),
           "SOFT MAIL_SERVER_MISCONFIGURED by provider.mailgun.old"},
          {failed("old", R"("code":550,"message":"5.1.1 User unknown")"), "SOFT ADDRESS_NOT_FOUND by"},
          {failed("espblock", R"("code":550,"message":"plugh")"), "SENDER_SIDE by provider.mailgun.espblock"},
      });
}

TEST(MailgunVerdicts, WhatItStillTriesIsNoBounce) {
  ExpectVerdicts("mailgun", {{Mailgun("failed", R"("severity":"temporary","reason":"generic",
                                      "delivery-status":{"code":550,"message":"5.1.1 User unknown"})"),
                              "NOT_A_BOUNCE by provider.mailgun.temporary"}});
}

TEST(MailgunVerdicts, OtherEvents) {
  ExpectVerdicts("mailgun", {{Mailgun("complained"), "COMPLAINT by complaint.abuse"},
                             {Mailgun("rejected", R"("reject":{"reason":"Sandbox"})"),
                              "SENDER_SIDE by provider.mailgun.rejected"}});
  for (const char* event : {"accepted", "delivered", "opened", "clicked", "unsubscribed"}) {
    EXPECT_EQ(SummaryOf("mailgun", Mailgun(event)), absl::StrCat("NOT_A_BOUNCE by provider.mailgun.", event));
  }
  EXPECT_EQ(Read("mailgun", R"({"event-data":{"event":"rejected"}})")->size(), 0u);
  EXPECT_EQ(Read("mailgun", R"({"event-data":{"event":"list_uploaded"}})")->size(), 0u);
}

TEST(MailgunVerdicts, TheFlatForm) {
  const auto event = [](const std::string& name, const std::string& fields) {
    return absl::StrCat(R"({"recipient":"user@example.com","event":")", name, R"(",)", fields, "}");
  };
  ExpectVerdicts("mailgun", {
                                {event("bounced", R"("code":"550","error":"5.1.1 User unknown")"),
                                 "HARD ADDRESS_NOT_FOUND by user.unknown"},
                                {event("dropped", R"("code":"605","reason":"hardfail")"),
                                 "HARD ADDRESS_NOT_FOUND by provider.mailgun.suppress_bounce"},
                                {event("dropped", R"("code":"602","reason":"old")"), "SOFT MAIL_SERVER_MISCONFIGURED"},
                                {event("complained", R"("token":"t")"), "COMPLAINT by complaint.abuse"},
                                {event("delivered", R"("token":"t")"), "NOT_A_BOUNCE by provider.mailgun.delivered"},
                            });
}

std::string Postmark(const std::string& type, const std::string& details = "") {
  return absl::StrCat(R"({"RecordType":"Bounce","ID":42,"Type":")", type, R"(","Email":"user@example.com","Details":")",
                      details, R"(","Description":"The server was unable to deliver your message (unknown user)."})");
}

TEST(PostmarkVerdicts, Bounces) {
  ExpectVerdicts("postmark",
                 {
                     {Postmark("HardBounce", "smtp;550 5.1.1 User unknown"), "HARD ADDRESS_NOT_FOUND by user.unknown"},
                     {Postmark("HardBounce"), "SOFT UNDETERMINED by provider.postmark.hard_bounce"},
                     {Postmark("HardBounce", "action: failed"), "SOFT UNDETERMINED by provider.postmark.hard_bounce"},
                     {Postmark("Unknown", "smtp;550 5.1.1 User unknown"), "HARD ADDRESS_NOT_FOUND by user.unknown"},
                     {Postmark("Brand New", "smtp;550 plugh"), "SOFT UNDETERMINED by provider.postmark.unknown"},
                     {Postmark("SoftBounce", "smtp;550 5.1.1 User unknown"), "SOFT ADDRESS_NOT_FOUND by user.unknown!"},
                     {Postmark("SoftBounce", "smtp;552 5.2.2 mailbox is over quota"), "SOFT MAILBOX_FULL by"},
                     {Postmark("DnsError"), "SOFT MAIL_SERVER_MISCONFIGURED by provider.postmark.dns_error"},
                     {Postmark("BadEmailAddress"), "HARD ADDRESS_NOT_FOUND by provider.postmark.bad_address"},
                     {Postmark("SpamComplaint"), "COMPLAINT by complaint.abuse"},
                     {Postmark("SpamNotification", "smtp;550 5.1.1 User unknown"), "SENDER_SIDE by"},
                     {Postmark("Blocked"), "SENDER_SIDE by provider.postmark.blocked"},
                     {Postmark("VirusNotification"), "SENDER_SIDE by"},
                     {Postmark("DMARCPolicy"), "SENDER_SIDE by"},
                     {Postmark("SMTPApiError"), "SENDER_SIDE by"},
                     {Postmark("TemplateRenderingFailed"), "SENDER_SIDE by"},
                 });
  for (const char* type : {"Transient", "Unsubscribe", "Subscribe", "AutoResponder", "AddressChange", "OpenRelayTest",
                           "ChallengeVerification", "ManuallyDeactivated", "Unconfirmed", "InboundError"}) {
    EXPECT_TRUE(absl::StartsWith(SummaryOf("postmark", Postmark(type, "550 5.1.1 User unknown")), "NOT_A_BOUNCE by"))
        << type;
  }
}

TEST(PostmarkVerdicts, TypeCodesAreTypes) {
  const auto bounce = [](int code) {
    return absl::StrCat(R"({"RecordType":"Bounce","TypeCode":)", code, R"(,"Email":"user@example.com"})");
  };
  ExpectVerdicts("postmark", {
                                 {bounce(100000), "HARD ADDRESS_NOT_FOUND by provider.postmark.bad_address"},
                                 {bounce(100001), "COMPLAINT by complaint.abuse"},
                                 {bounce(512), "SENDER_SIDE by provider.postmark.spam_notification"},
                                 {bounce(2), "NOT_A_BOUNCE by provider.postmark.transient"},
                                 {bounce(77), "SOFT UNDETERMINED by provider.postmark.unknown"},
                             });
}

TEST(PostmarkVerdicts, SubscriptionChanges) {
  const auto change = [](const std::string& suppress, const std::string& reason) {
    return absl::StrCat(R"({"RecordType":"SubscriptionChange","Recipient":"user@example.com","SuppressSending":)",
                        suppress, R"(,"SuppressionReason":)", reason, "}");
  };
  ExpectVerdicts("postmark",
                 {
                     {change("true", "\"HardBounce\""), "HARD ADDRESS_NOT_FOUND by provider.postmark.suppressed"},
                     {change("true", "\"SpamComplaint\""), "COMPLAINT by complaint.abuse"},
                     {change("true", "\"ManualSuppression\""), "NOT_A_BOUNCE by provider.postmark.manual_suppression"},
                     {change("true", "null"), "NOT_A_BOUNCE by provider.postmark.suppressed_unknown"},
                     {change("false", "null"), "NOT_A_BOUNCE by provider.postmark.subscription_change"},
                     {change("\"true\"", "\"HardBounce\""), "NOT_A_BOUNCE by provider.postmark.subscription_change"},
                 });
}

TEST(PostmarkVerdicts, OtherEvents) {
  ExpectVerdicts("postmark",
                 {
                     {R"({"RecordType":"SpamComplaint","Email":"user@example.com"})", "COMPLAINT by"},
                     {R"({"RecordType":"Delivery","Recipient":"user@example.com"})", "NOT_A_BOUNCE by"},
                     {R"({"RecordType":"Open","Recipient":"user@example.com"})", "NOT_A_BOUNCE by"},
                     {R"({"RecordType":"Click","Recipient":"user@example.com"})", "NOT_A_BOUNCE by"},
                     {R"({"Type":"BadEmailAddress","BouncedAt":"2017-09-04T20:10:32Z","Email":"user@example.com"})",
                      "HARD ADDRESS_NOT_FOUND by provider.postmark.bad_address"},
                 });
}

std::string Sparkpost(const std::string& type, const std::string& fields) {
  return absl::StrCat(R"([{"msys":{"message_event":{"rcpt_to":"user@example.com","type":")", type, R"(",)", fields,
                      "}}}]");
}

TEST(SparkpostVerdicts, BounceClasses) {
  const auto bounce = [](int bounce_class, const std::string& reason = "") {
    return Sparkpost("bounce", absl::StrCat(R"("bounce_class":")", bounce_class, R"(","raw_reason":")", reason, "\""));
  };
  const std::string unknown = "550 5.1.1 User unknown";
  ExpectVerdicts("sparkpost", {
                                  {bounce(1, unknown), "HARD ADDRESS_NOT_FOUND by user.unknown"},
                                  {bounce(1), "SOFT UNDETERMINED by provider.sparkpost.undetermined"},
                                  {bounce(10), "HARD ADDRESS_NOT_FOUND by provider.sparkpost.invalid_recipient"},
                                  {bounce(10, "554 5.7.1 blocked using zen.spamhaus.org"), "SENDER_SIDE by"},
                                  {bounce(20, unknown), "SOFT ADDRESS_NOT_FOUND by user.unknown!"},
                                  {bounce(21), "SOFT MAIL_SERVER_MISCONFIGURED by provider.sparkpost.dns_failure"},
                                  {bounce(22, "552 5.2.2 mailbox is over quota"), "SOFT MAILBOX_FULL by"},
                                  {bounce(23), "SENDER_SIDE by provider.sparkpost.too_large"},
                                  {bounce(24), "SOFT MAIL_SERVER_MISCONFIGURED by provider.sparkpost.timeout"},
                                  {bounce(25, unknown), "SENDER_SIDE by provider.sparkpost.admin_failure"},
                                  {bounce(30), "SOFT UNDETERMINED by provider.sparkpost.no_rcpt"},
                                  {bounce(40, unknown), "SOFT ADDRESS_NOT_FOUND by user.unknown!"},
                                  {bounce(50, unknown), "SENDER_SIDE by provider.sparkpost.mail_block!"},
                                  {bounce(51), "SENDER_SIDE by provider.sparkpost.spam_block"},
                                  {bounce(52), "SENDER_SIDE by provider.sparkpost.spam_content"},
                                  {bounce(53), "SENDER_SIDE by provider.sparkpost.attachment"},
                                  {bounce(54), "SOFT MAIL_SERVER_MISCONFIGURED by provider.sparkpost.relaying_denied"},
                                  {bounce(60, unknown), "NOT_A_BOUNCE by provider.sparkpost.auto_reply"},
                                  {bounce(70), "SOFT UNDETERMINED by provider.sparkpost.transient"},
                                  {bounce(80), "NOT_A_BOUNCE by provider.sparkpost.subscribe"},
                                  {bounce(90), "NOT_A_BOUNCE by provider.sparkpost.unsubscribe"},
                                  {bounce(100), "NOT_A_BOUNCE by provider.sparkpost.challenge"},
                                  {bounce(99), "SOFT UNDETERMINED by provider.sparkpost.undetermined"},
                                  {Sparkpost("out_of_band", R"("bounce_class":10)"), "HARD ADDRESS_NOT_FOUND by"},
                              });
}

TEST(SparkpostVerdicts, OtherEvents) {
  ExpectVerdicts("sparkpost",
                 {
                     {Sparkpost("spam_complaint", R"("fbtype":"abuse")"), "COMPLAINT by complaint.abuse"},
                     {Sparkpost("spam_complaint", R"("fbtype":"not-spam")"), "NOT_A_BOUNCE by complaint.not-spam"},
                     {Sparkpost("policy_rejection", R"("bounce_class":"25","error_code":"554")"),
                      "SENDER_SIDE by provider.sparkpost.policy_rejection"},
                     {Sparkpost("generation_rejection", R"("error_code":"554")"), "SENDER_SIDE by"},
                     {Sparkpost("delay", R"("bounce_class":"21","raw_reason":"450 4.1.1 User unknown")"),
                      "NOT_A_BOUNCE by provider.sparkpost.delay"},
                     {Sparkpost("list_unsubscribe", R"("event_id":"1")"), "NOT_A_BOUNCE by"},
                     {Sparkpost("delivery", R"("event_id":"1")"), "NOT_A_BOUNCE by provider.sparkpost.delivery"},
                 });
  EXPECT_EQ(Read("sparkpost", R"([{"msys":{}},{"msys":{"relay_message":{"rcpt_to":"us@example.com"}}},
                                  {"msys":{"relay_event":{"type":"relay_permfail","rcpt_to":"us@example.com"}}}])")
                ->size(),
            0u);
}

}  // namespace
}  // namespace suppression
