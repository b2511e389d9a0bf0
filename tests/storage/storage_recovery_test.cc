// A store whose disk refuses, and which takes writes again without being closed.
#include <gmock/gmock.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <thread>

#include "absl/synchronization/notification.h"
#include "common/error.h"
#include "storage/log/local_commit_log.h"
#include "storage/store.h"
#include "tests/testing/apply.h"
#include "tests/testing/commands.h"
#include "tests/testing/faulty_file_system.h"
#include "tests/testing/snapshot_entries.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

using Operation = FaultyFileSystem::Operation;

// What fails: an operation on files with this in their name.
struct Fault {
  const char* part;
  Operation operation;
};
constexpr Fault kLogAppend{".log", Operation::kAppend};
constexpr Fault kLogSync{".log", Operation::kSync};
constexpr Fault kTable{".sst", Operation::kAppend};
constexpr Fault kTableSync{".sst", Operation::kSync};
constexpr Fault kManifest{"MANIFEST", Operation::kAppend};
constexpr Fault kManifestSync{"MANIFEST", Operation::kSync};
constexpr Fault kCreate{"0", Operation::kCreate};

std::string Address(int i) {
  return "u" + std::to_string(i) + "@example.com";
}

// The name of an entry, with what it refers to.
class OwnName {
 public:
  explicit OwnName(const std::string& address) : target_(TargetOf(address)) {}
  EntryName name() const { return {"default", target_.domain(), target_.local_part()}; }

 private:
  const stored::Target target_;
};

class StorageRecoveryTest : public ::testing::Test {
 protected:
  StorageRecoveryTest() {
    options_.path = directory_ / "data";
    options_.env = env_.get();
    Open();
  }
  void Open() {
    store_.reset();
    auto store = Store::Open(options_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void FailAt(const Fault& fault) { files_->FailAt(fault.part, fault.operation); }
  // A hard bounce with a request id of its own, so that it can be repeated.
  absl::StatusOr<stored::CommandResult> Bounce(int i) {
    const auto results = ApplyTo(*store_, {HardBounce(Address(i), Day(0, i), "r:" + std::to_string(i))});
    if (!results.ok()) return results.status();
    return results->front();
  }
  bool Has(int i) {
    Lookup found;
    EXPECT_TRUE(store_->reader().Get(OwnName(Address(i)).name(), &found).ok());
    return found.address.has_value();
  }
  int Events(int i) {
    Lookup found;
    EXPECT_TRUE(store_->reader().Get(OwnName(Address(i)).name(), &found).ok());
    if (!found.address.has_value()) return 0;
    const auto events = store_->reader().ReadEvents(OwnName(Address(i)).name(), *found.address, 1'000);
    EXPECT_TRUE(events.ok()) << events.status();
    return static_cast<int>(events->size());
  }
  int64_t Total() {
    ListQuery query;
    query.tenant = "default";
    query.now_micros = Day(1);
    const auto counts = store_->reader().Count(query, [] { return false; });
    EXPECT_TRUE(counts.ok()) << counts.status();
    return counts.ok() ? counts->total : -1;
  }
  // A note of a MiB, so that a few of them are written into table files.
  absl::Status SuppressWithLargeNote(const std::string& address) {
    stored::Command command = SuppressCommand(address, v1::Cause::MANUAL, Day(0));
    command.mutable_suppress()->mutable_cause()->set_note(std::string(1 << 20, 'n'));
    return ApplyTo(*store_, {command}).status();
  }

  TempDirectory directory_;
  std::shared_ptr<FaultyFileSystem> files_ = std::make_shared<FaultyFileSystem>();
  std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(files_);
  StoreOptions options_;
  std::unique_ptr<Store> store_;
};

TEST_F(StorageRecoveryTest, WithoutTroubleNothingIsOpenedAgain) {
  ASSERT_TRUE(Bounce(1).ok());
  const auto snapshot = store_->reader().TakeSnapshot();
  ASSERT_TRUE(store_->Recover().ok());
  ASSERT_TRUE(snapshot.ok());
  const auto visit = [](absl::string_view, const stored::StoredEntry&) { return true; };
  EXPECT_TRUE((*snapshot)->Walk({}, visit).ok()) << "it is still there";
}

TEST_F(StorageRecoveryTest, AFullDiskIsWaitedOutWhileReadsGoOn) {
  ASSERT_TRUE(Bounce(1).ok());
  files_->SetFull(true);
  EXPECT_EQ(ReasonOf(Bounce(2).status()), v1::STORAGE_UNAVAILABLE);
  EXPECT_EQ(ReasonOf(store_->trouble()), v1::STORAGE_UNAVAILABLE);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ReasonOf(store_->Recover()), v1::STORAGE_UNAVAILABLE);
    EXPECT_TRUE(Has(1));
    EXPECT_FALSE(Has(2));
    EXPECT_FALSE(Bounce(2).ok());
  }
  files_->SetFull(false);
  EXPECT_FALSE(Bounce(2).ok()) << "not before it has recovered";
  ASSERT_TRUE(store_->Recover().ok());
  EXPECT_TRUE(store_->write_status().ok());
  EXPECT_TRUE(Bounce(2).ok());
  Open();
  EXPECT_TRUE(Has(1));
  EXPECT_TRUE(Has(2));
  EXPECT_EQ(store_->head().head(), 2u);
}

TEST_F(StorageRecoveryTest, WhatIsShedIsRefusedForThatReason) {
  store_->Shed(MakeError(absl::StatusCode::kUnavailable, v1::STORAGE_UNAVAILABLE, "too little is free"));
  EXPECT_EQ(Bounce(1).status().message(), "too little is free");
  EXPECT_TRUE(store_->trouble().ok());
  store_->Shed(absl::OkStatus());
  EXPECT_TRUE(Bounce(1).ok());
}

TEST_F(StorageRecoveryTest, AWriteThatFailedAndIsThereAllTheSameCountsOnce) {
  ASSERT_TRUE(Bounce(1).ok());
  FailAt(kLogSync);
  EXPECT_FALSE(Bounce(2).ok());
  EXPECT_EQ(store_->head().head(), 1u);
  EXPECT_FALSE(Has(2)) << "it is not told before it is durable";
  files_->Heal();
  ASSERT_TRUE(store_->Recover().ok());
  EXPECT_EQ(store_->head().head(), 2u);
  EXPECT_TRUE(Has(2));
  const auto repeated = Bounce(2);
  ASSERT_TRUE(repeated.ok());
  EXPECT_TRUE(repeated->duplicate());
  EXPECT_EQ(Events(2), 1);
  const auto changes = store_->reader().ReadChanges(0, 100);
  ASSERT_TRUE(changes.ok());
  EXPECT_EQ(changes->size(), 3u);
  files_->LoseUnsyncedData();
}

TEST_F(StorageRecoveryTest, WhoeverWaitsForThatWriteIsWoken) {
  ASSERT_TRUE(Bounce(1).ok());
  FailAt(kLogSync);
  EXPECT_FALSE(Bounce(2).ok());
  absl::Notification reached;
  store_->head().CallAt(2, [&] { reached.Notify(); });
  EXPECT_FALSE(reached.HasBeenNotified());
  files_->Heal();
  ASSERT_TRUE(store_->Recover().ok());
  EXPECT_TRUE(reached.HasBeenNotified());
}

TEST_F(StorageRecoveryTest, AWriteThatFailedHalfWayIsNotThere) {
  ASSERT_TRUE(Bounce(1).ok());
  FailAt(kLogAppend);
  EXPECT_FALSE(Bounce(2).ok());
  files_->Heal();
  ASSERT_TRUE(store_->Recover().ok());
  EXPECT_FALSE(Has(2));
  EXPECT_EQ(store_->head().head(), 1u);
  const auto repeated = Bounce(2);
  ASSERT_TRUE(repeated.ok());
  EXPECT_FALSE(repeated->duplicate());
}

TEST_F(StorageRecoveryTest, EachStepOfARecoveryMayFailAndReadsGoOn) {
  ASSERT_TRUE(Bounce(1).ok());
  FailAt(kLogSync);
  EXPECT_FALSE(Bounce(2).ok());
  for (const Fault& fault : {kTable, kTableSync, kManifest, kManifestSync, kCreate, kLogAppend, kLogSync}) {
    FailAt(fault);
    EXPECT_FALSE(store_->Recover().ok()) << fault.part;
    EXPECT_TRUE(Has(1)) << fault.part;
    EXPECT_EQ(ReasonOf(Bounce(3).status()), v1::STORAGE_UNAVAILABLE) << fault.part;
  }
  files_->SetUnreadable(true);
  EXPECT_FALSE(store_->Recover().ok());
  EXPECT_TRUE(Has(1));
  files_->SetUnreadable(false);
  files_->Heal();
  ASSERT_TRUE(store_->Recover().ok());
  ASSERT_TRUE(Bounce(2).ok());
  ASSERT_TRUE(Bounce(3).ok());
  Open();
  EXPECT_EQ(Total(), 3);
}

TEST_F(StorageRecoveryTest, AnErrorInTheBackgroundShedsWritesAtOnce) {
  for (const Fault& fault : {kTable, kManifest}) {
    FailAt(fault);
    int acknowledged = 0;
    while (store_->trouble().ok() && acknowledged < 200) {
      const std::string address = std::string(fault.part + 1) + std::to_string(acknowledged) + "@example.com";
      if (SuppressWithLargeNote(address).ok()) ++acknowledged;
    }
    EXPECT_EQ(ReasonOf(store_->trouble()), v1::STORAGE_UNAVAILABLE) << fault.part;
    EXPECT_FALSE(Bounce(1).ok());
    files_->Heal();
    ASSERT_TRUE(store_->Recover().ok()) << fault.part;
    for (int i = 0; i < acknowledged; ++i) {
      Lookup found;
      const std::string address = std::string(fault.part + 1) + std::to_string(i) + "@example.com";
      ASSERT_TRUE(store_->reader().Get(OwnName(address).name(), &found).ok());
      EXPECT_TRUE(found.address.has_value()) << address;
    }
  }
}

TEST_F(StorageRecoveryTest, ADomainThatFailedIsCountedOnce) {
  ASSERT_TRUE(Bounce(1).ok());
  FailAt(kLogAppend);
  stored::Command command = SuppressCommand("@example.org", v1::Cause::MANUAL, Day(0));
  EXPECT_FALSE(ApplyTo(*store_, {command}).ok());
  files_->Heal();
  ASSERT_TRUE(store_->Recover().ok());
  ASSERT_TRUE(ApplyTo(*store_, {command}).ok());
  Lookup found;
  ASSERT_TRUE(store_->reader().Get({"default", "example.org", "jo"}, &found).ok());
  EXPECT_TRUE(found.domain.has_value());
}

TEST_F(StorageRecoveryTest, SettingsThatFailedAreNotUsed) {
  const int days = store_->applier().settings().bounce_retention_days();
  stored::Command command;
  *command.mutable_at() = FromMicros(Day(0));
  command.mutable_settings()->set_bounce_retention_days(days + 1);
  FailAt(kLogAppend);
  EXPECT_FALSE(ApplyTo(*store_, {command}).ok());
  files_->Heal();
  ASSERT_TRUE(store_->Recover().ok());
  EXPECT_EQ(store_->applier().settings().bounce_retention_days(), days);
}

TEST_F(StorageRecoveryTest, WhatIsMissingKeepsItFromRecoveringAndReadsGoOn) {
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Bounce(i).ok());
  FailAt(kLogSync);
  EXPECT_FALSE(Bounce(20).ok());
  files_->Heal();
  std::filesystem::path log;
  for (const auto& item : std::filesystem::directory_iterator(options_.path + "/db")) {
    // The newest: one before it, flushed already, may be waiting to be deleted.
    if (item.path().extension() == ".log" && item.path() > log) log = item.path();
  }
  std::filesystem::copy_file(log, directory_ / "aside");
  std::filesystem::resize_file(log, std::filesystem::file_size(log) / 2);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(store_->Recover().code(), absl::StatusCode::kDataLoss);
    EXPECT_FALSE(Bounce(20).ok());
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(Has(i)) << i;
  }
  std::filesystem::copy_file(directory_ / "aside", log, std::filesystem::copy_options::overwrite_existing);
  ASSERT_TRUE(store_->Recover().ok());
  ASSERT_TRUE(Bounce(20).ok());
  Open();
  EXPECT_EQ(Total(), 21);
}

TEST_F(StorageRecoveryTest, SnapshotsAreGoneAndDoNotCrash) {
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(Bounce(i).ok());
  auto snapshot = store_->reader().TakeSnapshot();
  ASSERT_TRUE(snapshot.ok());
  FailAt(kLogSync);
  EXPECT_FALSE(Bounce(10).ok());
  const auto walk = [&] {
    return (*snapshot)->Walk({}, [](absl::string_view, const stored::StoredEntry&) { return true; });
  };
  EXPECT_TRUE(walk().ok()) << "trouble alone takes nothing away";
  files_->Heal();
  ASSERT_TRUE(store_->Recover().ok());
  EXPECT_EQ(ReasonOf(walk()), v1::SNAPSHOT_GONE);
  snapshot->reset();
  EXPECT_TRUE(store_->reader().TakeSnapshot().ok());
}

// Who loads a list from a server whose disk refuses writes for long must get through it.
TEST_F(StorageRecoveryTest, WhatIsTakenFromAStandInLastsUntilTheDatabaseIsWrittenAgain) {
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Bounce(i).ok());
  FailAt(kLogSync);
  EXPECT_FALSE(Bounce(20).ok());
  FailAt(kCreate);  // of any file: it cannot be opened to be written
  EXPECT_EQ(ReasonOf(store_->Recover()), v1::STORAGE_UNAVAILABLE);
  const auto snapshot = store_->reader().TakeSnapshot();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  const auto walk = [&] {
    return (*snapshot)->Walk({}, [](absl::string_view, const stored::StoredEntry&) { return true; });
  };
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(store_->Recover().ok());
    EXPECT_EQ(walk(), absl::OkStatus());
  }
  files_->Heal();
  EXPECT_EQ(store_->Recover(), absl::OkStatus());
  EXPECT_EQ(ReasonOf(walk()), v1::SNAPSHOT_GONE);
  EXPECT_TRUE(Bounce(21).ok());
}

TEST_F(StorageRecoveryTest, ARecoveryThatIsToEndDoesNotWaitForReaders) {
  ASSERT_TRUE(Bounce(0).ok());
  FailAt(kLogSync);
  EXPECT_FALSE(Bounce(1).ok());
  files_->Heal();
  store_->EndRecovery();
  EXPECT_EQ(ReasonOf(store_->Recover()), v1::STORAGE_UNAVAILABLE);
  EXPECT_TRUE(Has(0));
}

TEST_F(StorageRecoveryTest, ALongReadIsWaitedForAndOthersGoOn) {
  for (int i = 0; i < 1'100; ++i) ASSERT_TRUE(Bounce(i).ok());
  absl::Notification reading, go_on;
  absl::StatusOr<ListCounts> counted = absl::UnknownError("not counted");
  std::thread reader([&] {
    ListQuery query;
    query.tenant = "default";
    query.now_micros = Day(1);
    counted = store_->reader().Count(query, [&] {
      if (!reading.HasBeenNotified()) reading.Notify();
      go_on.WaitForNotification();
      return false;
    });
  });
  reading.WaitForNotification();
  FailAt(kLogSync);
  EXPECT_FALSE(Bounce(5'000).ok());
  files_->Heal();
  EXPECT_EQ(ReasonOf(store_->Recover()), v1::STORAGE_UNAVAILABLE) << "the database is still read";
  EXPECT_EQ(Total(), 1'101) << "the stand-in holds the write that failed, too";
  go_on.Notify();
  reader.join();
  ASSERT_TRUE(counted.ok()) << counted.status();
  EXPECT_EQ(counted->total, 1'100);
  ASSERT_TRUE(store_->Recover().ok());
  EXPECT_TRUE(Bounce(5'001).ok());
}

TEST_F(StorageRecoveryTest, ReadersGoOnThroughManyRecoveries) {
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(Bounce(i).ok());
  std::atomic<bool> stop{false};
  std::atomic<int64_t> reads{0};
  std::vector<std::thread> readers;
  const auto read = [&](int seed) {
    std::mt19937_64 random(seed);
    ListQuery query;
    query.tenant = "default";
    query.now_micros = Day(1);
    query.page_size = 50;
    while (!stop) {
      EXPECT_TRUE(Has(static_cast<int>(random() % 200)));
      const auto page = store_->reader().List(query);
      ASSERT_TRUE(page.ok()) << page.status();
      EXPECT_EQ(page->suppressions.size(), 50u);
      EXPECT_GE(Total(), 200);
      const uint64_t head = store_->head().head();
      const auto changes = store_->reader().ReadChanges(100, 50);
      ASSERT_TRUE(changes.ok()) << changes.status();
      EXPECT_EQ(changes->size(), 50u);
      const auto snapshot = store_->reader().TakeSnapshot();
      ASSERT_TRUE(snapshot.ok()) << snapshot.status();
      EXPECT_GE((*snapshot)->revision(), head);
      const absl::Status walked =
          (*snapshot)->Walk({}, [](absl::string_view, const stored::StoredEntry&) { return true; });
      EXPECT_TRUE(walked.ok() || ReasonOf(walked) == v1::SNAPSHOT_GONE) << walked;
      EXPECT_NE(store_->reader().EstimateEntries(), 0u);
      ++reads;
    }
  };
  for (int i = 0; i < 3; ++i) readers.emplace_back(read, i);
  for (int round = 0; round < 12; ++round) {
    const int64_t reads_before = reads;
    FailAt(round % 2 == 0 ? kLogSync : kLogAppend);
    EXPECT_FALSE(Bounce(1'000 + round).ok());
    files_->Heal();
    absl::Status recovered = store_->Recover();
    while (absl::IsUnavailable(recovered) && !HasFailure()) recovered = store_->Recover();  // a reader was slow
    EXPECT_TRUE(recovered.ok()) << recovered;
    EXPECT_TRUE(Bounce(1'000 + round).ok());
    while (reads < reads_before + 3 && !HasFailure()) std::this_thread::yield();
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  Open();
  EXPECT_EQ(Total(), 212);
}

TEST_F(StorageRecoveryTest, AReplicaFollowsOnFromWhereItWas) {
  store_.reset();
  options_.path = directory_ / "replica";
  auto replica = *ReplicaStore::Open(options_, 1);
  ForEachPart(3'000,
              [&](const std::vector<stored::StoredEntry>& part) { ASSERT_TRUE(replica->writer().Load(part).ok()); });
  ASSERT_TRUE(replica->writer().FinishLoad(3'001, Day(0), 7).ok());
  const auto follow = [&](uint64_t revision) {
    RevisionChange change;
    change.revision = revision;
    change.timeline = 7;
    *change.change.mutable_at() = FromMicros(Day(0, static_cast<int64_t>(revision)));
    return replica->writer().Follow({change});
  };
  ASSERT_TRUE(follow(3'002).ok());
  for (const Fault& fault : {kLogSync, kLogAppend}) {
    const uint64_t head = replica->head().head();
    FailAt(fault);
    EXPECT_EQ(ReasonOf(follow(head + 1)), v1::STORAGE_UNAVAILABLE);
    files_->Heal();
    EXPECT_EQ(ReasonOf(follow(head + 1)), v1::STORAGE_UNAVAILABLE);
    ASSERT_TRUE(replica->Recover().ok());
    EXPECT_GE(replica->head().head(), head);
    EXPECT_EQ(replica->reader().timeline(), 7u);
    ASSERT_TRUE(follow(head + 1).ok());
    ASSERT_TRUE(follow(head + 2).ok());
    EXPECT_EQ(replica->head().head(), head + 2);
  }
  EXPECT_FALSE(replica->is_damaged());
}

TEST_F(StorageRecoveryTest, ALogGivesUpADiskThatHangsAndGoesOnOnceItAnswers) {
  LocalCommitLog log;
  ASSERT_TRUE(log.Start(&store_->applier()).ok());
  std::atomic<int> answered{0};
  absl::Mutex mutex;
  std::vector<AppendResult> results;
  const auto append = [&](int i) {
    log.Append(HardBounce(Address(i), Day(0, i), "r:" + std::to_string(i)), [&](AppendResult result) {
      absl::MutexLock lock(&mutex);
      results.push_back(std::move(result));
      ++answered;
    });
  };
  const auto await = [&](int count) {
    while (answered < count) std::this_thread::yield();
  };
  append(0);
  await(1);
  EXPECT_TRUE(results[0].applied());
  files_->SetHanging(true);
  append(1);
  files_->AwaitHanging();  // in this very batch, and not in what follows the one before it
  absl::Status barrier;
  log.Barrier([&](const absl::Status& status) {
    absl::MutexLock lock(&mutex);
    barrier = status;
    ++answered;
  });
  append(2);
  absl::Time now = absl::UnixEpoch();
  while (log.GiveUpStuck(now).ok()) now += kBatchTimeMax / 10;
  await(4);
  EXPECT_EQ(ReasonOf(barrier), v1::STORAGE_UNAVAILABLE);
  for (int i = 1; i < 3; ++i) {
    EXPECT_NE(results[i].outcome, AppendResult::kApplied);
    EXPECT_EQ(ReasonOf(results[i].status), v1::STORAGE_UNAVAILABLE);
  }
  append(3);
  await(5);
  EXPECT_EQ(results[3].outcome, AppendResult::kNotAppended);
  EXPECT_FALSE(log.Health().connected);
  EXPECT_TRUE(Has(0)) << "reads go on";
  files_->SetHanging(false);
  while (!log.GiveUpStuck(now).ok()) std::this_thread::yield();
  append(1);
  await(6);
  EXPECT_TRUE(results[4].applied());
  EXPECT_EQ(Events(1), 1) << "whether the first was written or not";
  log.Close();
}

// Faults, heals, recoveries and restarts in random order against a map of what was acknowledged.
TEST_F(StorageRecoveryTest, RandomFaultsLoseNothingAndCountNothingTwice) {
  const char* seed_text = std::getenv("SUPPRESSD_RECOVERY_SEED");
  const uint64_t first = seed_text != nullptr ? std::strtoull(seed_text, nullptr, 10) : std::random_device()();
  for (uint64_t seed = first; seed < first + 5 && !HasFailure(); ++seed) {
    std::printf("SUPPRESSD_RECOVERY_SEED=%llu\n", static_cast<unsigned long long>(seed));
    options_.path = directory_ / ("data" + std::to_string(seed));
    Open();
    std::mt19937_64 random(seed);
    std::map<int, bool> acknowledged;  // by address; false: its outcome is unknown
    uint64_t head = 0;
    int next = 0;
    for (int step = 0; step < 400 && !HasFailure(); ++step) {
      const uint64_t kind = random() % 20;
      if (kind == 0) {
        const std::vector<Fault> faults = {kLogAppend, kLogSync, kTable, kTableSync, kManifest, kManifestSync, kCreate};
        FailAt(faults[random() % faults.size()]);
      } else if (kind == 1) {
        files_->SetFull(true);
      } else if (kind < 5) {
        files_->Heal();
      } else if (kind < 8) {
        const bool recovered = store_->Recover().ok();
        EXPECT_EQ(recovered, store_->trouble().ok());
      } else if (kind == 8 && store_->trouble().ok()) {
        files_->Heal();
        Open();
      } else {
        const bool repeats = random() % 3 == 0 && next > 0;
        const int i = repeats ? static_cast<int>(random() % next) : next++;
        const auto result = Bounce(i);
        EXPECT_TRUE(!result.ok() || !acknowledged[i] || result->duplicate()) << i;
        acknowledged[i] = acknowledged[i] || result.ok();
      }
      EXPECT_GE(store_->head().head(), head) << "no state is taken back";
      head = store_->head().head();
      if (next > 0) {
        const int i = static_cast<int>(random() % next);
        EXPECT_TRUE(!acknowledged[i] || Events(i) == 1) << i;
      }
    }
    files_->Heal();
    ASSERT_TRUE(store_->Recover().ok());
    for (const bool reopened : {false, true}) {
      if (reopened) Open();
      for (const auto& [i, known] : acknowledged) EXPECT_TRUE(known ? Events(i) == 1 : Events(i) <= 1) << i;
    }
    for (const auto& [i, known] : acknowledged) {
      const auto result = Bounce(i);
      ASSERT_TRUE(result.ok());
      EXPECT_TRUE(result->duplicate() || !known);
      EXPECT_EQ(Events(i), 1);
    }
    EXPECT_EQ(Total(), static_cast<int64_t>(acknowledged.size()));
  }
}

}  // namespace
}  // namespace suppressd
