#include "storage/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>

#include "absl/synchronization/notification.h"
#include "server/rpc/call.h"

namespace suppressd {
namespace {

TEST(WorkerPoolTest, RunsBesideTheCallerAndFinishesBeforeItEnds) {
  absl::Notification go;
  std::atomic<int> done = 0;
  auto pool = std::make_unique<WorkerPool>(2);
  for (int i = 0; i < 10; ++i) {
    pool->Run([&] {
      go.WaitForNotification();
      ++done;
    });
  }
  EXPECT_EQ(done, 0) << "the caller goes on while the work waits";
  go.Notify();
  pool.reset();
  EXPECT_EQ(done, 10);
}

TEST(WorkerPoolTest, WorkOfACallerThatHasGoneIsNotBegun) {
  absl::Notification go;
  std::atomic<bool> gone = false, begun = false;
  absl::Status answer;
  {
    WorkerPool pool(1);
    pool.Run([&] { go.WaitForNotification(); });
    RunUnlessGone(
        &pool, [&] { return gone.load(); }, [&](const Done&) { begun = true; },
        [&](absl::Status status) { answer = std::move(status); });
    gone = true;  // while it waits for a thread
    go.Notify();
  }
  EXPECT_FALSE(begun);
  EXPECT_EQ(ReasonOf(answer), v1::DEADLINE_PASSED);
}

}  // namespace
}  // namespace suppressd
