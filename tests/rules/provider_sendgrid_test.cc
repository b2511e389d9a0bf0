// What SendGrid's events are taken for. Payloads have the shapes that it documents, with made-up addresses.
#include "absl/strings/str_cat.h"
#include "tests/rules/provider_events.h"

namespace suppressd {
namespace {

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

TEST(SendgridFields, Bounce) {
  const auto report = ReadOne("sendgrid", R"([{"email":"user@example.com","event":"bounce","type":"bounce",
      "timestamp":1504555832,"smtp-id":"<1@example.org>","sg_message_id":"sg.filter1","sg_event_id":"S4wr46",
      "status":"5.1.1","reason":"550 5.1.1 User unknown","ip":"192.0.2.1"}])");
  EXPECT_EQ(FieldsOf(report),
            "user@example.com\nsendgrid:S4wr46\n550 5.1.1 User unknown\n\n<1@example.org>\n1504555832\n"
            "0\n550 5.1.1\n");
}

}  // namespace
}  // namespace suppressd
