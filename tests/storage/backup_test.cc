// Backups: what one holds, what a damaged or broken-off one is good for, and what is restored from it.
//
// SUPPRESSD_BACKUP_SEED=N repeats a run under load.
#include "storage/backup.h"

#include <gmock/gmock.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/synchronization/notification.h"
#include "common/error.h"
#include "storage/data_directory.h"
#include "storage/restore.h"
#include "storage/store.h"
#include "tests/testing/apply.h"
#include "tests/testing/commands.h"
#include "tests/testing/faulty_file_system.h"
#include "tests/testing/fill_store.h"
#include "tests/testing/list_digest.h"
#include "tests/testing/random_commands.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Operation = FaultyFileSystem::Operation;

uint64_t Seed() {
  const char* text = std::getenv("SUPPRESSD_BACKUP_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : std::random_device()();
}

class BackupTest : public ::testing::Test {
 protected:
  BackupTest() {
    options_.path = directory_ / "data";
    options_.block_cache_mib = 8;
    options_.change_log_max_age_days = 3'650;  // nothing is trimmed, so that a model holds the same changes
    backup_options_.path = directory_ / "backups";
    backup_options_.env = env_.get();
    Open();
  }

  void Open() {
    auto store = Store::Open(options_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    backups_ = store_->MakeBackups(backup_options_);
  }
  void Close() {
    backups_.reset();
    store_.reset();
  }
  void UseOptions(int keep_count, int keep_days) {
    backup_options_.keep_count = keep_count;
    backup_options_.keep_days = keep_days;
    backups_ = store_->MakeBackups(backup_options_);
  }
  bool Report(const std::string& address) { return ApplyTo(*store_, {HardBounce(address, Day(0))}).ok(); }
  BackupNote Create(int64_t now_micros = Day(1)) {
    const auto made = backups_->Create(now_micros);
    EXPECT_TRUE(made.ok()) << made.status();
    return made.ok() ? made->backup : BackupNote();
  }
  absl::StatusOr<RestoredBackup> Restore(const std::string& name = "restored", uint32_t id = 0) {
    return RestoreBackup({.from = backup_options_.path, .data_dir = directory_ / name, .backup_id = id});
  }
  StoreOptions OptionsAt(const std::string& name) const {
    StoreOptions options = options_;
    options.path = directory_ / name;
    return options;
  }
  bool Has(const std::string& address, const std::string& name) {
    const auto store = Store::Open(OptionsAt(name));
    EXPECT_TRUE(store.ok()) << store.status();
    const stored::Target target = TargetOf(address);
    Lookup found;
    EXPECT_TRUE((*store)->reader().Get({"default", target.domain(), target.local_part()}, &found).ok());
    return found.address.has_value();
  }
  std::vector<uint32_t> Ids() const {
    std::vector<uint32_t> ids;
    for (const BackupNote& note : backups_->List()) ids.push_back(note.id);
    return ids;
  }
  uint64_t BytesOfBackups() const {
    uint64_t bytes = 0;
    for (const auto& item : fs::recursive_directory_iterator(backup_options_.path)) {
      if (item.is_regular_file()) bytes += item.file_size();
    }
    return bytes;
  }
  // The largest table file of the backups.
  fs::path LargestTable() const {
    fs::path largest;
    for (const auto& item : fs::directory_iterator(backup_options_.path + "/shared_checksum")) {
      if (largest.empty() || item.file_size() > fs::file_size(largest)) largest = item.path();
    }
    return largest;
  }
  static void FlipByte(const fs::path& path) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    const auto at = static_cast<std::streamoff>(fs::file_size(path) / 2);
    file.seekg(at);
    const char flipped = static_cast<char>(file.get() ^ 0x40);
    file.seekp(at);
    file.put(flipped);
  }

  TempDirectory directory_;
  std::shared_ptr<FaultyFileSystem> files_ = std::make_shared<FaultyFileSystem>();  // of the backups
  std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(files_);
  StoreOptions options_;
  BackupOptions backup_options_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Backups> backups_;
};

TEST_F(BackupTest, ABackupHoldsWhatWasAcknowledgedBeforeIt) {
  ASSERT_TRUE(Report("before@example.com"));
  const BackupNote note = Create();
  ASSERT_TRUE(Report("after@example.com"));
  EXPECT_EQ(note.id, 1u);
  EXPECT_EQ(note.state.revision, 1u);
  EXPECT_EQ(note.state.lineage, store_->lineage());
  EXPECT_EQ(note.created_micros, Day(1));
  EXPECT_EQ(note.log_time_micros, Day(0));
  EXPECT_GT(note.size_bytes, 0);
  EXPECT_EQ(note.meta_sha256.size(), 32u);
  const auto restored = Restore();
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(restored->backup.id, 1u);
  EXPECT_EQ(restored->state.revision, 1u);
  EXPECT_TRUE(Has("before@example.com", "restored"));
  EXPECT_FALSE(Has("after@example.com", "restored"));
}

TEST_F(BackupTest, AnEmptyListIsBackedUpToo) {
  EXPECT_EQ(Create().state.revision, 0u);
  EXPECT_TRUE(Restore().ok());
}

TEST_F(BackupTest, TheMessageOfABackupSaysWhatTheNoteSays) {
  const BackupNote note = Create();
  const v1::Backup message = BackupMessage(note);
  EXPECT_EQ(message.id(), 1);
  EXPECT_EQ(ToMicros(message.created_at()), Day(1));
  EXPECT_EQ(message.revision_token(), EncodeToken(note.state));
  EXPECT_EQ(message.size_bytes(), note.size_bytes);
  EXPECT_EQ(message.meta_sha256(), note.meta_sha256);
}

TEST_F(BackupTest, ASecondBackupOfAnUnchangedListAddsLittle) {
  ASSERT_TRUE(FillStore(store_.get(), 0, 20'000).ok());
  Create();
  const uint64_t first = BytesOfBackups();
  const BackupNote second = Create();
  EXPECT_LT(BytesOfBackups() - first, first / 10);
  EXPECT_GT(static_cast<uint64_t>(second.size_bytes), first / 2) << "what is shared counts in each";
}

TEST_F(BackupTest, WhatWasBackedUpBeforeARestartIsStillShared) {
  ASSERT_TRUE(FillStore(store_.get(), 0, 20'000).ok());
  Create();
  const uint64_t first = BytesOfBackups();
  Close();
  Open();
  ASSERT_TRUE(Report("another@example.com"));
  Create();
  EXPECT_LT(BytesOfBackups() - first, first / 10);
  EXPECT_THAT(Ids(), ElementsAre(2, 1));
}

TEST_F(BackupTest, BackupsAreKnownAfterARestart) {
  const BackupNote note = Create();
  Close();
  Open();
  EXPECT_FALSE(backups_->newest().has_value());
  ASSERT_TRUE(backups_->Look().ok());
  ASSERT_TRUE(backups_->newest().has_value());
  EXPECT_EQ(backups_->newest()->meta_sha256, note.meta_sha256);
  EXPECT_EQ(backups_->newest()->created_micros, Day(1));
}

TEST_F(BackupTest, ADirectoryThatIsNotThereYetHoldsNone) {
  EXPECT_TRUE(backups_->Look().ok());
  EXPECT_THAT(Ids(), IsEmpty());
}

TEST_F(BackupTest, AnotherProgramsDirectoryStaysAsItIs) {
  fs::create_directory(backup_options_.path);
  std::ofstream(backup_options_.path + "/precious") << "x";
  const auto made = backups_->Create(Day(1));
  EXPECT_EQ(made.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(made.status().message()), HasSubstr("not empty"));
  EXPECT_EQ(BackupDirectory::Check(backup_options_.path).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(BytesOfBackups(), 1u);
}

TEST_F(BackupTest, ItsDirectoryIsForItsOwnerAlone) {
  Create();
  EXPECT_EQ(fs::status(backup_options_.path).permissions(), fs::perms::owner_all);
  EXPECT_TRUE(BackupDirectory::Check(backup_options_.path).ok());
}

TEST_F(BackupTest, WhileSomebodyReadsTheDirectoryNothingIsWritten) {
  Create();
  {
    const auto reading = BackupDirectory::Open(backup_options_.path, BackupDirectory::Use::kRead);
    ASSERT_TRUE(reading.ok()) << reading.status();
    EXPECT_TRUE(Restore().ok()) << "any number may read";
    const auto made = backups_->Create(Day(2));
    EXPECT_EQ(ReasonOf(made.status()), v1::STORAGE_UNAVAILABLE);
    EXPECT_THAT(std::string(made.status().message()), HasSubstr("in use"));
  }
  EXPECT_EQ(Create().id, 2u);
}

TEST_F(BackupTest, OldOnesAreDeletedByCount) {
  UseOptions(/*keep_count=*/2, /*keep_days=*/30);
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(Report("u" + std::to_string(i) + "@example.com"));
    Create(Day(i));
  }
  EXPECT_THAT(Ids(), ElementsAre(4, 3));
  EXPECT_TRUE(Restore("third", 3).ok());
  EXPECT_EQ(Restore("second", 2).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(BackupTest, OldOnesAreDeletedByAgeButNeverTheNewest) {
  UseOptions(/*keep_count=*/10, /*keep_days=*/3);
  for (const int day : {0, 1, 2, 4}) Create(Day(day));
  EXPECT_THAT(Ids(), ElementsAre(4, 3, 2));
  const auto pruned = backups_->Prune(Day(100));
  ASSERT_TRUE(pruned.ok()) << pruned.status();
  EXPECT_EQ(*pruned, 2);
  EXPECT_THAT(Ids(), ElementsAre(4));
  EXPECT_TRUE(Restore().ok());
}

TEST_F(BackupTest, WithoutItsNoteABackupIsNone) {
  ASSERT_TRUE(Report("a@example.com"));
  Create();
  Create();
  fs::remove(backup_options_.path + "/notes/2");  // as where the process was killed before it was written
  EXPECT_EQ(Restore("second", 2).status().code(), absl::StatusCode::kNotFound);
  const auto listed = ListBackups(backup_options_.path);
  ASSERT_TRUE(listed.ok());
  EXPECT_EQ(listed->size(), 1u);
  ASSERT_TRUE(Restore("first").ok());
  Create();
  const auto after = ListBackups(backup_options_.path);
  ASSERT_TRUE(after.ok());
  EXPECT_EQ(after->size(), 2u);
  uint64_t lists = 0;
  for ([[maybe_unused]] const auto& item : fs::directory_iterator(backup_options_.path + "/meta")) ++lists;
  EXPECT_EQ(lists, 2u) << "what had no note is gone";
}

TEST_F(BackupTest, ANoteIsOfOneBackupOnly) {
  Create();
  ASSERT_TRUE(Report("a@example.com"));
  Create();
  fs::copy_file(backup_options_.path + "/notes/1", backup_options_.path + "/notes/2",
                fs::copy_options::overwrite_existing);
  EXPECT_EQ(Restore("restored", 2).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(BackupTest, WhereverItIsBrokenOffNothingIsLeftThatRestores) {
  ASSERT_TRUE(FillStore(store_.get(), 0, 1'000).ok());
  for (const char* part : {".sst", "MANIFEST", "CURRENT", "OPTIONS", ".1.tmp"}) {
    for (const Operation operation : {Operation::kCreate, Operation::kAppend, Operation::kSync}) {
      SCOPED_TRACE(std::string(part) + " " + std::to_string(static_cast<int>(operation)));
      files_->FailAt(part, operation);
      EXPECT_EQ(ReasonOf(backups_->Create(Day(1)).status()), v1::STORAGE_UNAVAILABLE);
      files_->Heal();
      EXPECT_EQ(Restore().status().code(), absl::StatusCode::kNotFound);
      EXPECT_TRUE(store_->write_status().ok());
    }
  }
  EXPECT_EQ(backups_->failures(), 15u);
  Create();
  EXPECT_TRUE(Restore().ok());
}

TEST_F(BackupTest, AFullDiskOfBackupsLeavesTheListWritable) {
  ASSERT_TRUE(Report("a@example.com"));
  Create();
  ASSERT_TRUE(FillStore(store_.get(), 0, 1'000).ok());
  files_->SetFull(true);
  const auto refused = backups_->Create(Day(2));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(refused.status()), v1::STORAGE_UNAVAILABLE);
  EXPECT_TRUE(Report("b@example.com"));
  EXPECT_TRUE(store_->write_status().ok());
  EXPECT_THAT(Ids(), ElementsAre(1)) << "the earlier one is still there";
  EXPECT_TRUE(Restore("first").ok());
  files_->SetFull(false);
  EXPECT_EQ(Create().state.revision, 1'002u);
}

TEST_F(BackupTest, WhatABackupIsMadeOfIsOnDiskWhenItIsDone) {
  ASSERT_TRUE(FillStore(store_.get(), 0, 1'000).ok());
  Create();
  Close();
  files_->LoseUnsyncedData();
  const auto restored = Restore();
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(restored->state.revision, 1'000u);
}

TEST_F(BackupTest, AFlippedByteIsFoundWhenItIsRestored) {
  ASSERT_TRUE(FillStore(store_.get(), 0, 1'000).ok());
  Create();
  FlipByte(LargestTable());
  EXPECT_EQ(Restore().status().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(fs::is_empty(directory_ / "restored")) << "it may be tried again at once, with another backup";
}

TEST_F(BackupTest, AFlippedByteIsFoundByTheNextBackupWhichIsWhole) {
  ASSERT_TRUE(FillStore(store_.get(), 0, 1'000).ok());
  Create();
  FlipByte(LargestTable());
  const BackupNote second = Create();
  EXPECT_THAT(Ids(), ElementsAre(second.id)) << "what can never be restored is not kept";
  const auto restored = Restore();
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(restored->state.revision, 1'000u);
}

TEST_F(BackupTest, AMissingFileIsFoundWhenItIsRestored) {
  ASSERT_TRUE(FillStore(store_.get(), 0, 1'000).ok());
  Create();
  fs::remove(LargestTable());
  EXPECT_EQ(Restore().status().code(), absl::StatusCode::kDataLoss);
  Create();
  EXPECT_TRUE(Restore().ok());
}

TEST_F(BackupTest, OneIsMadeAtATime) {
  files_->SetHanging(true);
  absl::StatusOr<CreatedBackup> first;
  std::thread making([&] { first = backups_->Create(Day(1)); });
  while (!fs::exists(backup_options_.path + "/private/1")) std::this_thread::yield();
  const auto second = backups_->Create(Day(1));
  EXPECT_EQ(ReasonOf(second.status()), v1::OVERLOADED);
  EXPECT_EQ(*backups_->Prune(Day(1)), 0);
  EXPECT_TRUE(backups_->Look().ok());
  EXPECT_TRUE(Report("meanwhile@example.com")) << "whatever the disk of backups does";
  files_->SetHanging(false);
  making.join();
  EXPECT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(backups_->failures(), 0u);
}

TEST_F(BackupTest, OneThatIsBeingMadeEndsWhenTheServerStops) {
  files_->SetHanging(true);
  absl::StatusOr<CreatedBackup> made;
  std::thread making([&] { made = backups_->Create(Day(1)); });
  while (!fs::exists(backup_options_.path + "/private/1")) std::this_thread::yield();
  backups_->Stop();
  files_->SetHanging(false);
  making.join();
  EXPECT_EQ(ReasonOf(made.status()), v1::SHUTTING_DOWN);
  EXPECT_EQ(Restore().status().code(), absl::StatusCode::kNotFound);
}

TEST_F(BackupTest, ANewerFormatIsRefused) {
  Create();
  std::ofstream(backup_options_.path + "/FORMAT") << "suppressd backup directory\nformat 2\n";
  EXPECT_THAT(std::string(Restore().status().message()), HasSubstr("use a newer suppressd"));
  EXPECT_THAT(std::string(backups_->Create(Day(1)).status().message()), HasSubstr("use a newer suppressd"));
}

TEST_F(BackupTest, ADirectoryOfBackupsIsNoDataDirectory) {
  Create();
  const auto store = Store::Open(OptionsAt("backups"));
  EXPECT_EQ(store.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(store.status().message()), HasSubstr("is a suppressd backup directory"));
  EXPECT_TRUE(Restore().ok());
}

TEST_F(BackupTest, NothingIsMadeOnceTheServerStops) {
  backups_->Stop();
  EXPECT_EQ(ReasonOf(backups_->Create(Day(1)).status()), v1::SHUTTING_DOWN);
  EXPECT_FALSE(fs::exists(backup_options_.path));
}

TEST_F(BackupTest, OnlyAnEmptyDirectoryIsRestoredInto) {
  Create();
  fs::create_directories(directory_ / "mine/lost+found");
  EXPECT_TRUE(Restore("mine").ok());
  const auto again = Restore("mine");
  EXPECT_EQ(again.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(again.status().message()), HasSubstr("is not empty"));
  EXPECT_TRUE(Store::Open(OptionsAt("mine")).ok()) << "it is as it was";
}

TEST_F(BackupTest, ARestoreThatDidNotEndIsRefusedWithWhatToDo) {
  Create();
  {
    const auto begun = DataDirectory::MakeForRestore(directory_ / "restored");
    ASSERT_TRUE(begun.ok()) << begun.status();
    fs::create_directory((*begun)->database_path());  // and the process is killed
  }
  const auto store = Store::Open(OptionsAt("restored"));
  EXPECT_EQ(store.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(store.status().message()), HasSubstr("delete what is in it and restore again"));
  EXPECT_EQ(Restore().status().code(), absl::StatusCode::kFailedPrecondition);
  fs::remove_all(directory_ / "restored");
  EXPECT_TRUE(Restore().ok());
}

TEST_F(BackupTest, WhatIsRestoredHasALineageOfItsOwn) {
  ASSERT_TRUE(Report("a@example.com"));
  const BackupNote note = Create();
  const auto restored = Restore();
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(restored->state.revision, note.state.revision);
  EXPECT_NE(restored->state.lineage, note.state.lineage);
  const auto store = Store::Open(OptionsAt("restored"));
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->lineage(), restored->state.lineage);
  EXPECT_FALSE((*store)->time_is_noted()) << "it may have been put away for any time";
  EXPECT_EQ(ReasonOf(DecodeToken(EncodeToken(note.state), (*store)->lineage(), "at_least").status()),
            v1::LINEAGE_MISMATCH);
  ASSERT_TRUE(ApplyTo(**store, {HardBounce("b@example.com", Day(1))}).ok());
  EXPECT_EQ((*store)->head().head(), 2u) << "the log goes on from there";
}

TEST_F(BackupTest, WhatIsRestoredCanBeBackedUpBesideTheRest) {
  ASSERT_TRUE(FillStore(store_.get(), 0, 20'000).ok());
  Create();
  const uint64_t first = BytesOfBackups();
  ASSERT_TRUE(Restore().ok());
  Close();
  options_.path = directory_ / "restored";
  Open();
  EXPECT_EQ(Create().id, 2u);
  EXPECT_LT(BytesOfBackups() - first, first / 5);
  EXPECT_TRUE(Restore("again").ok());
}

TEST_F(BackupTest, ADiskThatRefusesTheListsWritesPutsBackupsOffUntilItRecovers) {
  const auto store_files = std::make_shared<FaultyFileSystem>();
  const std::unique_ptr<rocksdb::Env> store_env = rocksdb::NewCompositeEnv(store_files);
  const absl::Cleanup close = [this] { Close(); };  // before its file system goes
  Close();
  options_.env = store_env.get();
  Open();
  ASSERT_TRUE(Report("a@example.com"));
  store_files->SetFull(true);
  ASSERT_FALSE(Report("b@example.com"));
  EXPECT_EQ(ReasonOf(backups_->Create(Day(1)).status()), v1::STORAGE_UNAVAILABLE);
  store_files->Heal();
  ASSERT_TRUE(store_->Recover().ok());
  ASSERT_TRUE(Report("c@example.com"));
  EXPECT_GE(Create().state.revision, 2u);
  EXPECT_TRUE(Restore().ok());
}

// A writer that goes on, each of whose commands takes one revision.
class Writer {
 public:
  Writer(uint64_t seed, Store* store) : random_(seed), commands_(seed + 1), store_(store), thread_([this] { Run(); }) {}
  ~Writer() { Stop(); }

  void Stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  // Returns when so many commands are on disk.
  void Await(uint64_t revision) const {
    absl::Notification reached;
    store_->head().CallAt(revision, [&reached] { reached.Notify(); });
    reached.WaitForNotification();
  }
  // Of the first so many; the thread has stopped.
  std::vector<stored::Command> First(uint64_t count) const {
    return {written_.begin(), written_.begin() + static_cast<ptrdiff_t>(count)};
  }

 private:
  void Run() {
    while (!stopping_) {
      std::vector<stored::Command> batch;
      for (uint64_t i = 1 + random_() % 20; i > 0; --i) batch.push_back(commands_.Next());
      written_.insert(written_.end(), batch.begin(), batch.end());
      const auto applied = ApplyTo(*store_, batch);
      EXPECT_TRUE(applied.ok()) << applied.status();
      if (!applied.ok()) return store_->head().GiveUp();
    }
  }

  std::mt19937_64 random_;
  RandomCommands commands_;
  Store* const store_;
  std::vector<stored::Command> written_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

// Entries, index, history, counters, idempotency, change log and audit.
TEST_F(BackupTest, WhatIsRestoredIsTheListAtTheRevisionOfTheBackupHoweverItWasWrittenMeanwhile) {
  constexpr int kBackups = 4;
  const uint64_t seed = Seed();
  SCOPED_TRACE("SUPPRESSD_BACKUP_SEED=" + std::to_string(seed));
  Writer writer(seed, store_.get());
  std::vector<BackupNote> notes;
  for (int i = 0; i < kBackups; ++i) {
    writer.Await(store_->head().head() + 200);
    const uint64_t acknowledged = store_->head().head();
    notes.push_back(Create(Day(i)));
    EXPECT_GE(notes.back().state.revision, acknowledged);
  }
  writer.Stop();
  for (const BackupNote& note : notes) {
    SCOPED_TRACE("backup " + std::to_string(note.id) + " at revision " + std::to_string(note.state.revision));
    const std::string name = "restored" + std::to_string(note.id), model_name = "model" + std::to_string(note.id);
    const auto restored = Restore(name, note.id);
    ASSERT_TRUE(restored.ok()) << restored.status();
    auto model = Store::Open(OptionsAt(model_name));
    ASSERT_TRUE(model.ok()) << model.status();
    ASSERT_TRUE(ApplyTo(**model, writer.First(note.state.revision)).ok());
    ASSERT_EQ((*model)->head().head(), note.state.revision);
    model->reset();
    EXPECT_EQ(ListDigest(OptionsAt(name), 1, DigestedRuns::kNone),
              ListDigest(OptionsAt(model_name), 1, DigestedRuns::kNone));
  }
}

}  // namespace
}  // namespace suppressd
