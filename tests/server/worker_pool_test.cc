#include "server/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>

#include "absl/synchronization/notification.h"

namespace suppression {
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

}  // namespace
}  // namespace suppression
