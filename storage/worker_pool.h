// Threads for work that must not keep others waiting: gRPC has only a few callback threads, and a listing that walked
// millions of entries on one of them would hold up checks; the thread that writes must not answer callers.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace suppressd {

// Thread-safe. The queue is bounded by those who use it.
class WorkerPool {
 public:
  explicit WorkerPool(int threads);
  ~WorkerPool() { Close(); }

  // Runs `work` on one of the threads, in order of arrival; not after Close.
  void Run(std::function<void()> work);
  // Finishes what was given to it, and ends. Idempotent; called by one thread.
  void Close();

 private:
  void Work();
  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return closed_ || !queue_.empty(); }

  absl::Mutex mutex_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace suppressd
