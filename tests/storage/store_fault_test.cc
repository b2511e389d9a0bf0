// What the store does when the disk does not do its part.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "common/error.h"
#include "storage/store.h"
#include "tests/testing/apply.h"
#include "tests/testing/commands.h"
#include "tests/testing/faulty_file_system.h"
#include "tests/testing/snapshot_entries.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

class StoreFaultTest : public ::testing::Test {
 protected:
  StoreFaultTest() {
    options_.path = directory_ / "data";
    options_.env = env_.get();
    Open();
  }
  void Open() {
    auto store = Store::Open(options_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void OpenReplica() {
    auto opened = ReplicaStore::Open(options_, 1);
    ASSERT_TRUE(opened.ok()) << opened.status();
    replica_ = *std::move(opened);
  }
  bool Has(const std::string& address) { return Has(address, store_->reader()); }
  bool Has(const std::string& address, const ListReader& reader) {
    const stored::Target target = TargetOf(address);
    Lookup found;
    EXPECT_TRUE(reader.Get({"default", target.domain(), target.local_part()}, &found).ok());
    return found.address.has_value();
  }
  static std::string ReadFile(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  }
  // The newest write-ahead log with anything in it.
  std::string NewestLog() {
    std::string newest;
    for (const auto& item : std::filesystem::directory_iterator(options_.path + "/db")) {
      if (item.path().extension() == ".log" && item.file_size() > 0 && item.path().string() > newest)
        newest = item.path();
    }
    return newest;
  }

  TempDirectory directory_;
  std::shared_ptr<FaultyFileSystem> files_ = std::make_shared<FaultyFileSystem>();
  std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(files_);
  StoreOptions options_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<ReplicaStore> replica_;
};

TEST_F(StoreFaultTest, WhatWasAcknowledgedIsOnDiskBeforeTheAnswer) {
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(ApplyTo(*store_, {HardBounce("u" + std::to_string(i) + "@example.com", Day(0, i))}).ok());
  }
  files_->SetFull(true);  // closing must not sync anything more
  store_.reset();
  files_->LoseUnsyncedData();
  files_->SetFull(false);
  Open();
  EXPECT_EQ(store_->head().head(), 200u);
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(Has("u" + std::to_string(i) + "@example.com")) << i;
}

TEST_F(StoreFaultTest, SnapshotIsOnDiskOnceItsLoadIsFinished) {
  store_.reset();
  options_.path = directory_ / "replica";
  OpenReplica();
  ForEachPart(3'000,
              [&](const std::vector<stored::StoredEntry>& part) { ASSERT_TRUE(replica_->writer().Load(part).ok()); });
  ASSERT_TRUE(replica_->writer().FinishLoad(3'001, Day(0)).ok());
  files_->SetFull(true);  // closing must not sync anything more
  replica_.reset();
  files_->LoseUnsyncedData();
  files_->SetFull(false);
  OpenReplica();
  EXPECT_EQ(replica_->head().head(), 3'001u);
  for (int64_t i = 0; i < 3'000; ++i) EXPECT_TRUE(Has(FilledAddress(i), replica_->reader())) << i;
}

TEST_F(StoreFaultTest, FullDiskEndsALoadAndTheNextBeginsAnew) {
  store_.reset();
  options_.path = directory_ / "replica";
  for (const bool while_loading : {true, false}) {
    OpenReplica();
    ForEachPart(3'000,
                [&](const std::vector<stored::StoredEntry>& part) { ASSERT_TRUE(replica_->writer().Load(part).ok()); });
    files_->SetFull(true);
    if (while_loading) ForEachPart(9'000, [&](const auto& part) { replica_->writer().Load(part).IgnoreError(); });
    EXPECT_FALSE(replica_->writer().FinishLoad(3'001, Day(0)).ok());
    EXPECT_EQ(replica_->head().head(), 0u);
    replica_.reset();
    files_->SetFull(false);
  }
  OpenReplica();
  EXPECT_FALSE(replica_->writer().loaded());
  ForEachPart(3'000,
              [&](const std::vector<stored::StoredEntry>& part) { ASSERT_TRUE(replica_->writer().Load(part).ok()); });
  EXPECT_TRUE(replica_->writer().FinishLoad(3'001, Day(0)).ok());
}

TEST_F(StoreFaultTest, FullDiskLatchesWritesWhileReadsGoOn) {
  ASSERT_TRUE(ApplyTo(*store_, {HardBounce("a@example.com", Day(0))}).ok());
  files_->SetFull(true);
  const auto refused = ApplyTo(*store_, {HardBounce("b@example.com", Day(0))});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(refused.status()), v1::STORAGE_UNAVAILABLE);
  files_->SetFull(false);
  EXPECT_EQ(ReasonOf(ApplyTo(*store_, {HardBounce("c@example.com", Day(0))}).status()), v1::STORAGE_UNAVAILABLE)
      << "latched until the store has recovered";
  EXPECT_FALSE(store_->write_status().ok());
  EXPECT_TRUE(Has("a@example.com"));
  EXPECT_EQ(store_->head().head(), 1u);
  store_.reset();
  Open();
  EXPECT_TRUE(Has("a@example.com"));
  EXPECT_TRUE(ApplyTo(*store_, {HardBounce("d@example.com", Day(1))}).ok());
}

TEST_F(StoreFaultTest, TornTailOfTheLogIsCutOff) {
  ASSERT_TRUE(ApplyTo(*store_, {HardBounce("a@example.com", Day(0))}).ok());
  ASSERT_TRUE(ApplyTo(*store_, {HardBounce("b@example.com", Day(0))}).ok());
  store_.reset();
  const std::string log = NewestLog();
  ASSERT_FALSE(log.empty());
  std::ofstream(log, std::ios::app | std::ios::binary) << "half a rec";  // a write that was never acknowledged
  Open();
  EXPECT_TRUE(Has("a@example.com"));
  EXPECT_TRUE(Has("b@example.com"));
}

TEST_F(StoreFaultTest, DamageAnywhereInTheLogRefusesToOpen) {
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(ApplyTo(*store_, {HardBounce("u" + std::to_string(i) + "@example.com", Day(0, i))}).ok());
  }
  store_.reset();
  const std::string log = NewestLog();
  ASSERT_FALSE(log.empty());
  const std::string sound = ReadFile(log);
  // Every byte in turn over a stretch longer than a record: check sum, length, type and content. A damaged length
  // looks to RocksDB like the end of the log; that the log was longer is known from elsewhere.
  for (size_t offset = sound.size() / 2; offset < sound.size() / 2 + 700; offset += 7) {
    std::string damaged = sound;
    for (size_t i = 0; i < 6; ++i) damaged[offset + i] = static_cast<char>(damaged[offset + i] ^ 0x55);
    std::ofstream(log, std::ios::binary) << damaged;
    const auto store = Store::Open(options_);
    ASSERT_EQ(store.status().code(), absl::StatusCode::kDataLoss) << "offset " << offset << ": " << store.status();
    std::ofstream(log, std::ios::binary) << sound;
  }
}

TEST_F(StoreFaultTest, RocksDbKeepsNoLogOfItsOwn) {
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(ApplyTo(*store_, {HardBounce("jo@example.com", Day(0, i))}).ok());
  store_.reset();
  for (const auto& item : std::filesystem::directory_iterator(options_.path + "/db")) {
    EXPECT_FALSE(item.path().filename().string().starts_with("LOG")) << item.path();  // LOCK is another matter
  }
}

}  // namespace
}  // namespace suppressd
