// Files that are no lists, are cut, or are made to do harm.
#include <random>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/imports/list_samples.h"

namespace suppressd {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

void ExpectRefused(const std::string& text, const std::string& why) {
  const auto read = Read(text);
  ASSERT_FALSE(read.ok()) << why;
  EXPECT_THAT(std::string(read.status().message()), HasSubstr(why));
}

TEST(HostileListFile, FilesOfOtherKindsAreNamed) {
  ExpectRefused(std::string("\x1F\x8B\x08\x00", 4), "a gzip file: unpack it first");
  ExpectRefused("PK\x03\x04 rejects.csv", "a zip file: unpack it first");
  ExpectRefused("PK\x03\x04 [Content_Types].xml", "an Excel file");
  ExpectRefused("\xD0\xCF\x11\xE0\xA1\xB1", "an Excel file");
  ExpectRefused("\n <!DOCTYPE html><html>", "an HTML page");
  ExpectRefused("<?xml version=\"1.0\"?>", "XML or HTML");
  ExpectRefused("From ada@example.org Wed Mar  4 10:11:12 2026\n", "a mailbox of mails (mbox)");
  ExpectRefused("Return-Path: <ada@example.org>\n", "a mail");
  ExpectRefused(std::string("\xFF\xFE"
                            "e\0m\0",
                            6),
                "UTF-16");
  ExpectRefused(std::string("ab\0c\n", 5), "binary data");
  ExpectRefused("", "is empty");
  ExpectRefused("\n \r\n\t", "is empty");
  ExpectRefused("{\"message\":\"Forbidden\"}", "of no format that is known, going by its columns (message)");
}

TEST(HostileListFile, AJsonFileThatIsCutIsNoticedAtTheEnd) {
  for (const ListSample& sample : ListSamples()) {
    if (!absl::EndsWith(sample.name, ".json")) continue;
    SCOPED_TRACE(sample.name);
    for (size_t size = 1; size < sample.text.size() - 1; ++size) {
      const auto read = Read(sample.text.substr(0, size), {.from = sample.format});
      if (!read.ok()) continue;
      EXPECT_THAT(read->end_why, HasSubstr("the file is cut")) << size;
    }
  }
}

TEST(HostileListFile, ATableThatEndsWithinQuotesIsCut) {
  const ReadFile file = MustRead("ip,email,created\n1.2.3.4,a@example.org,1\n1.2.3.4,\"b@exam");
  EXPECT_THAT(Said(file), ElementsAre("COMPLAINT"));
  EXPECT_THAT(file.end_why, HasSubstr("ends within quotes"));
}

TEST(HostileListFile, AnElementThatIsNoJsonCostsOnlyItself) {
  const std::string good = R"({"email":"a@example.org","created":1790002300})";
  const ReadFile file = MustRead(absl::StrCat("[", good, ",{\"email\":tru},", good, ",7,\"\x01\",[[]],", good, "]"));
  EXPECT_THAT(Said(file), ElementsAre("UNSUBSCRIBE", "BAD", "UNSUBSCRIBE", "BAD", "BAD", "BAD", "UNSUBSCRIBE"));
  EXPECT_THAT(file.items[1].why, HasSubstr("is not JSON, see its byte"));
  EXPECT_EQ(file.end_why, "");
}

TEST(HostileListFile, ALineThatIsNoJsonCostsOnlyItself) {
  const std::string good = "{\"email\":\"a@example.org\",\"created\":1790002300}\n";
  for (const std::string bad :
       {"nonsense {\n", "{\"email\":\"b@example.org\n", "{\"email\" 1}\n", "{\"a\":1\n", "{\"a\":}\n", "]\n"}) {
    const ReadFile file = MustRead(good + bad + good);
    EXPECT_THAT(Said(file), ElementsAre("UNSUBSCRIBE", "BAD", "UNSUBSCRIBE")) << bad;
    EXPECT_EQ(file.items[1].line, 2) << bad;
    EXPECT_EQ(file.items[2].line, 3) << bad;
  }
}

TEST(HostileListFile, WhatIsNoLongerJsonEndsTheFile) {
  const ReadFile file = MustRead(R"({"items":[{"address":"a@example.org","created_at":"1"}]], "x":1})");
  EXPECT_EQ(file.items.size(), 1);
  EXPECT_THAT(file.end_why, HasSubstr("no longer JSON from line 1 on"));
}

TEST(HostileListFile, DeepAndWideElementsAreBad) {
  const std::string good = R"({"email":"a@example.org","created":1790002300})";
  std::string wide = "{\"email\":\"a@example.org\"";
  for (int i = 0; i < 300; ++i) absl::StrAppend(&wide, ",\"k", i, "\":1");
  const std::string deep = absl::StrCat("{\"a\":", std::string(100'000, '['), std::string(100'000, ']'), "}");
  const ReadFile file = MustRead(absl::StrCat("[", good, ",", wide, "},", deep, "]"));
  EXPECT_THAT(Said(file), ElementsAre("UNSUBSCRIBE", "BAD", "BAD"));
  EXPECT_THAT(file.items[1].why, HasSubstr("more than 256 values"));
  EXPECT_THAT(file.items[2].why, HasSubstr("deeper than 32 levels"));
  EXPECT_LE(file.items[2].text.size(), 4'096);
}

TEST(HostileListFile, RowsOverAMebibyteAreSkipped) {
  const std::string big(3 << 20, 'x');
  const ReadFile table = MustRead("ip,email,created\n" + big + "\n1.2.3.4,a@example.org,1\n");
  EXPECT_THAT(Said(table), ElementsAre("BAD", "COMPLAINT"));
  EXPECT_THAT(table.items[0].why, HasSubstr("longer than 1048576 bytes"));
  EXPECT_EQ(table.items[1].line, 3);
  const std::string good = R"({"email":"a@example.org","created":1790002300})";
  const ReadFile json = MustRead(absl::StrCat("[", good, ",{\"email\":\"", big, "\"},", good, "]"));
  EXPECT_THAT(Said(json), ElementsAre("UNSUBSCRIBE", "BAD", "UNSUBSCRIBE"));
}

TEST(HostileListFile, AQuoteThatIsNeverClosedCostsAMebibyte) {
  std::string text = "ip,email,created\n1.2.3.4,\"a@example.org,1\n";
  for (int i = 0; i < 60'000; ++i) text += "1.2.3.4,b@example.org,1\n";
  const ReadFile file = MustRead(text);
  ASSERT_GT(file.items.size(), 10'000u);
  EXPECT_EQ(Said(file.items[0]), "BAD");
  EXPECT_EQ(Said(file.items.back()), "COMPLAINT");
  EXPECT_EQ(file.end_why, "");
}

TEST(HostileListFile, TooManyColumnsAreBad) {
  const std::string commas(10'000, ',');
  const ReadFile file = MustRead("ip,email,created\n" + commas + "x\n1.2.3.4,a@example.org,1,,\n1,a@example.org,1,x\n");
  EXPECT_THAT(Said(file), ElementsAre("BAD", "COMPLAINT", "BAD"));
  EXPECT_THAT(file.items[0].why, HasSubstr("at most 256"));
  EXPECT_THAT(file.items[2].why, HasSubstr("has 4 values; the header has 3"));
  ExpectRefused("email" + commas + "x\n", "10001 columns");
}

TEST(HostileListFile, ARowWithNulIsBad) {
  const std::string nul("1.2.3.4,a\0b@example.org,1\n", 26);
  const ReadFile file = MustRead("ip,email,created\n" + nul + "1.2.3.4,a@example.org,1\n");
  EXPECT_THAT(Said(file), ElementsAre("BAD", "COMPLAINT"));
  EXPECT_THAT(file.items[0].why, HasSubstr("NUL"));
  EXPECT_THAT(Said(MustRead(R"([{"email":"a@example.org","created":1},{"email":"a\u0000@example.org","created":1}])")),
              ElementsAre("UNSUBSCRIBE", "BAD"));
}

TEST(HostileListFile, ABrokenStreamIsNotTheEnd) {
  // Hands out some text, then fails as a disk does.
  class Broken : public std::streambuf {
   public:
    explicit Broken(std::string text) : text_(std::move(text)) {
      setg(text_.data(), text_.data(), text_.data() + text_.size());
    }
    int_type underflow() override { throw std::ios_base::failure("broken"); }

   private:
    std::string text_;
  };
  // More than a buffer, so that the first one is whole.
  std::string text = "ip,email,created\n";
  while (text.size() < 100'000) text += "1.2.3.4,b@example.org,1\n";
  Broken broken(text);
  std::istream stream(&broken);
  const auto file = ListFile::Open(&stream, {});
  ASSERT_TRUE(file.ok()) << file.status();
  ListFile::Item item = (*file)->Next();
  while (item.kind != ListFile::Item::kEnd) item = (*file)->Next();
  EXPECT_EQ(item.why, "the file cannot be read on");
}

TEST(HostileListFile, DamagedSamplesGiveRowsWithinTheLimits) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 3'000; ++round) {
    const ListSample& sample = ListSamples()[random() % ListSamples().size()];
    std::string text = sample.text;
    for (int i = 0; i < 3; ++i) text[random() % text.size()] = "\"{}[],:\n\\x@0\x00\xFF"[random() % 14];
    const auto read = Read(text, {.from = sample.format});
    if (!read.ok()) continue;
    for (const ListFile::Item& item : read->items) {
      EXPECT_LE(item.text.size(), 4'096);
      EXPECT_TRUE(v1::ImportRow().ParseFromString(item.row.SerializeAsString())) << "strings are UTF-8";
    }
  }
}

}  // namespace
}  // namespace suppressd
