// Whether the threads that a process lives by still move on.
//
// A thread that works marks where its work begins and ends. One that waits for work is well, however long; one whose
// work takes longer than it ever should is late, and has a name.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace suppressd {

// One thread's. Work is the thread's own; the rest is thread-safe.
class Heartbeat {
 public:
  // From here to its end the thread works.
  class Work {
   public:
    explicit Work(Heartbeat* beat) : beat_(beat) { beat_->since_.store(Nanos(), std::memory_order_relaxed); }
    ~Work() { beat_->since_.store(0, std::memory_order_relaxed); }
    Work(const Work&) = delete;

   private:
    Heartbeat* const beat_;
  };

  // How long the present work has taken; zero: it waits.
  absl::Duration busy() const {
    const int64_t since = since_.load(std::memory_order_relaxed);
    return since == 0 ? absl::ZeroDuration() : absl::Nanoseconds(Nanos() - since);
  }

 private:
  static int64_t Nanos() { return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1); }
  std::atomic<int64_t> since_{0};
};

// The threads of a process. Thread-safe.
class Heartbeats {
 public:
  using Busy = std::function<absl::Duration()>;

  // A thread, by what it does. `busy`: see Heartbeat::busy; it is called until the process ends, or Clear.
  void Add(std::string name, absl::Duration late_after, Busy busy) {
    absl::MutexLock lock(&mutex_);
    threads_.push_back({std::move(name), late_after, std::move(busy)});
  }
  void Clear() {
    absl::MutexLock lock(&mutex_);
    threads_.clear();
  }
  // The threads that are late, and since when: "commit log (31 s)".
  std::vector<std::string> Late() const {
    std::vector<std::string> late;
    absl::MutexLock lock(&mutex_);
    for (const Thread& thread : threads_) {
      const absl::Duration busy = thread.busy();
      if (busy <= thread.late_after) continue;
      late.push_back(thread.name + " (" + absl::FormatDuration(absl::Trunc(busy, absl::Seconds(1))) + ")");
    }
    return late;
  }

 private:
  struct Thread {
    std::string name;
    absl::Duration late_after;
    Busy busy;
  };
  mutable absl::Mutex mutex_;
  std::vector<Thread> threads_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace suppressd
