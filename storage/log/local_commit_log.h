// The commit log of a single machine: one thread drains a bounded queue and applies what there is in one batch with one
// fsync (group commit). Nothing is logged beside the database: RocksDB's own log is the record.
//
// Nobody waits forever for a disk that does not answer: a batch that takes longer than kBatchTimeMax is given up
// (GiveUpStuck). Its callers are told that its outcome is unknown, and the next ones are refused until it is done.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/work_times.h"
#include "storage/log/commit_log.h"
#include "storage/stuck_work.h"
#include "storage/worker_pool.h"

namespace suppressd {

class LocalCommitLog final : public CommitLog {
 public:
  // Most commands that were appended and are not answered; the next one is refused with OVERLOADED.
  static constexpr size_t kUnansweredMax = 16'384;
  // Most commands in one batch.
  static constexpr size_t kBatchMax = 4'096;

  LocalCommitLog() = default;
  ~LocalCommitLog() override;

  // Its lineage is that of the applier; each Start begins a timeline.
  absl::Status Start(LogApplier* applier) override;
  void Append(stored::Command command, Done done) override;
  void Barrier(std::function<void(absl::Status)> done) override;
  LogHealth Health() const override;
  LogIdentity Identity() const override { return identity_; }
  void Close() override;

  // Gives up the batch that is being written when it is stuck (StuckWork): everyone who waits is answered with
  // UNAVAILABLE (STORAGE_UNAVAILABLE). Called about once a second; `now` is of a clock that nobody can set. OK, or that
  // error as long as the batch is not done.
  absl::Status GiveUpStuck(absl::Time now);

  // How many commands were applied, in how many batches (one fsync each).
  struct Counts {
    uint64_t commands = 0;
    uint64_t batches = 0;
  };
  Counts counts() const;
  // How long commands waited for their batch; how long batches took to be applied and made durable.
  const WorkTimes& times() const { return times_; }
  // Its threads: the one that writes, the one that answers, the one that wakes who waits for a revision. The first has
  // no heartbeat: it may wait for a disk that does not answer, which a restart does not help; GiveUpStuck tells of
  // that.
  std::vector<NamedWork> work() const;

 private:
  // A command that was appended, or a barrier (without `done`).
  struct Item {
    stored::Command command;
    Done done;
    std::function<void(absl::Status)> barrier;
    WorkClock::time_point since = WorkClock::now();
  };
  using Answers = std::vector<std::pair<Done, AppendResult>>;
  using Dones = std::vector<Done>;

  void Run();
  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return closed_ || !queue_.empty(); }
  // Applies commands up to a barrier or the end, and answers them.
  void ApplyItems(absl::Span<Item> items);
  // Applies the first of them; returns how many were dealt with, at least one.
  size_t ApplyBatch(absl::Span<Item> items, Answers* answers);
  // Applies records behind the position that the applier has now.
  Applied ApplyInPlace(std::vector<LogRecord>* records);
  // Those who wait for a batch, from its begin to its end; empty where they were answered meanwhile.
  void BeginBatch(Dones waiting);
  Dones EndBatch(const Applied& applied);
  void Answer(Answers answers);
  void WakeLater();

  LogApplier* applier_ = nullptr;
  LogIdentity identity_;
  // Work of others never keeps the writing thread: callers are answered on one thread, those who wait for a revision
  // are woken on another, after the callers.
  WorkerPool answering_{1};
  WorkerPool waking_{1};
  WorkTimes times_;
  std::atomic<bool> wake_pending_{false};
  std::atomic<size_t> unanswered_{0};
  mutable absl::Mutex mutex_;
  std::vector<Item> queue_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = true;  // until Start
  absl::Status failed_ ABSL_GUARDED_BY(mutex_);
  Dones in_batch_ ABSL_GUARDED_BY(mutex_);  // who waits for the batch that is being written
  StuckWork writing_ ABSL_GUARDED_BY(mutex_);
  absl::Status stuck_ ABSL_GUARDED_BY(mutex_);  // why it was given up
  Counts counts_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace suppressd
