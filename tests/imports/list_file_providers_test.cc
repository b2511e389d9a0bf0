// What becomes of the rows of Amazon SES, SendGrid, Mailgun, Postmark, SparkPost, Mandrill and Telnyx.
#include "tests/imports/list_samples.h"

namespace suppressd {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(SesLists, ApiPagesGiveBouncesAndComplaintsWithTheirTimes) {
  const ReadFile file = MustRead(SampleText("ses-list.json"));
  EXPECT_THAT(Said(file), ElementsAre("HARD_BOUNCE", "COMPLAINT"));
  EXPECT_EQ(file.row(0).address(), "Mira.Quill@example.org");
  EXPECT_EQ(TimeOf(file.row(0).happened_at()), "2026-03-04T10:11:12.34Z");
  EXPECT_EQ(TimeOf(file.row(1).happened_at()), "2026-03-04T10:11:12.34Z");
}

TEST(SesLists, OneDestinationGoesWithItsAttributesInTheNote) {
  const ReadFile file = MustRead(SampleText("ses-get.json"));
  EXPECT_THAT(Said(file), ElementsAre("HARD_BOUNCE"));
  EXPECT_EQ(file.row(0).note(), "attributes.messageid=0102; attributes.feedbackid=0103");
}

TEST(SesLists, FilesOfImportJobsHaveNoTimes) {
  for (const char* name : {"ses-import.csv", "ses-import.jsonl"}) {
    const ReadFile file = MustRead(SampleText(name));
    EXPECT_THAT(Said(file), ElementsAre("COMPLAINT", "HARD_BOUNCE")) << name;
    EXPECT_EQ(file.row(0).address(), "mira.quill@example.org");
    EXPECT_FALSE(file.row(0).has_happened_at());
  }
  EXPECT_THAT(Said(MustRead("a@example.org,BOUNCE\nb@example.org,PUT\n")), ElementsAre("HARD_BOUNCE", "BAD"));
}

TEST(SendgridLists, BouncesHaveReplyAndCodeForOurRules) {
  const ReadFile file = MustRead(SampleText("sendgrid-bounces.csv"), {.from = "sendgrid-bounces"});
  EXPECT_THAT(Said(file), ElementsAre("HARD_BOUNCE"));
  EXPECT_EQ(file.row(0).diagnostic(), "550 5.1.1 no mailbox here by that name");
  EXPECT_EQ(file.row(0).enhanced_code(), "5.1.1");
  EXPECT_EQ(TimeOf(file.row(0).happened_at()), "2026-09-21T14:31:52Z");
}

TEST(SendgridLists, BlocksAreRecordedOnly) {
  const ReadFile file = MustRead(SampleText("sendgrid-blocks.json"), {.from = "sendgrid-blocks"});
  EXPECT_THAT(Said(file), ElementsAre("SOFT_BOUNCE (record only)"));
}

TEST(SendgridLists, InvalidAddressesAndUnknownDomainsAreToldApart) {
  EXPECT_THAT(Said(MustRead(SampleText("sendgrid-invalid.csv"))),
              ElementsAre("HARD_BOUNCE DOMAIN_NOT_FOUND", "HARD_BOUNCE ADDRESS_NOT_FOUND"));
}

TEST(SendgridLists, SpamReportsAndUnsubscribes) {
  const ReadFile spam = MustRead(SampleText("sendgrid-spam.csv"));
  EXPECT_THAT(Said(spam), ElementsAre("COMPLAINT"));
  EXPECT_EQ(spam.row(0).note(), "");
  const ReadFile global = MustRead(SampleText("sendgrid-unsubscribes.json"));
  EXPECT_THAT(Said(global), ElementsAre("UNSUBSCRIBE"));
  EXPECT_EQ(global.row(0).stream(), "");
}

TEST(SendgridLists, AGroupIsAStream) {
  const ReadFile file = MustRead(SampleText("sendgrid-groups.json"));
  EXPECT_THAT(Said(file), ElementsAre("UNSUBSCRIBE"));
  EXPECT_EQ(file.row(0).stream(), "weekly");
  EXPECT_EQ(file.row(0).note(), "group_id=7");
}

TEST(SendgridLists, AGroupsTableNamesItByOption) {
  const std::string text = "email\ntam@example.com\n";
  EXPECT_EQ(MustRead(text, {.from = "sendgrid-groups", .stream = "weekly"}).row(0).stream(), "weekly");
  const ReadFile unnamed = MustRead(text, {.from = "sendgrid-groups"});
  EXPECT_EQ(unnamed.row(0).stream(), "");
  EXPECT_THAT(unnamed.remarks, Contains(HasSubstr("from all mail; --stream names the group")));
}

TEST(MailgunLists, BouncesHaveCodeAndReply) {
  for (const char* name : {"mailgun-bounces.json", "mailgun-bounces.csv"}) {
    const ReadFile file = MustRead(SampleText(name));
    EXPECT_THAT(Said(file), ElementsAre("HARD_BOUNCE")) << name;
    EXPECT_EQ(file.row(0).code(), 550);
    EXPECT_EQ(file.row(0).diagnostic(), "5.1.1 unknown user");
    EXPECT_EQ(TimeOf(file.row(0).happened_at()), "2026-03-04T10:11:12Z");
    EXPECT_EQ(file.row(0).note(), "");
  }
}

TEST(MailgunLists, Complaints) {
  EXPECT_THAT(Said(MustRead(SampleText("mailgun-complaints.csv"))), ElementsAre("COMPLAINT"));
}

TEST(MailgunLists, EachTagIsAStreamAndAStarIsAllMail) {
  const ReadFile file = MustRead(SampleText("mailgun-unsubscribes.json"), {.stream = "other"});
  ASSERT_EQ(file.items.size(), 3);
  EXPECT_EQ(file.row(0).stream(), "news");
  EXPECT_EQ(file.row(1).stream(), "offers");
  EXPECT_EQ(file.items[1].number, 1);
  EXPECT_EQ(file.row(2).stream(), "");
  EXPECT_EQ(file.items[2].number, 2);
  const ReadFile table =
      MustRead("address,tags,createdat\noz@example.org,\"['a', 'b']\",\"Wed, 04 Mar 2026 10:11:12 UTC\"\n");
  ASSERT_EQ(table.items.size(), 2);
  EXPECT_EQ(table.row(1).stream(), "b");
  EXPECT_EQ(MustRead(R"([{"address":"oz@example.org","tags":[],"created_at":""}])").format, "mailgun-unsubscribes");
}

TEST(PostmarkLists, WhoSuppressedByHandDecides) {
  const ReadFile file = MustRead(SampleText("postmark-suppressions.json"), {.stream = "outbound"});
  EXPECT_THAT(Said(file), ElementsAre("UNSUBSCRIBE", "MANUAL", "HARD_BOUNCE", "COMPLAINT"));
  EXPECT_EQ(file.row(0).stream(), "outbound");
  EXPECT_EQ(TimeOf(file.row(0).happened_at()), "2026-03-04T10:11:12Z");
  EXPECT_EQ(file.row(1).note(), "origin=Admin");
}

TEST(PostmarkLists, OnlyBouncesThatPostmarkSuppressesAreListed) {
  const ReadFile file = MustRead(SampleText("postmark-bounces.json"));
  EXPECT_THAT(Said(file), ElementsAre("HARD_BOUNCE", "SOFT_BOUNCE (record only)", "SKIP"));
  EXPECT_EQ(file.row(0).diagnostic(), "550 5.1.1 unknown");
  EXPECT_EQ(file.row(0).stream(), "outbound");
  EXPECT_THAT(file.items[2].why, HasSubstr("none of a bounce"));
}

TEST(SparkpostLists, SourceDecidesAndTypeIsTheStream) {
  const ReadFile json = MustRead(SampleText("sparkpost.json"));
  EXPECT_THAT(Said(json), ElementsAre("COMPLAINT"));
  EXPECT_EQ(json.row(0).stream(), "non_transactional");
  EXPECT_EQ(TimeOf(json.row(0).happened_at()), "2026-03-05T10:11:12Z");
  const ReadFile table = MustRead(SampleText("sparkpost.csv"));
  EXPECT_THAT(Said(table), ElementsAre("HARD_BOUNCE", "MANUAL", "UNSUBSCRIBE"));
  EXPECT_EQ(table.row(0).diagnostic(), "550 5.1.1 unknown");
  EXPECT_EQ(table.row(1).note(), "source=Manually Added; reason=asked by phone; subaccount_id=7");
  EXPECT_EQ(table.row(1).diagnostic(), "");
}

TEST(SparkpostLists, OldColumnsNameTheStreamToo) {
  const ReadFile file = MustRead(
      "recipient,transactional,non_transactional\na@example.org,true,false\nb@example.org,true,true\nc@example.org,,"
      "true\n");
  EXPECT_EQ(file.row(0).stream(), "transactional");
  EXPECT_EQ(file.row(1).stream(), "");
  EXPECT_EQ(file.row(2).stream(), "non_transactional");
  EXPECT_THAT(Said(MustRead("recipient\na@example.org\n")), ElementsAre("MANUAL"));
}

TEST(MandrillLists, ColumnsOfTheSameNameAreBothRead) {
  const ReadFile file = MustRead(SampleText("mandrill.csv"));
  EXPECT_THAT(Said(file), ElementsAre("SOFT_BOUNCE", "HARD_BOUNCE", "MANUAL"));
  EXPECT_EQ(TimeOf(file.row(0).happened_at()), "2026-03-04T11:11:12.5Z");
  EXPECT_EQ(TimeOf(file.row(0).expires_at()), "2026-03-05T10:11:12Z");
  EXPECT_EQ(file.row(0).diagnostic(), "452 4.2.2 full");
  EXPECT_EQ(file.row(0).note(), "subaccount=shop");
  EXPECT_EQ(file.row(1).diagnostic(), "550 5.1.1 unknown\n(two lines)");
  EXPECT_FALSE(file.row(1).has_expires_at());
}

TEST(MandrillLists, WhatHasExpiredIsSkipped) {
  EXPECT_THAT(Said(MustRead(SampleText("mandrill.json"))), ElementsAre("COMPLAINT", "SKIP"));
}

TEST(TelnyxLists, ATombstoneIsAnEntryThatWasLifted) {
  const ReadFile file = MustRead(SampleText("telnyx.csv"));
  EXPECT_THAT(Said(file), ElementsAre("HARD_BOUNCE", "UNSUBSCRIBE", "COMPLAINT"));
  EXPECT_FALSE(file.row(0).has_lifted_at());
  EXPECT_EQ(file.row(1).stream(), "group-g9");
  EXPECT_EQ(TimeOf(file.row(2).lifted_at()), "2026-03-06T10:11:12Z");
  EXPECT_THAT(file.row(0).note(), Not(HasSubstr("d1")));
}

}  // namespace
}  // namespace suppressd
