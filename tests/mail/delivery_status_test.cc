#include "server/bounces/mail/delivery_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace suppressd {
namespace {

TEST(DeliveryStatusTest, ReadsTheFieldsOfEachRecipient) {
  const DeliveryStatus status = ReadDeliveryStatus(
      "Reporting-MTA: dns; mx.example.org\nArrival-Date: Tue, 03 Nov 2026 10:00:00 +0100\n\n"
      "Original-Recipient: rfc822;jo@example.com\nFinal-Recipient: rfc822; <jo@forward.example>\nAction: failed\n"
      "Status: 5.1.1 (no such user)\nRemote-MTA: dns; mx.example.com\n"
      "Diagnostic-Code: smtp; 550 5.1.1\n  no such user here\n\n"
      "Final-Recipient: RFC822; ann@example.com\nAction: Delayed (will retry)\nStatus: 4.4.1\n");
  ASSERT_EQ(status.recipients.size(), 2);
  EXPECT_EQ(status.reporting_mta, "mx.example.org");
  const RecipientStatus& jo = status.recipients[0];
  EXPECT_EQ(jo.original_recipient, "jo@example.com");
  EXPECT_EQ(jo.final_recipient, "jo@forward.example");
  EXPECT_EQ(jo.action, "failed");
  EXPECT_EQ(jo.status, "5.1.1");
  EXPECT_EQ(jo.remote_mta, "mx.example.com");
  EXPECT_EQ(jo.diagnostic_type, "smtp");
  EXPECT_EQ(jo.diagnostic, "550 5.1.1 no such user here");
  EXPECT_EQ(status.recipients[1].action, "delayed");
}

TEST(DeliveryStatusTest, GroupsSurviveMissingEmptyLines) {
  const DeliveryStatus status = ReadDeliveryStatus(
      "Reporting-MTA: dns; mx.example.org\nFinal-Recipient: rfc822; a@example.com\nAction: failed\nStatus: 5.1.1\n"
      "Final-Recipient: rfc822; b@example.com\nAction: failed\nStatus: 5.2.2\n");
  ASSERT_EQ(status.recipients.size(), 2);
  EXPECT_EQ(status.recipients[0].status, "5.1.1");
  EXPECT_EQ(status.recipients[1].status, "5.2.2");
}

TEST(DeliveryStatusTest, GroupsSurviveEmptyLinesWithin) {
  const DeliveryStatus status = ReadDeliveryStatus(
      "Final-Recipient: rfc822; a@example.com\n\nAction: failed\n\nStatus: 5.1.1\n\n\n"
      "Final-Recipient: rfc822; b@example.com\n\nAction: failed\n\nStatus: 5.2.2\n");
  ASSERT_EQ(status.recipients.size(), 2);
  EXPECT_EQ(status.recipients[0].status, "5.1.1");
  EXPECT_EQ(status.recipients[1].final_recipient, "b@example.com");
  EXPECT_EQ(status.recipients[1].status, "5.2.2");
}

TEST(DeliveryStatusTest, FieldsMayComeInAnyOrder) {
  const DeliveryStatus status = ReadDeliveryStatus(
      "Action: failed\nFinal-Recipient: rfc822; a@example.com\nStatus: 5.1.1\n\n"
      "Action: delayed\nFinal-Recipient: rfc822; b@example.com\nStatus: 4.4.1\n");
  ASSERT_EQ(status.recipients.size(), 2);
  EXPECT_EQ(status.recipients[0].action, "failed");
  EXPECT_EQ(status.recipients[1].action, "delayed");
}

TEST(DeliveryStatusTest, DecodesInternationalAddresses) {
  const DeliveryStatus status = ReadDeliveryStatus(
      "Original-Recipient: utf-8;j\\x{F6}rg+2Bx@example.com\nFinal-Recipient: utf-8; jörg+x@example.com\nAction: "
      "failed\n");
  ASSERT_EQ(status.recipients.size(), 1);
  EXPECT_EQ(status.recipients[0].original_recipient, "jörg+x@example.com");
  EXPECT_EQ(status.recipients[0].final_recipient, "jörg+x@example.com");
}

TEST(DeliveryStatusTest, APlusTagIsNoEncoding) {
  const DeliveryStatus status = ReadDeliveryStatus("Final-Recipient: rfc822; jo+40@example.com\nAction: failed\n");
  EXPECT_EQ(status.recipients[0].final_recipient, "jo+40@example.com");
}

TEST(DeliveryStatusTest, AServersReplyBeatsALocalRemark) {
  const DeliveryStatus status = ReadDeliveryStatus(
      "Final-Recipient: rfc822; a@example.com\nDiagnostic-Code: smtp; 550 no such user\n"
      "Diagnostic-Code: x-local; delivery to the next hop was given up after some time\n");
  EXPECT_EQ(status.recipients[0].diagnostic, "550 no such user");
}

TEST(DeliveryStatusTest, TextThatIsNoStatusGivesNothing) {
  for (const char* text : {"", "\n\n\n", "hello: world", "Status:", "Final-Recipient", ":::\n;;;"}) {
    EXPECT_TRUE(ReadDeliveryStatus(text).recipients.empty()) << text;
  }
}

TEST(DeliveryStatusTest, RecipientsAreBounded) {
  std::string text;
  for (int i = 0; i < 3'000; ++i) text += "Final-Recipient: rfc822; u" + std::to_string(i) + "@example.com\n\n";
  EXPECT_EQ(ReadDeliveryStatus(text).recipients.size(), kMailRecipientsMax);
}

TEST(DeliveryStatusTest, AStatusHasThreeNumbersOrIsNone) {
  const auto status_of = [](const std::string& value) {
    return ReadDeliveryStatus("Final-Recipient: rfc822; a@example.com\nStatus: " + value + "\n")
        .recipients.at(0)
        .status;
  };
  for (const char* status : {"5.1.1", "5.1.1.", "(5.1.1)", "5.1.1 (x)", "smtp; 5.1.1", "550 5.1.1"}) {
    EXPECT_EQ(status_of(status), "5.1.1") << status;
  }
  for (const char* status : {"4..4", "5..", "5.1", "5.1.1.1", "5.1.1000", "15.1.1", "5.1.x", ""}) {
    EXPECT_EQ(status_of(status), "") << status;
  }
}

TEST(DeliveryStatusTest, LongValuesAreCutBetweenCharacters) {
  std::string wide = "x";
  for (int i = 0; i < 10'000; ++i) wide += "ö";
  EXPECT_EQ(ReadStatusFields("Diagnostic-Code: " + wide).at(0).value.size(), 16'383u);
}

TEST(DeliveryStatusTest, EscapesThatDoNotEndAreLeftAlone) {
  const auto recipient_of = [](const std::string& address) {
    return ReadDeliveryStatus("Final-Recipient: utf-8; " + address + "\n").recipients.at(0).final_recipient;
  };
  EXPECT_EQ(recipient_of("\\x{F6}\\x{1F600}@example.com"), "ö😀@example.com");
  for (const char* address : {"\\x{F6@example.com", "\\x{0000F6A}@example.com", "\\x{}@example.com",
                              "\\x{D800}@example.com", "\\x{110000}@example.com", "\\x{A}@example.com"}) {
    EXPECT_EQ(recipient_of(address), address);
  }
}

TEST(DeliveryStatusTest, TakesWholeMailboxes) {
  const auto recipient_of = [](const std::string& value) {
    return ReadDeliveryStatus("Final-Recipient: " + value + "\nAction: failed\n").recipients.at(0).final_recipient;
  };
  for (const char* address : {"o'brien@example.com", "a{b}|c@example.com", "m\xC3\xBCller@example.com",
                              "\"john doe\"@example.com", "jo..x.@example.com"}) {
    for (const char* form : {"rfc822; %", "rfc822; <%>", "rfc822; Jo <%>", "rfc822;%"}) {
      const std::string value = absl::StrReplaceAll(form, {{"%", address}});
      EXPECT_EQ(recipient_of(value), address) << value;
    }
  }
  EXPECT_EQ(recipient_of("rfc822; jo@example.com (Jo)"), "jo@example.com");
  EXPECT_EQ(recipient_of("rfc822; 'jo@example.com'"), "jo@example.com");
}

TEST(DeliveryStatusTest, AnActionHasNeitherCommentNorQuotes) {
  for (const char* action :
       {"failed", "Failed (no (such) user)", "(permanently) failed", "\"failed\"", "failed;", " FAILED"}) {
    EXPECT_EQ(ReadDeliveryStatus("Final-Recipient: rfc822; a@example.com\nAction: " + std::string(action) + "\n")
                  .recipients.at(0)
                  .action,
              "failed")
        << action;
  }
}

// "original final action status", one a recipient.
std::vector<std::string> Groups(absl::string_view text) {
  std::vector<std::string> groups;
  for (const RecipientStatus& one : ReadDeliveryStatus(text).recipients) {
    groups.push_back(absl::StrCat(one.original_recipient, " ", one.final_recipient, " ", one.action, " ", one.status));
  }
  return groups;
}

TEST(DeliveryStatusTest, GroupsWithoutEmptyLinesKeepTheirFields) {
  using ::testing::ElementsAre;
  // The next recipient's original address is not that of the one before.
  EXPECT_THAT(Groups("Final-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.1.1\n"
                     "Original-Recipient: rfc822; b@x.example\nFinal-Recipient: rfc822; c@x.example\nAction: delayed\n"
                     "Status: 4.4.1\n"),
              ElementsAre(" a@x.example failed 5.1.1", "b@x.example c@x.example delayed 4.4.1"));
  // As Postfix orders them.
  EXPECT_THAT(Groups("Final-Recipient: rfc822; a@x.example\nOriginal-Recipient: rfc822; b@x.example\nAction: failed\n"
                     "Status: 5.1.1\nFinal-Recipient: rfc822; c@x.example\nOriginal-Recipient: rfc822; d@x.example\n"
                     "Action: delayed\nStatus: 4.4.1\n"),
              ElementsAre("b@x.example a@x.example failed 5.1.1", "d@x.example c@x.example delayed 4.4.1"));
  // Where each begins with its action, that of the next is not that of the one before.
  EXPECT_THAT(Groups("Action: failed\nFinal-Recipient: rfc822; a@x.example\nStatus: 5.1.1\n"
                     "Action: delayed\nFinal-Recipient: rfc822; b@x.example\nStatus: 4.4.1\n"),
              ElementsAre(" a@x.example failed 5.1.1", " b@x.example delayed 4.4.1"));
}

TEST(DeliveryStatusTest, AGroupWithoutAddressIsAGroup) {
  EXPECT_THAT(
      Groups("Final-Recipient: rfc822;\nAction: failed\n\nFinal-Recipient: rfc822; b@x.example\nAction: delayed\n"),
      ::testing::ElementsAre("  failed ", " b@x.example delayed "));
}

TEST(DeliveryStatusTest, SaysWhenThereAreMoreRecipientsThanItReads) {
  std::string text;
  for (size_t i = 0; i < kMailRecipientsMax; ++i)
    absl::StrAppend(&text, "Final-Recipient: rfc822; u", i, "@x.example\n\n");
  EXPECT_FALSE(ReadDeliveryStatus(text).truncated);
  EXPECT_TRUE(ReadDeliveryStatus(text + "Final-Recipient: rfc822; more@x.example\n").truncated);
}

}  // namespace
}  // namespace suppressd
