// One damaged record harms its own command and no other of the batch.
#include "storage/command_batch.h"

#include <gmock/gmock.h>

#include "tests/testing/commands.h"
#include "tests/testing/temp_directory.h"

namespace suppression {
namespace {

class CommandBatchTest : public ::testing::Test {
 protected:
  CommandBatchTest() {
    options_.path = directory_ / "data";
    Open();
  }
  void Open() {
    auto store = Store::Open(options_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  std::vector<stored::CommandResult> Apply(const std::vector<stored::Command>& commands) {
    auto results = store_->Apply(commands);
    EXPECT_TRUE(results.ok()) << results.status();
    return results.ok() ? *std::move(results) : std::vector<stored::CommandResult>(commands.size());
  }
  // Writes over a record behind the store's back.
  void Damage(ColumnFamily family, const std::string& key) {
    store_.reset();
    Horizon horizon;
    std::vector<rocksdb::ColumnFamilyHandle*> families;
    rocksdb::DB* opened = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(DatabaseOptions(options_), options_.path + "/db",
                                  ColumnFamilyDescriptors(options_, &horizon), &families, &opened)
                    .ok());
    const std::unique_ptr<rocksdb::DB> db(opened);
    EXPECT_TRUE(db->Put({}, families[family], key, "\xff\xff damaged").ok());
    for (rocksdb::ColumnFamilyHandle* handle : families) EXPECT_TRUE(db->DestroyColumnFamilyHandle(handle).ok());
    EXPECT_TRUE(db->Close().ok());
    Open();
  }
  void DamageEntry(const std::string& address) {
    const stored::Target target = TargetOf(address);
    Damage(kEntries, EntryKey({"default", target.domain(), target.local_part()}));
  }
  bool Suppressed(const std::string& address) {
    const stored::Target target = TargetOf(address);
    Lookup found;
    EXPECT_TRUE(store_->Get({"default", target.domain(), target.local_part()}, &found).ok());
    return found.address.has_value() && found.address->suppression().causes_size() > 0;
  }

  TempDirectory directory_;
  StoreOptions options_;
  std::unique_ptr<Store> store_;
};

TEST_F(CommandBatchTest, DamagedEntryFailsOnlyItsOwnCommands) {
  Apply({HardBounce("bad@example.com", Day(0))});
  DamageEntry("bad@example.com");
  const auto results = Apply({HardBounce("a@example.com", Day(1)), HardBounce("bad@example.com", Day(1), "r:1"),
                              SuppressCommand("bad@example.com", v1::Cause::MANUAL, Day(1)),
                              ReactivateCommand("bad@example.com", Day(1)), HardBounce("b@example.com", Day(1))});
  EXPECT_EQ(results[0].error_reason(), "");
  for (int i = 1; i <= 3; ++i) EXPECT_EQ(results[i].error_reason(), "INTERNAL_ERROR") << i;
  EXPECT_EQ(results[4].error_reason(), "");
  EXPECT_EQ(store_->head().head(), 3u) << "no revision for what failed";
  EXPECT_TRUE(Suppressed("a@example.com"));
  EXPECT_TRUE(Suppressed("b@example.com"));
  EXPECT_EQ(store_->ReadAudit(0, 10)->size(), 0u);
  EXPECT_EQ(Apply({HardBounce("bad@example.com", Day(2), "r:1")})[0].error_reason(), "INTERNAL_ERROR")
      << "the failure is not remembered as an answer";
}

TEST_F(CommandBatchTest, ReportOfSeveralRecipientsIsTakenAsAWholeOrNotAtAll) {
  Apply({HardBounce("bad@example.com", Day(0))});
  DamageEntry("bad@example.com");
  stored::Command command = HardBounce("good@example.com", Day(1));
  *command.mutable_report()->add_recipients() = HardBounce("bad@example.com", Day(1)).report().recipients(0);
  const auto results = Apply({command, HardBounce("other@example.com", Day(1))});
  EXPECT_EQ(results[0].error_reason(), "INTERNAL_ERROR");
  EXPECT_EQ(results[0].effects_size(), 0);
  EXPECT_EQ(results[1].error_reason(), "");
  EXPECT_FALSE(Suppressed("good@example.com"));
  EXPECT_TRUE(Suppressed("other@example.com"));
}

TEST_F(CommandBatchTest, DamagedDomainFailsTheReactivationThatMustTellOfIt) {
  Apply({HardBounce("jo@example.com", Day(0)), SuppressCommand("@example.com", v1::Cause::MANUAL, Day(0))});
  DamageEntry("@example.com");
  const auto results = Apply({ReactivateCommand("jo@example.com", Day(1)), HardBounce("al@example.com", Day(1))});
  EXPECT_EQ(results[0].error_reason(), "INTERNAL_ERROR");
  EXPECT_EQ(results[1].error_reason(), "");
}

TEST_F(CommandBatchTest, DamagedRequestRecordFailsOnlyTheRepeatOfThatRequest) {
  Apply({HardBounce("jo@example.com", Day(0), "r:1")});
  Damage(kRequests, RequestKey("default", "r:1"));
  const auto results =
      Apply({HardBounce("jo@example.com", Day(1), "r:1"), HardBounce("al@example.com", Day(1), "r:2")});
  EXPECT_EQ(results[0].error_reason(), "INTERNAL_ERROR");
  EXPECT_EQ(results[1].error_reason(), "");
  EXPECT_TRUE(Suppressed("al@example.com"));
}

}  // namespace
}  // namespace suppression
