#include "server/rpc/stream_pump.h"

#include <gmock/gmock.h>

#include <memory>
#include <vector>

#include "absl/synchronization/notification.h"
#include "server/base/steady_time.h"

namespace suppressd {
namespace {

TEST(StreamPumpTest, EventsRunInOrderOnOneThread) {
  std::vector<int> seen;
  {
    StreamPump pump;
    for (int i = 0; i < 1'000; ++i) pump.Run([&seen, i] { seen.push_back(i); });
  }
  ASSERT_EQ(seen.size(), 1'000);
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(seen[i], i);
}

TEST(StreamPumpTest, LaterEventsRunInOrderOfTheirTimes) {
  StreamPump pump;
  std::vector<int> seen;
  absl::Notification done;
  const absl::Time now = SteadyPoint();
  pump.RunAt(now + absl::Milliseconds(20), [&] {
    seen.push_back(2);
    done.Notify();
  });
  pump.RunAt(now + absl::Milliseconds(10), [&] { seen.push_back(1); });
  done.WaitForNotification();
  EXPECT_THAT(seen, ::testing::ElementsAre(1, 2));
}

TEST(StreamPumpTest, CancelledEventIsForgottenWithWhatItHolds) {
  StreamPump pump;
  const auto held = std::make_shared<int>(0);
  const uint64_t id = pump.RunAt(absl::InfiniteFuture(), [held] {});
  EXPECT_EQ(held.use_count(), 2);
  pump.Cancel(id);
  EXPECT_EQ(held.use_count(), 1);
  pump.Cancel(id);
}

}  // namespace
}  // namespace suppressd
