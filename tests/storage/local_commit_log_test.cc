#include "storage/log/local_commit_log.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>
#include <vector>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "common/error.h"
#include "storage/store.h"
#include "tests/testing/commands.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

class LocalCommitLogTest : public ::testing::Test {
 protected:
  LocalCommitLogTest() : store_(*Store::Open({.path = directory_ / "data"})) {
    EXPECT_TRUE(log_.Start(&store_->applier()).ok());
  }

  AppendResult Append(const stored::Command& command) {
    AppendResult answer;
    absl::Notification done;
    log_.Append(command, [&](AppendResult result) {
      answer = std::move(result);
      done.Notify();
    });
    done.WaitForNotification();
    return answer;
  }

  TempDirectory directory_;
  std::unique_ptr<Store> store_;
  LocalCommitLog log_;
};

TEST_F(LocalCommitLogTest, AnswerComesWhenTheChangeIsVisible) {
  const auto result = Append(HardBounce("jo@example.com", Day(0)));
  ASSERT_TRUE(result.applied());
  EXPECT_EQ(result.result.revision(), store_->head().head());
  Lookup found;
  ASSERT_TRUE(store_->reader().Get({"default", "example.com", "jo"}, &found).ok());
  EXPECT_TRUE(found.address.has_value());
}

TEST_F(LocalCommitLogTest, ManyCallersShareBatchesAndEachGetsItsOwnRevision) {
  constexpr int kCallers = 32, kEach = 25;
  std::vector<std::thread> callers;
  std::vector<std::atomic<int>> seen(kCallers * kEach + 1);
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&, caller] {
      for (int i = 0; i < kEach; ++i) {
        const auto result =
            Append(HardBounce("u" + std::to_string(caller) + "." + std::to_string(i) + "@example.com", Day(0)));
        ASSERT_TRUE(result.applied());
        ++seen[result.result.revision()];
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (size_t revision = 1; revision < seen.size(); ++revision) EXPECT_EQ(seen[revision], 1) << revision;
  EXPECT_EQ(log_.counts().commands, static_cast<uint64_t>(kCallers * kEach));
  EXPECT_LT(log_.counts().batches, log_.counts().commands);
}

TEST_F(LocalCommitLogTest, CloseFinishesWhatWasAppendedAndRefusesTheRest) {
  absl::BlockingCounter answered(100);
  std::atomic<int> ok = 0;
  for (int i = 0; i < 100; ++i) {
    log_.Append(HardBounce("u" + std::to_string(i) + "@example.com", Day(0)), [&](AppendResult result) {
      ok += result.applied() ? 1 : 0;
      answered.DecrementCount();
    });
  }
  log_.Close();
  answered.Wait();
  EXPECT_EQ(ok, 100);
  EXPECT_EQ(ReasonOf(Append(HardBounce("jo@example.com", Day(0))).status), v1::SHUTTING_DOWN);
}

TEST_F(LocalCommitLogTest, FullQueueIsRefusedAtOnce) {
  // The first answer is not done while the queue fills.
  absl::Notification entered, leave;
  log_.Append(HardBounce("first@example.com", Day(0)), [&](const AppendResult&) {
    entered.Notify();
    leave.WaitForNotification();
  });
  entered.WaitForNotification();
  std::atomic<int> refused = 0, applied = 0;
  const int extra = 7;
  for (size_t i = 1; i < LocalCommitLog::kUnansweredMax + extra; ++i) {
    log_.Append(HardBounce("u@example.com", Day(0)), [&](AppendResult result) {
      (result.applied() ? applied : refused) += 1;
      EXPECT_TRUE(result.applied() || ReasonOf(result.status) == v1::OVERLOADED);
    });
  }
  EXPECT_EQ(refused, extra);
  leave.Notify();
  log_.Close();
  EXPECT_EQ(applied, static_cast<int>(LocalCommitLog::kUnansweredMax) - 1);
}

}  // namespace
}  // namespace suppressd
