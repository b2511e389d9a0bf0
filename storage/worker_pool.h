// Threads for work that must not keep others waiting: gRPC has only a few callback threads, and a listing that walked
// millions of entries on one of them would hold up checks; the thread that writes must not answer callers.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/heartbeat.h"
#include "common/work_times.h"

namespace suppressd {

// Thread-safe. The queue is bounded by those who use it.
class WorkerPool {
 public:
  // `nice`: how much less than others the system favours its threads, 0 to 19.
  explicit WorkerPool(int threads, int nice = 0);
  ~WorkerPool() { Close(); }

  // Runs `work` on one of the threads, in order of arrival; not after Close.
  void Run(std::function<void()> work);
  const WorkTimes& times() const { return times_; }
  // How long the thread that has been at its work for longest has been at it.
  absl::Duration busy() const;

  // Finishes what was given to it, and ends. Idempotent; called by one thread.
  void Close();

 private:
  struct Item {
    std::function<void()> work;
    WorkClock::time_point since;
  };

  void Work(Heartbeat* beat, int nice);
  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return closed_ || !queue_.empty(); }

  absl::Mutex mutex_;
  std::deque<Item> queue_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  WorkTimes times_;
  std::deque<Heartbeat> beats_;  // of each thread; never moved
  std::vector<std::thread> threads_;
};

}  // namespace suppressd
