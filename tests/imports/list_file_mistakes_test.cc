// What would put the wrong people on a list, or on the wrong one.
#include "tests/imports/list_samples.h"

namespace suppressd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ListFileMistakes, ATableOfCustomersIsNoListUnlessItIsSaidToBeOne) {
  const std::string kCustomers[] = {
      "\"Email Address\",MEMBER_RATING,OPTIN_TIME,LEID,EUID\nvi@example.com,4,\"2026-03-04 10:11:12\",11,e1\n",
      "EMAIL,FIRSTNAME,SMS\nvi@example.com,Vi,\n", R"([{"id":1,"email":"vi@example.com","name":"Vi"}])"};
  for (const std::string& customers : kCustomers) {
    SCOPED_TRACE(customers);
    const auto read = Read(customers);
    ASSERT_FALSE(read.ok());
    EXPECT_THAT(std::string(read.status().message()), HasSubstr("--from plain"));
    EXPECT_THAT(Said(MustRead(customers, {.from = "plain"})), ElementsAre("MANUAL"));
  }
}

TEST(ListFileMistakes, AFormatThatIsNamedMayHaveFurtherColumns) {
  EXPECT_THAT(Said(MustRead("email,created,shop\nlu@example.net,1790001112,x\n", {.from = "sendgrid-unsubscribes"})),
              ElementsAre("UNSUBSCRIBE"));
  EXPECT_THAT(Said(MustRead("address,created_at,shop\nlu@example.net,1790001112,x\n", {.from = "mailgun-complaints"})),
              ElementsAre("COMPLAINT"));
  // But not those that another format has.
  EXPECT_FALSE(
      Read("status,reason,email,created\n5.1.1,x,lu@example.net,1790001112\n", {.from = "sendgrid-unsubscribes"}).ok());
  EXPECT_FALSE(Read("ip,email,created\n192.0.2.1,lu@example.net,1790001112\n", {.from = "sendgrid-unsubscribes"}).ok());
}

TEST(ListFileMistakes, AnIpBesideAReasonIsNoSpamReport) {
  const std::string invalid =
      "reason,email,created,ip\nMail domain mentioned in email address is "
      "unknown,lu@example.net,1790001112,192.0.2.1\n";
  EXPECT_FALSE(Read(invalid).ok());
  EXPECT_THAT(Said(MustRead(invalid, {.from = "sendgrid-invalid"})), ElementsAre("HARD_BOUNCE DOMAIN_NOT_FOUND"));
}

TEST(ListFileMistakes, ATagIsOneStreamWhateverStandsInIt) {
  const ReadFile file = MustRead(
      R"({"items":[{"address":"oz@example.org","tags":["Bob's news","b"],"created_at":"Wed, 04 Mar 2026 10:11:12 UTC"}]})");
  ASSERT_EQ(file.items.size(), 2);
  EXPECT_EQ(file.row(0).stream(), "bob-s-news");
  EXPECT_EQ(file.row(1).stream(), "b");
  const ReadFile table = MustRead("address,tags,created_at\noz@example.org,\"['a', 'b c']\",1790001112\n");
  ASSERT_EQ(table.items.size(), 2);
  EXPECT_EQ(table.row(0).stream(), "a");
  EXPECT_EQ(table.row(1).stream(), "b-c");
}

TEST(ListFileMistakes, AReplyThatSpeaksOfSpamIsNoComplaint) {
  EXPECT_THAT(
      Said(MustRead("email,reason\nvi@example.com,550 message rejected as spam\nwu@example.com,spam complaint\n")),
      ElementsAre("MANUAL", "COMPLAINT"));
}

TEST(ListFileMistakes, BothKindsOfMailAtSparkpostAreAllMail) {
  const ReadFile file =
      MustRead("recipient,source,transactional,non_transactional\ngil@example.com,Spam Complaint,true,true\n",
               {.stream = "news"});
  ASSERT_EQ(file.items.size(), 1);
  EXPECT_EQ(file.row(0).stream(), "");
}

TEST(ListFileMistakes, AnAddressIsNoArchive) {
  EXPECT_THAT(Said(MustRead("BZhou@example.org\n")), ElementsAre("MANUAL"));
  EXPECT_FALSE(Read("BZh91AY&SY\x01").ok());
}

TEST(ListFileMistakes, ATimeThatASpreadsheetHasRoundedIsNone) {
  const ReadFile file = MustRead("email,created\nvi@example.com,1.79E+09\n");
  EXPECT_THAT(Said(file), ElementsAre("BAD"));
  EXPECT_EQ(file.items[0].field, "created");
}

}  // namespace
}  // namespace suppressd
