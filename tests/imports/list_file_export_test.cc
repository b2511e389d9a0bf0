// Our own export, read again.
#include <google/protobuf/util/json_util.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/export_chain.h"
#include "tests/imports/list_samples.h"

namespace suppressd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kHead[] = "{\"suppressd_export\":1,\"tenant\":\"default\",\"history\":true}\n";

std::string Proof(const std::vector<v1::ExportedEntry>& entries, int count = -1) {
  std::string sum = EmptyExportChecksum();
  for (const v1::ExportedEntry& entry : entries) sum = ExportChecksum(sum, entry);
  return absl::StrCat("{\"proof\":{\"entry_count\":", count < 0 ? static_cast<int>(entries.size()) : count,
                      ",\"revision_token\":\"t\",\"sha256\":\"", absl::BytesToHexString(sum), "\"}}\n");
}

std::string Line(const v1::ExportedEntry& entry) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string line;
  EXPECT_TRUE(google::protobuf::util::MessageToJsonString(entry, &line, options).ok());
  return line + "\n";
}

v1::ExportedEntry Entry(const std::string& address) {
  v1::ExportedEntry entry;
  entry.mutable_suppression()->set_address(address);
  v1::Cause* cause = entry.mutable_suppression()->add_causes();
  cause->set_type(v1::Cause::COMPLAINT);
  cause->set_state(v1::Cause::REACTIVATED);
  cause->set_event_count(3);
  cause->mutable_reactivation()->set_note("says \"yes\"\n@");
  entry.add_counters()->add_days(20'000);
  entry.mutable_consent_at()->set_seconds(1'772'619'072);
  entry.add_events()->set_diagnostic("550 5.1.1");
  return entry;
}

TEST(ExportFile, EntriesComeBackAsTheyWere) {
  const ReadFile file = MustRead(kHead + Line(Entry("a@example.org")) + Line(Entry("b@example.org")) +
                                 Proof({Entry("a@example.org"), Entry("b@example.org")}));
  EXPECT_EQ(file.format, "suppressd");
  EXPECT_EQ(file.end_why, "");
  ASSERT_EQ(file.items.size(), 2);
  EXPECT_EQ(file.row(0).entry().SerializeAsString(), Entry("a@example.org").SerializeAsString());
  EXPECT_EQ(file.items[1].number, 2);
  EXPECT_EQ(file.items[1].line, 3);
  v1::ImportRow bare = file.row(1);
  bare.clear_entry();
  EXPECT_EQ(bare.ByteSizeLong(), 0);
}

TEST(ExportFile, WithoutItsProofItIsCut) {
  const std::string cut = "the file is cut: its last line, the proof, is missing";
  EXPECT_EQ(MustRead(kHead + Line(Entry("a@example.org"))).end_why, cut);
  EXPECT_EQ(MustRead(kHead).end_why, cut);
  const std::string whole = kHead + Line(Entry("a@example.org")) + Proof({Entry("a@example.org")});
  const ReadFile file = MustRead(whole.substr(0, whole.size() - 8));
  EXPECT_THAT(file.end_why, HasSubstr("the proof, the last line of the file, cannot be read"));
}

TEST(ExportFile, TheProofCountsTheEntries) {
  const ReadFile file = MustRead(kHead + Line(Entry("a@example.org")) + Proof({Entry("a@example.org")}, 2));
  EXPECT_EQ(file.items.size(), 1);
  EXPECT_EQ(file.end_why, "the file is not whole: its proof says 2 entries, and it holds 1");
}

TEST(ExportFile, TheProofShowsWhatWasChanged) {
  v1::ExportedEntry changed = Entry("a@example.org");
  changed.mutable_suppression()->mutable_causes(0)->set_event_count(4);
  const ReadFile file = MustRead(kHead + Line(changed) + Proof({Entry("a@example.org")}));
  EXPECT_EQ(file.items.size(), 1);
  EXPECT_THAT(file.end_why, HasSubstr("checksum"));
}

TEST(ExportFile, AnExportWithoutEntriesIsWhole) {
  EXPECT_EQ(MustRead(kHead + Proof({})).end_why, "");
}

TEST(ExportFile, ABadLineCostsOnlyItself) {
  const ReadFile file = MustRead(kHead + std::string("{\"suppression\":{\"nonsense\":1}}\n[]\n{}\n\xFF\n") +
                                 Line(Entry("a@example.org")) + Proof({}, 5) + Proof({}, 5));
  EXPECT_THAT(Said(file), ElementsAre("BAD", "BAD", "BAD", "BAD", "TYPE_UNSPECIFIED", "BAD"));
  EXPECT_THAT(file.items[0].why, HasSubstr("ExportedEntry"));
  EXPECT_THAT(file.items[5].why, HasSubstr("stands behind the proof"));
  EXPECT_EQ(file.end_why, "");
}

TEST(ExportFile, AnEntryMayBeLongerThanARow) {
  v1::ExportedEntry entry = Entry("a@example.org");
  for (int i = 0; i < 49; ++i) entry.add_events()->set_diagnostic(std::string(40'000, 'x'));
  EXPECT_EQ(MustRead(kHead + Line(entry) + Proof({entry})).row(0).entry().events_size(), 50);
}

TEST(ExportFile, ANewerVersionIsRefused) {
  const auto read = Read("{\"suppressd_export\":2}\n");
  EXPECT_THAT(std::string(read.status().message()), HasSubstr("newer version"));
}

TEST(ExportFile, TheTableForPeopleIsRefused) {
  const std::string text =
      "address,suppressed,causes,listed_at,updated_at,first_event_at,last_event_at,expires_at,source,note\r\n"
      "a@example.org,no,MANUAL (reactivated),,,,,,,\r\n";
  for (const char* from : {"auto", "plain"}) {
    const auto read = Read(text, {.from = from});
    EXPECT_THAT(std::string(read.status().message()), HasSubstr("import the export as JSON lines instead"));
  }
}

}  // namespace
}  // namespace suppressd
