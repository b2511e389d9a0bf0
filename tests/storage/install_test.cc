// A replica that loads a snapshot of a store and follows its changes.
#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <random>
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
using ::testing::HasSubstr;

class InstallTest : public ::testing::Test {
 protected:
  InstallTest() {
    source_ = *Store::Open({.path = directory_ / "source"});
    OpenReplica();
  }

  void OpenReplica() {
    replica_.reset();
    StoreOptions options;
    options.path = directory_ / "replica";
    auto opened = ReplicaStore::Open(options, source_->lineage());
    ASSERT_TRUE(opened.ok()) << opened.status();
    replica_ = *std::move(opened);
  }
  void Apply(const std::vector<stored::Command>& commands) { ASSERT_TRUE(ApplyTo(*source_, commands).ok()); }

  // What a replica gets of an entry: no counters, and no place in an index.
  static stored::StoredEntry Sent(const stored::StoredEntry& entry) {
    stored::StoredEntry sent;
    *sent.mutable_suppression() = entry.suppression();
    sent.set_revision(entry.revision());
    return sent;
  }
  void LoadFrom(const Snapshot& snapshot, size_t entries_per_part = 100) {
    std::vector<stored::StoredEntry> part;
    const auto load = [&] {
      ASSERT_TRUE(replica_->writer().Load(part).ok());
      part.clear();
    };
    ASSERT_TRUE(snapshot
                    .Walk({},
                          [&](absl::string_view, const stored::StoredEntry& entry) {
                            part.push_back(Sent(entry));
                            if (part.size() >= entries_per_part) load();
                            return true;
                          })
                    .ok());
    load();
  }
  void LoadAll() {
    ChangePin pin;
    const auto snapshot = *source_->reader().TakeSnapshot(&pin, Day(1000));
    LoadFrom(*snapshot);
    ASSERT_TRUE(replica_->writer().FinishLoad(snapshot->revision(), Day(0)).ok());
  }
  // Changes of the source as they are sent: without those that changed nothing.
  std::vector<RevisionChange> ChangesAfter(uint64_t revision, int max = 1'000'000) {
    std::vector<RevisionChange> sent;
    auto changes = source_->reader().ReadChanges(revision, max);
    EXPECT_TRUE(changes.ok());
    for (RevisionChange& change : *changes) {
      if (change.change.entries().empty()) continue;
      for (stored::StoredEntry& entry : *change.change.mutable_entries()) entry = Sent(entry);
      sent.push_back(std::move(change));
    }
    return sent;
  }
  static std::map<std::string, std::string> EntriesOf(const ListReader& list) {
    std::map<std::string, std::string> entries;
    const auto snapshot = *list.TakeSnapshot();
    EXPECT_TRUE(snapshot
                    ->Walk({},
                           [&](absl::string_view key, const stored::StoredEntry& entry) {
                             entries[std::string(key)] = Sent(entry).SerializeAsString();
                             return true;
                           })
                    .ok());
    return entries;
  }
  static ListQuery Query() {
    ListQuery query;
    query.tenant = "default";
    query.now_micros = Day(50);
    query.page_size = 1000;
    return query;
  }
  static std::vector<std::string> Listed(const ListReader& list, ListQuery query = Query()) {
    std::vector<std::string> addresses;
    do {
      const auto page = list.List(query);
      EXPECT_TRUE(page.ok());
      if (!page.ok()) return {};
      for (const v1::Suppression& entry : page->suppressions) addresses.push_back(TargetText(entry));
      query.after_key = page->next_after_key;
      query.first_revision = page->first_revision;
    } while (!query.after_key.empty());
    return addresses;
  }
  // Every reason and state, in pages of every kind of length, with and without limits of time.
  void ExpectEqualListings() {
    for (int reason = 0; reason <= v1::BounceReason_MAX; ++reason) {
      for (const auto state : {v1::SuppressionFilter::SUPPRESSED_NOW, v1::SuppressionFilter::REACTIVATED,
                               v1::SuppressionFilter::EVER_SUPPRESSED}) {
        for (const int page_size : {1, 7, 1000}) {
          ListQuery query = Query();
          if (reason > 0) query.filter.reasons = {static_cast<v1::BounceReason>(reason)};
          query.filter.state = state;
          query.page_size = page_size;
          EXPECT_EQ(Listed(replica_->reader(), query), Listed(source_->reader(), query));
          query.filter.listed_from_micros = Day(3);
          query.filter.listed_before_micros = Day(26);
          EXPECT_EQ(Listed(replica_->reader(), query), Listed(source_->reader(), query));
        }
      }
    }
  }
  void ExpectEqual() {
    EXPECT_EQ(EntriesOf(replica_->reader()), EntriesOf(source_->reader()));
    EXPECT_EQ(Listed(replica_->reader()), Listed(source_->reader()));
    EXPECT_EQ(replica_->lineage(), source_->lineage());
  }

  TempDirectory directory_;
  std::unique_ptr<Store> source_;
  std::unique_ptr<ReplicaStore> replica_;
};

TEST_F(InstallTest, ReplicaAnswersWithTheRevisionsOfItsSource) {
  Apply({HardBounce("a@example.com", Day(0)), HardBounce("b@example.com", Day(1)),
         SuppressCommand("@example.org", v1::Cause::MANUAL, Day(2)), ReactivateCommand("none@example.com", Day(3))});
  LoadAll();
  for (int round = 0; round < 2; ++round, OpenReplica()) {
    ExpectEqual();
    EXPECT_EQ(replica_->head().head(), 4u);
    Lookup found;
    ASSERT_TRUE(replica_->reader().Get({"default", "example.org", "jo"}, &found).ok());
    EXPECT_EQ(found.revision, 4u);
    EXPECT_TRUE(found.domain.has_value()) << "the replica knows that the list has domains";
  }
}

TEST_F(InstallTest, ChangesAreAppliedOnceHoweverOftenTheyCome) {
  Apply({HardBounce("a@example.com", Day(0)), HardBounce("b@example.com", Day(1))});
  LoadAll();
  Apply({HardBounce("c@example.com", Day(2)), ReactivateCommand("a@example.com", Day(3)),
         ReactivateCommand("none@example.com", Day(3)), HardBounce("a@example.com", Day(4))});
  const auto changes = ChangesAfter(0);
  for (int repeat = 0; repeat < 3; ++repeat) {
    ASSERT_TRUE(replica_->writer().Follow(changes).ok());
    EXPECT_EQ(replica_->head().head(), 6u);
    ExpectEqual();
  }
  EXPECT_THAT(Listed(replica_->reader()), ElementsAre("a@example.com", "c@example.com", "b@example.com"));
}

TEST_F(InstallTest, ChangeLogOfAReplicaBeginsWithItsSnapshotAndHasNoGaps) {
  Apply({HardBounce("a@example.com", Day(0)), HardBounce("b@example.com", Day(1))});
  LoadAll();
  Apply({ReactivateCommand("none@example.com", Day(2)), ReactivateCommand("none@example.com", Day(2)),
         HardBounce("c@example.com", Day(2))});
  ASSERT_TRUE(replica_->writer().Follow(ChangesAfter(2)).ok());
  EXPECT_EQ(replica_->reader().oldest_start(), 2u);
  EXPECT_EQ(ReasonOf(replica_->reader().ReadChanges(1, 10).status()), v1::HISTORY_GONE);
  const auto changes = replica_->reader().ReadChanges(2, 10);
  ASSERT_TRUE(changes.ok());
  ASSERT_EQ(changes->size(), 3u);
  EXPECT_EQ(changes->at(2).change.entries(0).suppression().address(), "c@example.com");
}

TEST_F(InstallTest, AReplicaKnowsWhichRunToldItsStateAlsoAfterReopening) {
  Apply({HardBounce("a@example.com", Day(0))});
  const auto snapshot = *source_->reader().TakeSnapshot();
  LoadFrom(*snapshot);
  ASSERT_TRUE(replica_->writer().FinishLoad(snapshot->revision(), Day(0), 5).ok());
  EXPECT_EQ(replica_->reader().timeline(), 5);
  const auto follow = [&](uint64_t revision, uint64_t timeline) {
    RevisionChange change;
    change.revision = revision;
    *change.change.mutable_at() = FromMicros(Day(1));
    change.timeline = timeline;
    return change;
  };
  ASSERT_TRUE(replica_->writer().Follow(std::vector{follow(2, 5), follow(4, 6)}).ok());
  EXPECT_EQ(replica_->head().head(), 4);
  EXPECT_EQ(replica_->reader().timeline(), 6);
  ASSERT_TRUE(replica_->writer().Follow(std::vector{follow(3, 5)}).ok());
  EXPECT_EQ(replica_->reader().timeline(), 6) << "that was applied before";
  ASSERT_TRUE(replica_->writer().Follow(std::vector{follow(4, 7)}).ok());
  EXPECT_EQ(replica_->reader().timeline(), 7) << "a heartbeat tells the same state anew";
  OpenReplica();
  EXPECT_EQ(replica_->head().head(), 4);
  EXPECT_EQ(replica_->reader().timeline(), 7);
  ASSERT_TRUE(replica_->writer().Follow(std::vector{follow(5, 0)}).ok());
  OpenReplica();
  EXPECT_EQ(replica_->reader().timeline(), 0) << "not known";
}

TEST_F(InstallTest, PartsOfAChangeThatWasLostDoNotJoinAnotherOfItsRevision) {
  Apply({HardBounce("a@example.com", Day(0))});
  LoadAll();
  const auto change = [](const std::string& address, uint64_t revision, uint64_t timeline) {
    RevisionChange made;
    made.revision = revision;
    made.timeline = timeline;
    made.change.set_tenant("default");
    *made.change.mutable_at() = FromMicros(Day(1));
    stored::StoredEntry* entry = made.change.add_entries();
    entry->set_revision(2);
    entry->mutable_suppression()->set_tenant("default");
    entry->mutable_suppression()->set_address(address);
    return made;
  };
  ASSERT_TRUE(replica_->writer().Follow(std::vector{change("lost@example.com", 1, 5)}).ok());
  ASSERT_TRUE(replica_->writer().Follow(std::vector{change("new@example.com", 2, 6)}).ok());
  EXPECT_EQ(EntriesOf(replica_->reader()).size(), 2u) << "a@ and new@";
}

TEST_F(InstallTest, HeadMovesOnOverManyRevisionsThatAreNotForTheReplica) {
  LoadAll();
  RevisionChange far;
  far.revision = 25'000;
  *far.change.mutable_at() = FromMicros(Day(0));
  ASSERT_TRUE(replica_->writer().Follow({far}).ok());
  EXPECT_EQ(replica_->head().head(), 25'000u);
  EXPECT_EQ(replica_->reader().ReadChanges(24'000, 10'000)->size(), 1'000u);
}

TEST_F(InstallTest, NothingIsSeenOfALoadBeforeItIsFinishedNorKeptAfterReopening) {
  ASSERT_TRUE(FillStore(source_.get(), 0, 1'000).ok());
  const auto snapshot = *source_->reader().TakeSnapshot();
  std::vector<stored::StoredEntry> half;
  ASSERT_TRUE(snapshot
                  ->Walk({},
                         [&](absl::string_view, const stored::StoredEntry& entry) {
                           half.push_back(Sent(entry));
                           return half.size() < 500;
                         })
                  .ok());
  for (int round = 0; round < 2; ++round, OpenReplica()) {
    EXPECT_FALSE(replica_->writer().loaded());
    ASSERT_TRUE(replica_->writer().Load(half).ok());
    EXPECT_EQ(replica_->head().head(), 0u);
    EXPECT_TRUE(EntriesOf(replica_->reader()).empty());
  }
  LoadFrom(*snapshot);
  ASSERT_TRUE(replica_->writer().FinishLoad(snapshot->revision(), Day(0)).ok());
  EXPECT_TRUE(replica_->writer().loaded());
  EXPECT_FALSE(std::filesystem::exists(directory_ / "replica/load"));
  ExpectEqual();
}

TEST_F(InstallTest, EntriesOutOfOrderEndALoad) {
  stored::StoredEntry a, b;
  a.mutable_suppression()->set_tenant("default");
  a.mutable_suppression()->set_address("a@example.com");
  b = a;
  b.mutable_suppression()->set_address("b@example.com");
  for (const auto& wrong : {std::vector{b, a}, std::vector{a, a}, std::vector{a, stored::StoredEntry()}}) {
    EXPECT_EQ(replica_->writer().Load(wrong).code(), absl::StatusCode::kInvalidArgument);
    EXPECT_FALSE(replica_->writer().Load({}).ok());
    EXPECT_FALSE(replica_->writer().FinishLoad(1, Day(0)).ok());
    OpenReplica();
  }
  ASSERT_TRUE(replica_->writer().Load({a}).ok());
  EXPECT_EQ(replica_->writer().Load({a}).code(), absl::StatusCode::kInvalidArgument)
      << "also from one Load to the next";
}

TEST_F(InstallTest, AReplicaLoadsOnceAndFollowsOnlyThen) {
  EXPECT_EQ(ReasonOf(replica_->writer().Follow({})), v1::INTERNAL_ERROR);
  LoadAll();
  EXPECT_TRUE(replica_->writer().loaded()) << "an empty list too";
  EXPECT_TRUE(replica_->writer().Follow({}).ok());
  for (int round = 0; round < 2; ++round, OpenReplica()) {
    EXPECT_EQ(ReasonOf(replica_->writer().Load({})), v1::INTERNAL_ERROR);
    EXPECT_EQ(ReasonOf(replica_->writer().FinishLoad(1, Day(0))), v1::INTERNAL_ERROR);
  }
}

TEST_F(InstallTest, ListingsOfAReplicaAreThoseOfItsSource) {
  // Entries under several reasons, and under none; at one and the same time; lifted, moved, in other lists.
  std::vector<stored::Command> commands;
  const auto bounce = [&](const std::string& address, v1::BounceReason reason, int64_t at) {
    commands.push_back(ReportCommand(address, EventOf(v1::Verdict::HARD, reason, at), SuppressDecision(), at));
  };
  for (int i = 0; i < 60; ++i) {
    const std::string address = FilledAddress(i);
    bounce(address, i % 2 == 0 ? v1::ADDRESS_NOT_FOUND : v1::MAILBOX_FULL, Day(i / 3));
    if (i % 3 == 0) bounce(address, v1::UNDETERMINED, Day(25));
    if (i % 4 == 0) commands.push_back(SuppressCommand(address, v1::Cause::MANUAL, Day(26)));
    if (i % 5 == 0) commands.push_back(ReactivateCommand(address, Day(27)));
    if (i % 7 == 0) commands.push_back(SuppressCommand("only" + address, v1::Cause::MANUAL, Day(3)));
  }
  commands.push_back(HardBounce("x@example.com", Day(4), "", "other"));
  Apply(commands);
  LoadAll();
  ExpectEqual();
  ExpectEqualListings();
  commands.clear();
  for (int i = 0; i < 60; i += 2) bounce(FilledAddress(i), i % 4 == 0 ? v1::MAILBOX_FULL : v1::UNDETERMINED, Day(30));
  Apply(commands);
  ASSERT_TRUE(replica_->writer().Follow(ChangesAfter(replica_->head().head())).ok());
  ExpectEqualListings();
  OpenReplica();
  ExpectEqualListings();
}

TEST_F(InstallTest, EntriesWithReasonsOfANewerSourceAreListedOnce) {
  const auto made_up = static_cast<v1::BounceReason>(v1::BounceReason_MAX + 1);
  const auto bounce = [&](const std::string& address, v1::BounceReason reason, int64_t at) {
    Apply({ReportCommand(address, EventOf(v1::Verdict::HARD, reason, at), SuppressDecision(), at)});
  };
  bounce("a@example.com", made_up, Day(0));
  bounce("b@example.com", made_up, Day(1));
  bounce("b@example.com", v1::MAILBOX_FULL, Day(2));
  LoadAll();
  bounce("c@example.com", made_up, Day(3));
  ASSERT_TRUE(replica_->writer().Follow(ChangesAfter(replica_->head().head())).ok());
  ExpectEqual();
  for (const char* address : {"a@example.com", "b@example.com", "c@example.com"}) {
    Apply({ReactivateCommand(address, Day(4))});
    bounce(address, v1::ADDRESS_NOT_FOUND, Day(5));
  }
  ASSERT_TRUE(replica_->writer().Follow(ChangesAfter(replica_->head().head())).ok());
  ExpectEqual();
  EXPECT_EQ(Listed(replica_->reader()).size(), 3u);
}

TEST_F(InstallTest, AListingThatBeganBeforeAMoveGoesOnAsItWas) {
  ASSERT_TRUE(FillStore(source_.get(), 0, 50).ok());
  LoadAll();
  ListQuery query = Query();
  query.page_size = 10;
  const auto first = replica_->reader().List(query);
  ASSERT_TRUE(first.ok());
  std::vector<stored::Command> commands;
  for (int i = 0; i < 50; ++i) {
    commands.push_back(ReactivateCommand(FilledAddress(i), Day(1)));
    commands.push_back(HardBounce(FilledAddress(i), Day(2)));
  }
  Apply(commands);
  ASSERT_TRUE(replica_->writer().Follow(ChangesAfter(replica_->head().head())).ok());
  std::vector<std::string> addresses;
  for (const v1::Suppression& entry : first->suppressions) addresses.push_back(TargetText(entry));
  query.first_revision = first->first_revision;
  for (std::string after = first->next_after_key; !after.empty();) {
    query.after_key = after;
    const auto page = replica_->reader().List(query);
    ASSERT_TRUE(page.ok());
    for (const v1::Suppression& entry : page->suppressions) addresses.push_back(TargetText(entry));
    after = page->next_after_key;
  }
  std::vector<std::string> newest_first;
  for (int i = 49; i >= 0; --i) newest_first.push_back(FilledAddress(i));
  EXPECT_EQ(addresses, newest_first);
}

TEST_F(InstallTest, SnapshotAndChangesWhileTheSourceIsWrittenEndEqual) {
  ASSERT_TRUE(FillStore(source_.get(), 0, 2'000).ok());
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::atomic<bool> enough{false};
  std::thread writer([&] {
    std::mt19937 random(seed);
    for (int i = 0; !enough || i < 300; ++i) {
      const std::string address = FilledAddress(random() % 3'000);
      Apply({random() % 2 == 0 ? HardBounce(address, Day(0, i)) : ReactivateCommand(address, Day(0, i)),
             SuppressCommand("@d" + std::to_string(random() % 50) + ".example.com", v1::Cause::MANUAL, Day(0, i))});
    }
  });
  LoadAll();
  for (int round = 0; round < 20; ++round)
    ASSERT_TRUE(replica_->writer().Follow(ChangesAfter(replica_->head().head(), 64)).ok());
  OpenReplica();
  enough = true;
  writer.join();
  ASSERT_TRUE(replica_->writer().Follow(ChangesAfter(replica_->head().head())).ok());
  ExpectEqual();
  OpenReplica();
  ExpectEqual();
}

TEST_F(InstallTest, ADirectoryIsAReplicaOrNotForEver) {
  LoadAll();
  replica_.reset();
  StoreOptions options;
  options.path = directory_ / "replica";
  EXPECT_THAT(std::string(Store::Open(options).status().message()), HasSubstr("is a replica"));
  EXPECT_TRUE(ReplicaStore::Open(options, 0).ok()) << "of whichever source it is";
  EXPECT_THAT(std::string(ReplicaStore::Open(options, source_->lineage() + 1).status().message()),
              HasSubstr("of other data"));
  source_.reset();
  options.path = directory_ / "source";
  EXPECT_THAT(std::string(ReplicaStore::Open(options, 0).status().message()), HasSubstr("is no replica"));
}

}  // namespace
}  // namespace suppressd
