// What becomes of the rows of Brevo, Mailchimp, listmonk, Postal, Cloudflare, COSS, useSend and of plain lists.
#include "tests/imports/list_samples.h"

namespace suppressd {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(BrevoLists, TheCodeDecidesAndTheSenderIsNoted) {
  const ReadFile file = MustRead(SampleText("brevo-contacts.json"));
  EXPECT_THAT(Said(file), ElementsAre("HARD_BOUNCE", "UNSUBSCRIBE", "COMPLAINT", "MANUAL"));
  EXPECT_EQ(file.row(1).note(), "reason=Unsubscribed via email; sender=news@example.com");
  EXPECT_EQ(TimeOf(file.row(0).happened_at()), "2026-03-04T10:11:12Z");
}

TEST(BrevoLists, BlockedDomainsAreDomains) {
  const ReadFile file = MustRead(SampleText("brevo-domains.json"));
  EXPECT_THAT(Said(file), ElementsAre("MANUAL", "MANUAL"));
  EXPECT_EQ(file.row(0).domain(), "example.net");
  EXPECT_EQ(file.row(1).domain(), "example.org");
}

TEST(MailchimpLists, CleanedAddressesAreRecordedUnlessTheyAreAskedFor) {
  const std::string& text = SampleText("mailchimp-cleaned.csv");
  const ReadFile file = MustRead(text);
  EXPECT_THAT(Said(file), ElementsAre("HARD_BOUNCE (record only)"));
  EXPECT_THAT(file.remarks, Contains(HasSubstr("--take_soft")));
  EXPECT_EQ(file.row(0).note(), "campaign=March letter");
  EXPECT_EQ(TimeOf(file.row(0).happened_at()), "2026-03-04T10:11:12Z");
  EXPECT_THAT(Said(MustRead(text, {.take_soft = true})), ElementsAre("HARD_BOUNCE"));
}

TEST(MailchimpLists, UnsubscribedKeepTheReasonAndNothingElseOfThePerson) {
  const ReadFile file = MustRead(SampleText("mailchimp-unsubscribed.csv"));
  EXPECT_THAT(Said(file), ElementsAre("UNSUBSCRIBE"));
  EXPECT_EQ(file.row(0).note(), "campaign=March letter; reason=No longer interested");
}

TEST(ListmonkLists, OnlyTheBlocklistedAreTaken) {
  const ReadFile file = MustRead(SampleText("listmonk-subscribers.csv"));
  EXPECT_THAT(Said(file), ElementsAre("MANUAL", "SKIP"));
  EXPECT_EQ(TimeOf(file.row(0).happened_at()), "2026-03-05T10:11:12.3Z");
  EXPECT_EQ(file.row(0).note(), "");
}

TEST(ListmonkLists, BouncesTakeTheReplyFromWhereverItIs) {
  const ReadFile file = MustRead(SampleText("listmonk-bounces.json"));
  EXPECT_THAT(Said(file), ElementsAre("HARD_BOUNCE", "SOFT_BOUNCE (record only)", "COMPLAINT"));
  EXPECT_EQ(file.row(0).diagnostic(), "550 5.1.1 unknown");
}

TEST(PostalLists, ValuesBetweenTabsAreReadAsTheyAre) {
  const ReadFile file = MustRead(SampleText("postal.tsv"));
  EXPECT_THAT(Said(file), ElementsAre("SOFT_BOUNCE", "HARD_BOUNCE", "SKIP"));
  EXPECT_EQ(TimeOf(file.row(0).happened_at()), "2026-09-21T14:31:52.25Z");
  EXPECT_EQ(TimeOf(file.row(0).expires_at()), "2026-10-21T14:31:52.25Z");
  EXPECT_EQ(file.row(1).note(), "reason=\"hard\" fail");
  EXPECT_FALSE(file.row(1).has_expires_at());
}

TEST(CloudflareLists, ColumnsWithoutNames) {
  const ReadFile file = MustRead(SampleText("cloudflare.csv"));
  EXPECT_THAT(Said(file), ElementsAre("MANUAL", "MANUAL"));
  EXPECT_EQ(TimeOf(file.row(0).expires_at()), "2026-12-01T00:00:00Z");
  EXPECT_EQ(file.row(0).note(), "scope=account");
  EXPECT_FALSE(file.row(1).has_expires_at());
  EXPECT_THAT(file.remarks, Contains("the second column was taken as the time of expiry"));
}

TEST(CossLists, TheReasonDecides) {
  const ReadFile file = MustRead(SampleText("coss.csv"));
  EXPECT_THAT(Said(file), ElementsAre("HARD_BOUNCE", "COMPLAINT"));
  EXPECT_EQ(file.row(1).address(), "=yan@example.org");
  EXPECT_EQ(file.row(1).note(), "reason=complaint; scope=global");
}

TEST(UsesendLists, TimesOfJavaScript) {
  const ReadFile file = MustRead(SampleText("usesend.csv"));
  EXPECT_THAT(Said(file), ElementsAre("MANUAL", "HARD_BOUNCE"));
  EXPECT_EQ(TimeOf(file.row(0).happened_at()), "2026-03-04T10:11:12Z");
}

TEST(PlainLists, OneAddressALineWithComments) {
  const ReadFile file = MustRead(SampleText("plain.txt"));
  EXPECT_THAT(Said(file), ElementsAre("MANUAL", "MANUAL", "MANUAL"));
  EXPECT_EQ(file.row(1).address(), "yan@example.org");
  EXPECT_EQ(file.items[1].line, 4);
  EXPECT_EQ(file.row(2).domain(), "example.net");
  EXPECT_THAT(Said(MustRead("a@example.org")), ElementsAre("MANUAL"));
  EXPECT_THAT(Said(MustRead("a@example.org\rb@example.org\r")), ElementsAre("MANUAL", "MANUAL"));
}

TEST(PlainLists, AReasonSaysMoreThanManual) {
  const ReadFile file = MustRead(SampleText("plain.csv"));
  EXPECT_THAT(Said(file), ElementsAre("UNSUBSCRIBE", "MANUAL"));
  EXPECT_EQ(file.row(0).note(), "reason=unsubscribed; note=spring");
}

TEST(PlainLists, JsonOfAddresses) {
  const ReadFile file = MustRead(SampleText("plain.json"));
  EXPECT_THAT(Said(file), ElementsAre("MANUAL", "MANUAL"));
  EXPECT_EQ(file.row(0).address(), "zed@example.org");
  EXPECT_THAT(file.remarks, IsEmpty());
}

}  // namespace
}  // namespace suppressd
