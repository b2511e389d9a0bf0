// Exports: all of a list as of one state, proved, resumed, and imported again without a difference.
#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/export_chain.h"
#include "tests/testing/admin_calls.h"
#include "tests/testing/random_commands.h"

namespace suppressd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ExportTest : public ::testing::Test {
 protected:
  static void Fill(TestServer& server, uint64_t seed, int commands) {
    RandomCommands random(seed);
    for (int i = 0; i < commands; ++i) {
      stored::Command command = random.Next();
      while (true) {  // the log takes some thousand at once
        absl::Notification done;
        bool taken = false;
        server.log().Append(command, [&](const AppendResult& result) {
          taken = ReasonOf(result.status) != v1::OVERLOADED;
          done.Notify();
        });
        done.WaitForNotification();
        if (taken) break;
      }
    }
  }
  static void Suppress(TestServer& server, const std::string& address) {
    grpc::ClientContext context;
    v1::SuppressRequest request;
    v1::SuppressResponse response;
    request.set_address(address);
    request.set_note("test");
    ASSERT_TRUE(server.stub().Suppress(&context, request, &response).ok());
  }
  static std::vector<std::string> Addresses(const WholeExport& whole) {
    std::vector<std::string> addresses;
    for (const v1::ExportedEntry& entry : whole.entries) addresses.push_back(entry.suppression().address());
    return addresses;
  }
};

std::string ChecksumOf(const std::vector<v1::ExportedEntry>& entries) {
  std::string sum = EmptyExportChecksum();
  for (const v1::ExportedEntry& entry : entries) sum = ExportChecksum(sum, entry);
  return sum;
}

TEST_F(ExportTest, AnExportThatIsImportedIntoAnEmptyServerGivesTheSameExport) {
  TestServer from;
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  Fill(from, seed, 4'000);
  for (const char* tenant : {"default", "other"}) {
    const WholeExport first = Export(from, EverythingOf(tenant));
    ASSERT_TRUE(first.status.ok()) << first.status.error_message();
    ASSERT_EQ(first.proof.entry_count(), static_cast<int64_t>(first.entries.size()));
    ASSERT_GT(first.entries.size(), 100u);
    EXPECT_EQ(first.proof.sha256(), ChecksumOf(first.entries));

    TestServer to;
    v1::ImportRequest request;
    request.set_tenant(tenant);
    request.set_provider("suppressd");
    for (const v1::ExportedEntry& entry : first.entries) *request.add_rows()->mutable_entry() = entry;
    v1::ImportResponse response;
    for (const auto wanted : {v1::ImportOutcome::CREATED, v1::ImportOutcome::UNCHANGED}) {
      const grpc::Status status = Import(to, request, &response);
      ASSERT_TRUE(status.ok()) << status.error_message();
      for (int i = 0; i < response.outcomes_size(); ++i) {
        EXPECT_EQ(response.outcomes(i).result(), wanted) << response.outcomes(i).error().message() << "\n"
                                                         << request.rows(i).DebugString();
      }
      to.Restart();
      const WholeExport second = Export(to, EverythingOf(tenant));
      ASSERT_TRUE(second.status.ok()) << second.status.error_message();
      ASSERT_EQ(second.entries.size(), first.entries.size());
      for (size_t i = 0; i < first.entries.size(); ++i) {
        ASSERT_EQ(second.entries[i].DebugString(), first.entries[i].DebugString());
      }
      EXPECT_EQ(second.proof.sha256(), first.proof.sha256());
    }
  }
}

TEST_F(ExportTest, AnEntryThatIsThereIsMergedCauseByCause) {
  TestServer from, to;
  Suppress(from, "jo@example.com");
  const WholeExport exported = Export(from, EverythingOf("default"));
  ASSERT_THAT(exported.entries, SizeIs(1));
  v1::ImportRequest request;
  request.set_provider("suppressd");
  *request.add_rows()->mutable_entry() = exported.entries[0];
  v1::Cause* complaint = request.mutable_rows(0)->mutable_entry()->mutable_suppression()->add_causes();
  *complaint = exported.entries[0].suppression().causes(0);
  complaint->set_type(v1::Cause::COMPLAINT);
  Suppress(to, "jo@example.com");
  v1::ImportResponse response;
  ASSERT_TRUE(Import(to, request, &response).ok());
  EXPECT_EQ(response.outcomes(0).result(), v1::ImportOutcome::CREATED) << "it was not suppressed for a complaint";
  const WholeExport merged = Export(to, EverythingOf("default"));
  EXPECT_THAT(merged.entries[0].suppression().causes(), SizeIs(2));
}

TEST_F(ExportTest, WhatCannotBeStoredOfAnEntryIsRejected) {
  TestServer server;
  Suppress(server, "jo@example.com");
  const v1::ExportedEntry good = Export(server, EverythingOf("default")).entries.at(0);
  std::vector<v1::ImportRow> rows(10);
  for (v1::ImportRow& row : rows) *row.mutable_entry() = good;
  rows[0].mutable_entry()->mutable_suppression()->clear_target();
  rows[1].mutable_entry()->mutable_suppression()->mutable_causes(0)->clear_type();
  rows[2].mutable_entry()->mutable_suppression()->mutable_causes(0)->set_state(v1::Cause::REACTIVATED);
  *rows[3].mutable_entry()->mutable_suppression()->add_causes() = good.suppression().causes(0);
  rows[4].mutable_entry()->mutable_suppression()->mutable_causes(0)->set_note(std::string(2'001, 'x'));
  rows[5].mutable_entry()->add_counters()->add_days(5);
  rows[6].mutable_entry()->add_events();
  for (int i = 0; i < 51; ++i) {
    v1::BounceEvent* event = rows[7].mutable_entry()->add_events();
    *event->mutable_occurred_at() = *event->mutable_received_at() = DaysAgo(server, 1);
  }
  rows[8].mutable_entry()->mutable_suppression()->mutable_listed_at()->set_seconds(1'000'000'000'000'000);
  rows[9].set_note("and a note");
  v1::ImportRequest request;
  request.set_provider("suppressd");
  for (const v1::ImportRow& row : rows) *request.add_rows() = row;
  v1::ImportResponse response;
  ASSERT_TRUE(Import(server, request, &response).ok());
  for (int i = 0; i < response.outcomes_size(); ++i) {
    EXPECT_EQ(response.outcomes(i).result(), v1::ImportOutcome::REJECTED) << "row " << i;
  }
}

TEST_F(ExportTest, FiltersAndHistoryAreAsAsked) {
  TestServer server;
  Suppress(server, "jo@example.com");
  Suppress(server, "al@example.net");
  Fill(server, 1, 200);
  v1::ExportRequest request;
  request.mutable_filter()->set_domain("example.net");
  WholeExport whole = Export(server, request);
  EXPECT_THAT(Addresses(whole), ElementsAre("al@example.net"));
  EXPECT_EQ(whole.proof.entry_count(), 1);
  request.Clear();
  for (const v1::ExportedEntry& entry : Export(server, request).entries) EXPECT_THAT(entry.events(), IsEmpty());
  request.mutable_filter()->add_cause_types(v1::Cause::COMPLAINT);
  request.set_with_history(true);
  for (const v1::ExportedEntry& entry : Export(server, request).entries) {
    EXPECT_TRUE(std::any_of(entry.suppression().causes().begin(), entry.suppression().causes().end(),
                            [](const v1::Cause& cause) { return cause.type() == v1::Cause::COMPLAINT; }));
  }
  request.mutable_filter()->add_reasons(static_cast<v1::BounceReason>(99));
  EXPECT_EQ(GrpcReason(Export(server, request).status), "UNKNOWN_ENUM_VALUE");
  request.Clear();
  request.set_tenant("nobody");
  whole = Export(server, request);
  EXPECT_TRUE(whole.status.ok());
  EXPECT_THAT(whole.entries, IsEmpty());
  EXPECT_EQ(whole.proof.sha256(), EmptyExportChecksum());
}

// Entries of some KiB each, so that an export has several messages.
void FillWithLongNotes(TestServer& server, int count) {
  for (int i = 0; i < count; ++i) {
    grpc::ClientContext context;
    v1::SuppressRequest request;
    v1::SuppressResponse response;
    request.set_address(absl::StrCat("u", i, "@example.com"));
    request.set_note(std::string(2'000, 'n'));
    ASSERT_TRUE(server.stub().Suppress(&context, request, &response).ok());
  }
}

TEST_F(ExportTest, AnExportThatIsCutGoesOnAtTheStateThatItBeganAt) {
  TestServer server;
  FillWithLongNotes(server, 500);
  const WholeExport whole = Export(server, EverythingOf("default"));
  ASSERT_GT(whole.positions.size(), 3u);
  const WholeExport cut = Export(server, EverythingOf("default"), 2);
  Suppress(server, "later@example.com");
  v1::ExportRequest request = EverythingOf("default");
  request.set_after(cut.positions[1]);
  const WholeExport rest = Export(server, request);
  ASSERT_TRUE(rest.status.ok()) << rest.status.error_message();
  EXPECT_EQ(cut.entries.size() + rest.entries.size(), 500u);
  EXPECT_EQ(rest.proof.entry_count(), 500);
  EXPECT_EQ(rest.proof.sha256(), whole.proof.sha256());
  request.set_after(cut.positions[0]);
  EXPECT_EQ(Export(server, request).proof.sha256(), whole.proof.sha256()) << "from any position, again";
}

TEST_F(ExportTest, APositionThatDoesNotFitIsRefused) {
  TestServer server;
  FillWithLongNotes(server, 300);
  const std::string position = Export(server, EverythingOf("default"), 1).positions.at(0);
  v1::ExportRequest request = EverythingOf("default");
  request.set_after(position.substr(0, position.size() - 3));
  EXPECT_EQ(GrpcReason(Export(server, request).status), "INVALID_PAGE_TOKEN");
  request.set_after(position);
  request.mutable_filter()->set_domain("example.com");
  EXPECT_EQ(GrpcReason(Export(server, request).status), "INVALID_PAGE_TOKEN") << "of another filter";
  request.mutable_filter()->Clear();
  request.clear_filter();
  server.Restart();
  EXPECT_EQ(GrpcReason(Export(server, request).status), "SNAPSHOT_GONE");
}

TEST_F(ExportTest, AnExportIsOfOneStateWhateverIsWrittenMeanwhile) {
  TestServer server;
  FillWithLongNotes(server, 400);
  grpc::ClientContext context;
  const auto reader = server.admin_stub().Export(&context, EverythingOf("default"));
  v1::ExportResponse message;
  ASSERT_TRUE(reader->Read(&message));
  for (int i = 0; i < 100; ++i) Suppress(server, absl::StrCat("zz", i, "@example.com"));
  int64_t entries = message.entries_size();
  while (reader->Read(&message)) entries += message.entries_size();
  ASSERT_TRUE(reader->Finish().ok());
  EXPECT_EQ(entries, 400);
  EXPECT_EQ(message.proof().entry_count(), 400);
}

}  // namespace
}  // namespace suppressd
