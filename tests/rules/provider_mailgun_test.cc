// What Mailgun's events are taken for. Payloads have the shapes that it documents, with made-up addresses.
#include "absl/strings/str_cat.h"
#include "tests/rules/provider_events.h"

namespace suppressd {
namespace {

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

}  // namespace
}  // namespace suppressd
