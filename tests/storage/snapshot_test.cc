#include "storage/snapshot.h"

#include <gmock/gmock.h>

#include <map>
#include <thread>

#include "common/error.h"
#include "storage/entry.h"
#include "storage/store.h"
#include "tests/testing/apply.h"
#include "tests/testing/commands.h"
#include "tests/testing/fill_store.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SnapshotTest : public ::testing::Test {
 protected:
  SnapshotTest() { Open(); }

  void Open() {
    store_.reset();
    options_.path = directory_ / "data";
    auto store = Store::Open(options_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void Apply(const std::vector<stored::Command>& commands) {
    const auto results = ApplyTo(*store_, commands);
    ASSERT_TRUE(results.ok()) << results.status();
  }
  std::unique_ptr<Snapshot> Take(ChangePin* pin = nullptr, int64_t until_micros = 0) {
    auto snapshot = store_->reader().TakeSnapshot(pin, until_micros);
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    return *std::move(snapshot);
  }
  static std::vector<std::string> Walk(const Snapshot& snapshot, const SnapshotRange& range = {}, size_t max = 1000) {
    std::vector<std::string> found;
    const absl::Status status = snapshot.Walk(range, [&](absl::string_view, stored::StoredEntry entry) {
      found.push_back(entry.suppression().tenant() + "/" + TargetText(entry.suppression()));
      return found.size() < max;
    });
    EXPECT_TRUE(status.ok()) << status;
    return found;
  }
  static std::string Key(const std::string& tenant, const std::string& domain, const std::string& local_part) {
    return EntryKey({tenant, domain, local_part});
  }

  TempDirectory directory_;
  StoreOptions options_;
  std::unique_ptr<Store> store_;
};

TEST_F(SnapshotTest, EmptyStoreIsWalkedAtRevisionZero) {
  const auto snapshot = Take();
  EXPECT_EQ(snapshot->revision(), 0u);
  EXPECT_THAT(Walk(*snapshot), IsEmpty());
}

TEST_F(SnapshotTest, EntriesComeInKeyOrderAndComplete) {
  Apply({HardBounce("b@example.com", Day(0), "", "a"), HardBounce("a@example.com", Day(0), "", "a.b"),
         HardBounce("a@example.org", Day(0), "", "a"), SuppressCommand("@example.org", v1::Cause::MANUAL, Day(0), "a"),
         HardBounce("a@example.com", Day(0), "", "a")});
  EXPECT_THAT(Walk(*Take()), ElementsAre("a/a@example.com", "a/b@example.com", "a/@example.org", "a/a@example.org",
                                         "a.b/a@example.com"));
}

TEST_F(SnapshotTest, LaterWritesAreNotSeen) {
  Apply({HardBounce("a@example.com", Day(0))});
  const auto snapshot = Take();
  Apply({HardBounce("b@example.com", Day(0)), ReactivateCommand("a@example.com", Day(1))});
  EXPECT_EQ(snapshot->revision(), 1u);
  ASSERT_TRUE(snapshot
                  ->Walk({},
                         [](absl::string_view, const stored::StoredEntry& entry) {
                           EXPECT_EQ(entry.revision(), 1u);
                           EXPECT_EQ(entry.suppression().causes(0).state(), v1::Cause::ACTIVE);
                           return true;
                         })
                  .ok());
  EXPECT_EQ(Walk(*Take()).size(), 2u);
}

TEST_F(SnapshotTest, RangesAreOpenAtTheirBeginningAndClosedAtTheirEnd) {
  for (const char* tenant : {"a", "b", "c"}) {
    for (const char* address : {"a@example.com", "b@example.com", "c@example.com"}) {
      Apply({HardBounce(address, Day(0), "", tenant)});
    }
  }
  const auto snapshot = Take();
  EXPECT_THAT(Walk(*snapshot, {.tenants = {"c", "a"}, .after_key = Key("a", "example.com", "b")}),
              ElementsAre("a/c@example.com", "c/a@example.com", "c/b@example.com", "c/c@example.com"));
  EXPECT_THAT(Walk(*snapshot, {.after_key = Key("a", "example.com", "b"), .until_key = Key("b", "example.com", "a")}),
              ElementsAre("a/c@example.com", "b/a@example.com"));
  EXPECT_THAT(Walk(*snapshot, {.tenants = {"b", "c"}, .until_key = Key("b", "example.com", "b")}),
              ElementsAre("b/a@example.com", "b/b@example.com"));
  EXPECT_THAT(Walk(*snapshot, {.tenants = {"d"}}), IsEmpty());
  EXPECT_THAT(Walk(*snapshot, {.tenants = {"a"}, .after_key = Key("b", "", "")}), IsEmpty());
}

TEST_F(SnapshotTest, VisitorThatHasEnoughEndsTheWalk) {
  Apply({HardBounce("a@example.com", Day(0), "", "a"), HardBounce("b@example.com", Day(0), "", "a"),
         HardBounce("a@example.com", Day(0), "", "b")});
  EXPECT_THAT(Walk(*Take(), {.tenants = {"a", "b"}}, 1), ElementsAre("a/a@example.com"));
}

TEST_F(SnapshotTest, PinnedChangesOutliveTheLimitsOfTheLogUntilTheirTime) {
  options_.change_log_max_revisions = 10;
  Open();
  Apply({HardBounce("a@example.com", Day(0))});
  ChangePin pin;
  const auto snapshot = Take(&pin, Day(0, 1000));
  for (int i = 0; i < 100; ++i) Apply({HardBounce("a@example.com", Day(0, i))});
  EXPECT_EQ(store_->reader().oldest_start(), 1u);
  EXPECT_EQ(store_->reader().ReadChanges(snapshot->revision(), 1000)->size(), 100u);
  for (int i = 0; i < 30; ++i) Apply({HardBounce("a@example.com", Day(0, 1000 + i))});
  EXPECT_GE(store_->reader().oldest_start(), 100u);
  EXPECT_EQ(ReasonOf(store_->reader().ReadChanges(snapshot->revision(), 1000).status()), v1::HISTORY_GONE);
}

TEST_F(SnapshotTest, PinnedChangesOutliveTheAgeLimit) {
  ChangePin pin;
  Take(&pin, Day(20));
  Apply(std::vector<stored::Command>(3000, HardBounce("a@example.com", Day(0))));
  Apply({HardBounce("a@example.com", Day(10))});
  EXPECT_EQ(store_->reader().oldest_start(), 0u);
  Apply({HardBounce("a@example.com", Day(20))});
  EXPECT_EQ(store_->reader().oldest_start(), 2048u);
}

TEST_F(SnapshotTest, ReleasedPinLetsTheLogBeTrimmed) {
  options_.change_log_max_revisions = 10;
  Open();
  ChangePin pin;
  Take(&pin, Day(100));
  for (int i = 0; i < 50; ++i) Apply({HardBounce("a@example.com", Day(0, i))});
  EXPECT_EQ(store_->reader().oldest_start(), 0u);
  pin.Move(30, Day(100));
  Apply({HardBounce("a@example.com", Day(0))});
  EXPECT_EQ(store_->reader().oldest_start(), 30u);
  pin.Release();
  for (int i = 0; i < 20; ++i) Apply({HardBounce("a@example.com", Day(0, i))});
  EXPECT_GE(store_->reader().oldest_start(), 51u);
}

// What a replica does: load the snapshot, then apply the changes after it.
TEST_F(SnapshotTest, SnapshotAndChangesAfterItAreTheStoreAtAnyTime) {
  options_.change_log_max_revisions = 1;
  Open();
  ASSERT_TRUE(FillStore(store_.get(), 0, 5'000).ok());
  std::atomic<bool> enough{false};
  std::thread writer([&] {
    for (int i = 0; !enough; ++i) {
      const std::string address = FilledAddress(i * 7919 % 6000);
      Apply({HardBounce(address, Day(0, i)), ReactivateCommand(address, Day(0, i))});
    }
  });
  for (int round = 0; round < 20; ++round) {
    ChangePin pin;
    const auto snapshot = Take(&pin, Day(100));
    std::map<std::string, std::string> replica;
    ASSERT_TRUE(snapshot
                    ->Walk({},
                           [&](absl::string_view key, const stored::StoredEntry& entry) {
                             replica[std::string(key)] = entry.SerializeAsString();
                             return true;
                           })
                    .ok());
    const auto later = Take();
    for (uint64_t at = snapshot->revision(); at < later->revision();) {
      const auto changes = store_->reader().ReadChanges(at, 100);
      ASSERT_TRUE(changes.ok()) << changes.status();
      for (const RevisionChange& change : *changes) {
        if (change.revision > later->revision()) break;
        for (const stored::StoredEntry& entry : change.change.entries()) {
          const stored::Target target = TargetOf(TargetText(entry.suppression()));
          replica[Key("default", target.domain(), target.local_part())] = entry.SerializeAsString();
        }
      }
      at = changes->empty() ? at : changes->back().revision;
    }
    std::map<std::string, std::string> server;
    ASSERT_TRUE(later
                    ->Walk({},
                           [&](absl::string_view key, const stored::StoredEntry& entry) {
                             server[std::string(key)] = entry.SerializeAsString();
                             return true;
                           })
                    .ok());
    ASSERT_EQ(replica, server) << "round " << round;
  }
  enough = true;
  writer.join();
}

}  // namespace
}  // namespace suppressd
