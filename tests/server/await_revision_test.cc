#include "server/rpc/await_revision.h"

#include <gmock/gmock.h>

namespace suppressd {
namespace {

constexpr absl::Time kNow = absl::UnixEpoch();
constexpr absl::Duration kWaitMax = absl::Seconds(10);

TEST(GiveUpAtTest, LeavesATenthOfTheTimeForTheAnswer) {
  EXPECT_EQ(GiveUpAt(kNow, kNow + absl::Seconds(2), kWaitMax), kNow + absl::Milliseconds(1'800));
}

TEST(GiveUpAtTest, LeavesAtLeast10AndAtMost500Milliseconds) {
  EXPECT_EQ(GiveUpAt(kNow, kNow + absl::Milliseconds(50), kWaitMax), kNow + absl::Milliseconds(40));
  EXPECT_EQ(GiveUpAt(kNow, kNow + absl::Seconds(9), kWaitMax), kNow + absl::Milliseconds(8'500));
}

TEST(GiveUpAtTest, WaitsNoLongerThanTheMaximum) {
  EXPECT_EQ(GiveUpAt(kNow, kNow + absl::Hours(1), kWaitMax), kNow + kWaitMax);
  EXPECT_EQ(GiveUpAt(kNow, absl::InfiniteFuture(), kWaitMax), kNow + kWaitMax);
}

TEST(GiveUpAtTest, DeadlineThatIsNearOrPastGivesUpAtOnce) {
  EXPECT_LE(GiveUpAt(kNow, kNow + absl::Milliseconds(5), kWaitMax), kNow);
  EXPECT_LE(GiveUpAt(kNow, kNow - absl::Seconds(5), kWaitMax), kNow);
}

}  // namespace
}  // namespace suppressd
