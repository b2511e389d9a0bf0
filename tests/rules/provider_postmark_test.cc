// What Postmark's events are taken for. Payloads have the shapes that it documents, with made-up addresses.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/rules/provider_events.h"

namespace suppressd {
namespace {

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

TEST(PostmarkFields, AComplaintHasNoReply) {
  const auto report = ReadOne("postmark", R"({"RecordType":"SpamComplaint","ID":42,"Email":"user@example.com",
      "Details":"Test spam complaint details","BouncedAt":"2017-09-04T20:10:32Z"})");
  EXPECT_EQ(FieldsOf(report), "user@example.com\npostmark:42\n\n\n\n1504555832\n0\n0 \nabuse");
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

}  // namespace
}  // namespace suppressd
