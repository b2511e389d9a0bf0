// The commit log of a single machine: one thread drains a bounded queue and applies all of it in one batch with one
// fsync (group commit).
#pragma once

#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "storage/commit_log.h"
#include "storage/store.h"

namespace suppression {

class LocalCommitLog : public CommitLog {
 public:
  // Most commands waiting; the next one is refused with OVERLOADED.
  static constexpr size_t kQueueMax = 16'384;
  // Most commands in one batch.
  static constexpr size_t kBatchMax = 4'096;

  // The store must outlive the log.
  explicit LocalCommitLog(Store* store);
  ~LocalCommitLog() override;

  void Append(stored::Command command, Done done) override;
  void Close() override;

  // How many commands were applied, in how many batches (one fsync each).
  struct Counts {
    uint64_t commands = 0;
    uint64_t batches = 0;
  };
  Counts counts() const;

 private:
  void Run();
  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return closed_ || !commands_.empty(); }

  Store* const store_;
  mutable absl::Mutex mutex_;
  std::vector<stored::Command> commands_ ABSL_GUARDED_BY(mutex_);
  std::vector<Done> callers_ ABSL_GUARDED_BY(mutex_);  // parallel to commands_
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  Counts counts_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace suppression
