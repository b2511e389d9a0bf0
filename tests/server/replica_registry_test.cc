#include "server/replication/replica_registry.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"

namespace suppressd {
namespace {

using ::testing::ElementsAre;

constexpr uint64_t kLineage = 7;

class ReplicaRegistryTest : public ::testing::Test {
 protected:
  std::vector<std::string> Ids(const std::string& after = "", int max = 100'000) {
    std::vector<std::string> ids;
    for (const v1::Replica& replica : registry_.List(after, max, 0, &more_)) ids.push_back(replica.id());
    return ids;
  }

  ReplicaRegistry registry_{kLineage};
  absl::Time now_ = absl::FromUnixSeconds(1'780'000'000);
  bool more_ = false;
};

TEST_F(ReplicaRegistryTest, PagesGoOnBehindTheLastId) {
  for (const char* id : {"c", "a", "b"}) registry_.Acknowledge({id, ""}, 1, now_);
  EXPECT_THAT(Ids("", 2), ElementsAre("a", "b"));
  EXPECT_TRUE(more_);
  EXPECT_THAT(Ids("b", 2), ElementsAre("c"));
  EXPECT_FALSE(more_);
}

TEST_F(ReplicaRegistryTest, OneThatIsAwayIsForgottenAfterItsTime) {
  registry_.Attach({"attached", ""}, now_);
  registry_.Acknowledge({"away", ""}, 1, now_);
  registry_.Sweep(now_ + kReplicaForgottenAfter - absl::Seconds(1));
  EXPECT_THAT(Ids(), ElementsAre("attached", "away"));
  registry_.Sweep(now_ + kReplicaForgottenAfter);
  EXPECT_THAT(Ids(), ElementsAre("attached"));
}

TEST_F(ReplicaRegistryTest, TheOneSeenLongestAgoMakesRoom) {
  registry_.Attach({"attached", ""}, now_);
  for (size_t i = 1; i < kReplicasMax; ++i) {
    registry_.Acknowledge({absl::StrCat("r", i), ""}, 1, now_ + absl::Seconds(i));
  }
  registry_.Acknowledge({"r1", ""}, 2, now_ + absl::Hours(3));
  registry_.Acknowledge({"new", ""}, 1, now_ + absl::Hours(3));
  const std::vector<std::string> ids = Ids();
  EXPECT_EQ(ids.size(), kReplicasMax);
  EXPECT_THAT(ids, ::testing::IsSupersetOf({"attached", "new", "r1", "r3"}));
  EXPECT_THAT(ids, ::testing::Not(::testing::Contains("r2")));
}

TEST_F(ReplicaRegistryTest, NothingMakesRoomWhenAllAreAttached) {
  for (size_t i = 0; i < kReplicasMax; ++i) registry_.Attach({absl::StrCat("r", i), ""}, now_);
  registry_.Attach({"new", ""}, now_);
  registry_.Detach("new", now_);
  EXPECT_EQ(Ids().size(), kReplicasMax);
}

TEST_F(ReplicaRegistryTest, LagIsWhatTheReplicaHasNotAcknowledged) {
  registry_.Attach({"r", "1.0"}, now_);
  registry_.Sent("r", 90, now_);
  EXPECT_EQ(registry_.List("", 1, 100, &more_)[0].lag_revision_count(), 0) << "not known";
  registry_.Acknowledge({"r", ""}, 80, now_);
  const v1::Replica replica = registry_.List("", 1, 100, &more_)[0];
  EXPECT_EQ(replica.lag_revision_count(), 20);
  EXPECT_EQ(replica.version(), "1.0") << "an empty one is not said";
  EXPECT_EQ(registry_.List("", 1, 50, &more_)[0].lag_revision_count(), 0) << "ahead of the head that was asked for";
}

TEST_F(ReplicaRegistryTest, TwoStreamsOfOneReplicaAreAttachedUntilBothEnd) {
  registry_.Attach({"r", ""}, now_);
  registry_.Attach({"r", ""}, now_);
  registry_.Detach("r", now_);
  EXPECT_EQ(registry_.List("", 1, 0, &more_)[0].state(), v1::Replica::ATTACHED);
  registry_.Detach("r", now_);
  EXPECT_EQ(registry_.List("", 1, 0, &more_)[0].state(), v1::Replica::AWAY);
}

}  // namespace
}  // namespace suppressd
