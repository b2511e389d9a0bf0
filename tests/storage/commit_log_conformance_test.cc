#include "tests/storage/commit_log_conformance.h"

#include <cstdio>
#include <cstdlib>
#include <random>
#include <utility>

#include "storage/log/local_commit_log.h"
#include "tests/testing/memory_servers.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

// An applier that can be held, and whose disk can refuse.
class HeldApplier final : public LogApplier {
 public:
  explicit HeldApplier(LogApplier* applier) : applier_(applier) {}

  uint64_t position() const override { return applier_->position(); }
  LogIdentity identity() const override { return applier_->identity(); }
  absl::Status Begin(const LogIdentity& identity) override { return applier_->Begin(identity); }
  void WakeWaiting() override { applier_->WakeWaiting(); }
  Applied Apply(absl::Span<const LogRecord> records) override {
    bool breaks, written;
    {
      absl::MutexLock lock(&mutex_, absl::Condition(this, &HeldApplier::MayGoOn));
      if (broken_) return {{}, Refusal(), true, false};
      breaks = broken_ = std::exchange(breaks_, false);
      written = written_;
    }
    if (!breaks) return applier_->Apply(records);
    if (written) {
      EXPECT_TRUE(applier_->Apply(records).stopped.ok());
    }
    return {{}, Refusal(), true, true};
  }

  void Hold(bool held) {
    absl::MutexLock lock(&mutex_);
    held_ = held;
  }
  // The next records are, or are not, written, and the disk refuses; from then on it always does.
  void Break(bool written) {
    absl::MutexLock lock(&mutex_);
    breaks_ = true;
    written_ = written;
    held_ = false;
  }

 private:
  static absl::Status Refusal() {
    return MakeError(absl::StatusCode::kUnavailable, v1::STORAGE_UNAVAILABLE, "the disk refuses");
  }
  bool MayGoOn() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return !held_; }

  LogApplier* const applier_;
  absl::Mutex mutex_;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  bool breaks_ ABSL_GUARDED_BY(mutex_) = false;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;
  bool written_ ABSL_GUARDED_BY(mutex_) = false;
};

class LocalHarness final : public LogHarness {
 public:
  LocalHarness() { Open(); }
  ~LocalHarness() override { applier_->Hold(false); }

  int servers() const override { return 1; }
  CommitLog& log(int) override { return *log_; }
  Store& store(int) override { return *store_; }
  void Hold(int) override { applier_->Hold(true); }
  void Release(int) override { applier_->Hold(false); }
  void Crash(int server) override {
    applier_->Break(++crashes_ % 2 == 0);
    Restart(server);
  }
  void Restart(int) override {
    log_.reset();
    applier_.reset();
    store_.reset();
    Open();
  }
  size_t unanswered_max() const override { return LocalCommitLog::kUnansweredMax; }

 private:
  void Open() {
    auto store = Store::Open({.path = directory_ / "data"});
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    applier_ = std::make_unique<HeldApplier>(&store_->applier());
    log_ = std::make_unique<LocalCommitLog>();
    ASSERT_TRUE(log_->Start(applier_.get()).ok());
  }

  const TempDirectory directory_;
  int crashes_ = 0;
  std::unique_ptr<Store> store_;
  std::unique_ptr<HeldApplier> applier_;
  std::unique_ptr<LocalCommitLog> log_;
};

class MemoryHarness final : public LogHarness {
 public:
  MemoryHarness(uint64_t seed, int servers) : servers_({.seed = seed, .now_micros = Day(0)}, servers) {
    std::printf("SUPPRESSD_LOG_SEED=%llu\n", static_cast<unsigned long long>(seed));
  }

  int servers() const override { return servers_.size(); }
  CommitLog& log(int server) override { return servers_.log(server); }
  Store& store(int server) override { return servers_.store(server); }
  bool Step() override { return servers_.shared().Step(); }
  bool is_stepped() const override { return true; }
  void Hold(int server) override { servers_.log(server).HoldDeliveries(true); }
  void Release(int server) override { servers_.log(server).HoldDeliveries(false); }
  void Crash(int server) override { servers_.Crash(server); }
  void Restart(int server) override { servers_.Restart(server); }
  size_t unanswered_max() const override { return MemoryLogOptions().unanswered_max; }

 private:
  MemoryServers servers_;
};

// SUPPRESSD_LOG_SEED=N repeats a run.
LogFactory Memory(std::string name, int servers) {
  return {std::move(name), [servers] {
            const char* text = std::getenv("SUPPRESSD_LOG_SEED");
            const uint64_t seed = text != nullptr ? std::strtoull(text, nullptr, 10) : std::random_device()();
            return std::make_unique<MemoryHarness>(seed, servers);
          }};
}

INSTANTIATE_TEST_SUITE_P(LocalCommitLog, CommitLogConformance,
                         ::testing::Values(LogFactory{"OneServer", [] { return std::make_unique<LocalHarness>(); }}),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(MemoryLog, CommitLogConformance,
                         ::testing::Values(Memory("OneServer", 1), Memory("ThreeServers", 3)), NameOf);
INSTANTIATE_TEST_SUITE_P(MemoryLog, CommitLogAmongServers, ::testing::Values(Memory("ThreeServers", 3)), NameOf);

}  // namespace
}  // namespace suppressd
