// What callers and replicas hold of one server, another one that shares its log understands: tokens, pages, snapshots
// and the place in the change log. The sums of ranges and page tokens are made of what is compared here.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "common/canonical.h"
#include "storage/revision_token.h"
#include "tests/testing/commands.h"
#include "tests/testing/memory_servers.h"
#include "tests/testing/random_commands.h"

namespace suppressd {
namespace {

class SharedLogTest : public ::testing::Test {
 protected:
  SharedLogTest() : servers_({.seed = 5, .now_micros = Day(0)}, 2) { Append(600); }

  // Both append, in turn; then both have applied all of it.
  void Append(int count) {
    for (int i = 0; i < count; ++i) {
      servers_.log(i % 2).Append(commands_.Next(), [](const AppendResult&) {});
      servers_.shared().SetNow(commands_.now_micros());
      servers_.shared().Step();
    }
    servers_.shared().StepAll();
  }
  const ListReader& reader(int i) { return servers_.store(i).reader(); }
  ListPage Page(int server, const ListQuery& query) {
    const auto page = reader(server).List(query);
    EXPECT_TRUE(page.ok()) << page.status();
    return page.ok() ? *page : ListPage();
  }
  ListQuery Query() const {
    ListQuery query;
    query.tenant = "default";
    query.filter.state = v1::SuppressionFilter::EVER_SUPPRESSED;
    query.now_micros = commands_.now_micros();
    query.page_size = 7;
    return query;
  }
  static std::string SumOf(const ListReader& reader) {
    std::string sum;
    const auto snapshot = reader.TakeSnapshot();
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    const absl::Status walked = (*snapshot)->Walk({}, [&](absl::string_view key, const stored::StoredEntry& entry) {
      v1::Suppression shown = entry.suppression();
      sum = CanonicalDigest(sum + std::string(key) + std::to_string(entry.revision()), shown);
      return true;
    });
    EXPECT_TRUE(walked.ok()) << walked;
    return sum;
  }
  // Loads a replica with what a server holds.
  void Load(int server, ReplicaStore* replica) {
    std::vector<stored::StoredEntry> entries;
    const auto snapshot = reader(server).TakeSnapshot();
    ASSERT_TRUE(snapshot.ok());
    ASSERT_TRUE((*snapshot)
                    ->Walk({},
                           [&](absl::string_view, stored::StoredEntry entry) {
                             entries.push_back(std::move(entry));
                             return true;
                           })
                    .ok());
    ASSERT_TRUE(replica->writer().Load(entries).ok());
    ASSERT_TRUE(
        replica->writer().FinishLoad((*snapshot)->revision(), commands_.now_micros(), reader(server).timeline()).ok());
  }
  // Follows what a server tells behind the place where the replica is, if it knows that place.
  void Follow(int server, ReplicaStore* replica) {
    const uint64_t head = replica->head().head();
    ASSERT_TRUE(reader(server).HasState(replica->reader().timeline(), head)) << "a snapshot is needed";
    auto changes = reader(server).ReadChanges(head, 1'000'000);
    ASSERT_TRUE(changes.ok()) << changes.status();
    for (RevisionChange& change : *changes) change.timeline = reader(server).timeline();
    ASSERT_TRUE(replica->writer().Follow(*changes).ok());
  }

  RandomCommands commands_{9};
  MemoryServers servers_;
  const TempDirectory directory_;
};

TEST_F(SharedLogTest, TokensAndTimelinesAreEqual) {
  const RevisionToken token{reader(0).lineage(), reader(0).head().head()};
  EXPECT_EQ(EncodeToken(token), EncodeToken({reader(1).lineage(), reader(1).head().head()}));
  EXPECT_NE(reader(0).timeline(), 0u);
  EXPECT_EQ(reader(0).timeline(), reader(1).timeline());
  servers_.Restart(1);
  EXPECT_EQ(reader(0).timeline(), reader(1).timeline()) << "a restart begins none";
  EXPECT_TRUE(reader(1).HasState(reader(0).timeline(), token.revision));
}

TEST_F(SharedLogTest, EachPageMayComeFromAnotherServer) {
  std::vector<std::string> moved, stayed;
  ListQuery here = Query(), there = Query();
  for (int page_count = 0; page_count < 200; ++page_count) {
    const ListPage page = Page(0, here), other = Page(page_count % 2, there);
    for (const v1::Suppression& entry : page.suppressions) stayed.push_back(entry.SerializeAsString());
    for (const v1::Suppression& entry : other.suppressions) moved.push_back(entry.SerializeAsString());
    EXPECT_EQ(page.next_after_key, other.next_after_key);
    EXPECT_EQ(page.first_revision, other.first_revision);
    if (page.next_after_key.empty()) break;
    here.after_key = page.next_after_key;
    there.after_key = other.next_after_key;
    here.first_revision = page.first_revision;
    there.first_revision = other.first_revision;
    if (page_count == 3) Append(100);
  }
  EXPECT_GT(stayed.size(), 50u);
  EXPECT_EQ(moved, stayed);
}

TEST_F(SharedLogTest, EntriesAndTheirRevisionsAreEqual) {
  EXPECT_EQ(SumOf(reader(0)), SumOf(reader(1)));
}

TEST_F(SharedLogTest, AReplicaMovesFromOneServerToAnotherWithoutASnapshot) {
  const auto replica = *ReplicaStore::Open({.path = directory_ / "replica"}, reader(0).lineage());
  Load(0, replica.get());
  for (int round = 0; round < 6; ++round) {
    Append(50);
    if (round == 2) servers_.Crash(1);
    if (round == 4) servers_.Restart(0);
    Follow(round % 2, replica.get());
    EXPECT_EQ(SumOf(replica->reader()), SumOf(reader(0))) << round;
    EXPECT_EQ(SumOf(replica->reader()), SumOf(reader(1))) << round;
  }
}

// Until it has applied what the replica holds, a server cannot tell such a state from one that was lost.
TEST_F(SharedLogTest, AServerThatIsBehindKnowsAStateOnceItHasAppliedIt) {
  servers_.log(1).HoldDeliveries(true);
  Append(50);
  const uint64_t head = reader(0).head().head();
  EXPECT_LT(reader(1).head().head(), head);
  EXPECT_FALSE(reader(1).HasState(reader(0).timeline(), head));
  servers_.log(1).HoldDeliveries(false);
  servers_.shared().StepAll();
  EXPECT_TRUE(reader(1).HasState(reader(0).timeline(), head));
}

}  // namespace
}  // namespace suppressd
