// What holds for list files of all formats.
#include "server/bounces/imports/list_file.h"

#include <google/protobuf/util/message_differencer.h>

#include <sstream>

#include "absl/strings/str_cat.h"
#include "tests/imports/list_samples.h"

namespace suppressd {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string Refusal(const std::string& text, const std::string& from = "auto") {
  const auto read = Read(text, {.from = from});
  EXPECT_FALSE(read.ok()) << text.substr(0, 200);
  EXPECT_TRUE(absl::IsInvalidArgument(read.status()));
  return std::string(read.status().message());
}

bool LooksLikeAnother(const std::string& format) {
  return format == "sendgrid-bounces" || format == "sendgrid-blocks";
}

TEST(ListFile, EverySampleIsRecognisedAndReadAlikeByName) {
  for (const ListSample& sample : ListSamples()) {
    SCOPED_TRACE(sample.name);
    const ReadFile named = MustRead(sample.text, {.from = sample.format});
    EXPECT_EQ(named.format, sample.format);
    EXPECT_EQ(named.end_why, "");
    EXPECT_THAT(named.items, Not(IsEmpty()));
    EXPECT_THAT(Said(named), Not(Contains("BAD")));
    if (LooksLikeAnother(sample.format)) continue;
    const ReadFile found = MustRead(sample.text);
    EXPECT_EQ(found.format, sample.format);
    ASSERT_EQ(found.items.size(), named.items.size());
    for (size_t i = 0; i < found.items.size(); ++i) {
      EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(found.row(i), named.row(i)));
    }
    EXPECT_EQ(found.remarks, named.remarks);
  }
}

TEST(ListFile, EveryFormatHasASampleAndNoOtherTakesIt) {
  for (const ListFormat& format : ListFormats()) {
    SCOPED_TRACE(format.name);
    bool has_sample = false;
    for (const ListSample& sample : ListSamples()) {
      has_sample |= sample.format == format.name;
      // Any list with an address may be plain, and a group's file of SendGrid may hold no more than that.
      const bool may_read = sample.format == format.name || format.name == "plain" ||
                            format.name == "sendgrid-groups" ||
                            (LooksLikeAnother(sample.format) && LooksLikeAnother(std::string(format.name)));
      EXPECT_TRUE(may_read || !Read(sample.text, {.from = std::string(format.name)}).ok()) << sample.name;
    }
    EXPECT_TRUE(has_sample);
    EXPECT_FALSE(format.what.empty());
  }
}

TEST(ListFile, AProvidersNameStandsForTheOneOfItsFormatsThatTheFileHas) {
  EXPECT_EQ(MustRead(SampleText("sendgrid-spam.csv"), {.from = "sendgrid"}).format, "sendgrid-spam");
  EXPECT_EQ(MustRead(SampleText("ses-import.csv"), {.from = "ses"}).format, "ses-import");
  EXPECT_THAT(Refusal(SampleText("ses-import.csv"), "mailgun"), HasSubstr("looks like ses-import"));
}

TEST(ListFile, BouncesAndBlocksOfSendgridLookAlikeAndAreAskedFor) {
  EXPECT_THAT(Refusal(SampleText("sendgrid-bounces.csv")),
              HasSubstr("sendgrid-bounces or sendgrid-blocks, which look alike: name one with --from"));
}

TEST(ListFile, AnotherFormatThanTheNamedOneIsRefused) {
  EXPECT_THAT(Refusal(SampleText("mandrill.csv"), "postal"),
              HasSubstr("not of the format postal: it looks like mandrill"));
  EXPECT_THAT(Refusal(SampleText("suppressd.jsonl"), "mandrill"), HasSubstr("it looks like suppressd"));
  EXPECT_THAT(Refusal(SampleText("mandrill.csv"), "suppressd"), HasSubstr("not of the format suppressd"));
  EXPECT_THAT(Refusal("a,b\n1,2\n"), HasSubstr("of no format that is known, going by its columns (a, b)"));
  EXPECT_THAT(Refusal("x@example.org\n", "pigeon"), HasSubstr("--from names no format"));
}

TEST(ListFile, ARefusalNamesTheFileAndNoAddress) {
  const auto read = Read("a;b\nx@example.org;2\n", {.name = "list.csv"});
  EXPECT_THAT(std::string(read.status().message()), HasSubstr("list.csv: "));
  EXPECT_THAT(std::string(read.status().message()), Not(HasSubstr("@")));
  EXPECT_THAT(Refusal("{\"x@example.org\":1}"), Not(HasSubstr("@")));
}

TEST(ListFile, HeadersAreReadInAnyOrderCaseAndSeparator) {
  for (const char separator : {',', ';', '\t'}) {
    const std::string s(1, separator);
    const ReadFile file =
        MustRead(absl::StrCat("Created", s, "E-Mail", s, "ip\r\n1790002000", s, "noor@example.com", s, "\r\n"),
                 {.from = "plain"});
    ASSERT_EQ(file.items.size(), 1) << separator;
    EXPECT_EQ(file.row(0).address(), "noor@example.com");
    EXPECT_EQ(TimeOf(file.row(0).happened_at()), "2026-09-21T14:46:40Z");
  }
  EXPECT_EQ(MustRead("CREATED,IP,EMAIL\n1790002000,192.0.2.1,noor@example.com\n").format, "sendgrid-spam");
}

TEST(ListFile, AByteOrderMarkIsPassedOver) {
  EXPECT_EQ(MustRead("\xEF\xBB\xBF" + SampleText("sendgrid-spam.csv")).format, "sendgrid-spam");
  EXPECT_EQ(MustRead("\xEF\xBB\xBF" + SampleText("ses-list.json")).format, "ses-list");
}

TEST(ListFile, Latin1IsReadAndSaid) {
  const ReadFile file = MustRead(
      "reason,email,created\nPostfach \xFC"
      "berf\xFCllt,lu@example.org,1790001112\n");
  EXPECT_EQ(file.row(0).diagnostic(), "Postfach überfüllt");
  EXPECT_THAT(file.remarks, Contains(HasSubstr("ISO-8859-1")));
  const ReadFile json = MustRead("[{\"reason\":\"\xFC\",\"email\":\"lu@example.org\",\"created\":1790001112}]");
  EXPECT_EQ(json.row(0).diagnostic(), "ü");
  EXPECT_THAT(json.remarks, Contains(HasSubstr("ISO-8859-1")));
}

TEST(ListFile, NewlinesWithinQuotesBelongToTheValue) {
  const ReadFile file = MustRead(
      "status,reason,email,created\r\n5.1.1,\"550-first\r\n550 \"\"second\"\"\",kit@example.net,1790001112\r\n"
      "5.1.1,x,lea@example.net,1790001112\r\n",
      {.from = "sendgrid-bounces"});
  ASSERT_EQ(file.items.size(), 2);
  EXPECT_EQ(file.row(0).diagnostic(), "550-first\r\n550 \"second\"");
  EXPECT_EQ(file.items[0].line, 2);
  EXPECT_EQ(file.items[1].line, 4);
  EXPECT_EQ(file.items[1].number, 2);
  EXPECT_THAT(file.items[0].text, HasSubstr("kit@example.net"));
}

TEST(ListFile, TheQuoteThatKeepsSpreadsheetsFromCalculatingIsTakenOff) {
  const ReadFile file = MustRead("email,note\n'=sum@example.org,'+1\n'@example.net,'plain\n");
  EXPECT_EQ(file.row(0).address(), "=sum@example.org");
  EXPECT_EQ(file.row(0).note(), "note=+1");
  EXPECT_EQ(file.row(1).domain(), "example.net");
  EXPECT_EQ(file.row(1).note(), "note='plain");
}

TEST(ListFile, UnknownColumnsBecomeABoundedNote) {
  const ReadFile file =
      MustRead("email,shop,why\nx@example.org,north," + std::string(5'000, 'y') + "\n", {.from = "plain"});
  EXPECT_THAT(file.row(0).note(), HasSubstr("shop=north; why=yyy"));
  EXPECT_EQ(file.row(0).note().size(), 2'000);
}

TEST(ListFile, AStreamIsThatOfTheRowElseThatOfTheOptions) {
  const std::string text = "email,stream\na@example.org,news\nb@example.org,\nc@example.org,Big News!\n";
  const ReadFile file = MustRead(text, {.stream = "receipts"});
  EXPECT_EQ(file.row(0).stream(), "news");
  EXPECT_EQ(file.row(1).stream(), "receipts");
  EXPECT_EQ(file.row(2).stream(), "big-news");
  EXPECT_THAT(file.remarks, Contains("rows name streams: big-news, news"));
  EXPECT_THAT(file.remarks, Contains(HasSubstr("names of streams were changed")));
  EXPECT_FALSE(Read(text, {.stream = "No Stream"}).ok());
}

TEST(ListFile, ABadRowSaysWhatWasExpectedAndTheRestGoesOn) {
  const ReadFile file = MustRead(
      "ip,email,created\n1.2.3.4,nobody,1790002000\n1.2.3.4,a@example.org,soon\n1.2.3.4,,1\n1.2.3.4,b@example.org,1\n");
  EXPECT_THAT(Said(file), ElementsAre("BAD", "BAD", "BAD", "COMPLAINT"));
  EXPECT_EQ(file.items[0].field, "email");
  EXPECT_THAT(file.items[0].why, HasSubstr("expected an address"));
  EXPECT_EQ(file.items[0].number, 1);
  EXPECT_EQ(file.items[0].line, 2);
  EXPECT_EQ(file.items[1].field, "created");
  EXPECT_THAT(file.items[1].why, HasSubstr("expected a time"));
  EXPECT_EQ(file.items[1].text, "1.2.3.4,a@example.org,soon");
}

TEST(ListFile, TimesWithoutZoneAreRemarkedOnce) {
  const ReadFile file = MustRead(SampleText("mandrill.csv"));
  EXPECT_THAT(file.remarks, ElementsAre("times without a zone were taken as UTC"));
  EXPECT_THAT(MustRead(SampleText("sendgrid-spam.csv")).remarks, IsEmpty());
}

TEST(ListFile, AHeaderAloneIsAListWithoutRows) {
  EXPECT_THAT(MustRead("ip,email,created\n").items, IsEmpty());
  EXPECT_THAT(MustRead("[]", {.from = "sendgrid-spam"}).items, IsEmpty());
  EXPECT_THAT(MustRead("{\"Suppressions\":[]}", {.from = "postmark-suppressions"}).items, IsEmpty());
  EXPECT_THAT(Refusal("[]"), HasSubstr("holds no rows"));
}

TEST(ListFile, PagesOneBehindTheOtherAreOneFile) {
  const std::string& page = SampleText("ses-list.json");
  const ReadFile file = MustRead(page + "\n" + page);
  EXPECT_EQ(file.items.size(), 4);
  EXPECT_THAT(file.remarks, IsEmpty());
  const ReadFile cut = MustRead(
      R"({"SuppressedDestinationSummaries":[{"EmailAddress":"a@example.org","Reason":"BOUNCE","LastUpdateTime":1}],"NextToken":"x"})");
  EXPECT_THAT(cut.remarks, ElementsAre(HasSubstr("one page of several")));
}

TEST(ListFile, JsonArrayObjectAndLinesAreReadAlike) {
  const std::string row = R"({"email":"a@example.org","created":1790002300})";
  for (const std::string& text :
       {"[" + row + "]", row, row + "\n", "{\"results\":[" + row + "]}", "{\"data\":[" + row + "]}",
        "{\"data\":{\"results\":[" + row + "]},\"x\":[1,{\"y\":2}]}"}) {
    const ReadFile file = MustRead(text);
    EXPECT_EQ(file.format, "sendgrid-unsubscribes") << text;
    EXPECT_THAT(Said(file), ElementsAre("UNSUBSCRIBE")) << text;
  }
}

TEST(ListFile, TheStreamsPositionCanBeAskedForAtTheEnd) {
  const std::string& text = SampleText("sendgrid-spam.csv");
  std::istringstream stream(text);
  const auto file = ListFile::Open(&stream, {});
  ASSERT_TRUE(file.ok());
  while ((*file)->Next().kind != ListFile::Item::kEnd) {
  }
  EXPECT_EQ(static_cast<size_t>(stream.tellg()), text.size());
}

}  // namespace
}  // namespace suppressd
