// What SparkPost's events are taken for. Payloads have the shapes that it documents, with made-up addresses.
#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "tests/rules/provider_events.h"

namespace suppressd {
namespace {

using ::testing::HasSubstr;

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
}  // namespace suppressd
