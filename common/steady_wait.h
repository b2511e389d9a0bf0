// Waiting for at most some time, by a clock that nobody can set.
//
// Abseil's timed waits go by the machine's clock: were it set back by a year meanwhile, a wait of a second would last a
// year.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace suppressd {

// Belongs to one absl::Mutex. Thread-safe.
class SteadyWait {
 public:
  // Waits until `condition` holds, at most this long; returns whether it does. The mutex is held, and released
  // meanwhile; `condition` is called with it. Whoever makes the condition true calls Notify afterwards.
  template <typename Condition>
  bool AwaitFor(absl::Mutex* mutex, absl::Duration time, const Condition& condition)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    const auto end =
        std::chrono::steady_clock::now() + absl::ToChronoMicroseconds(std::min(time, absl::Hours(24 * 365)));
    while (!condition()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      std::unique_lock<std::mutex> own(own_);  // held until the wait begins, so that no Notify is missed
      mutex->Unlock();
      notified_.wait_until(own, end);
      own.unlock();
      mutex->Lock();
    }
    return true;
  }
  void Notify() {
    const std::lock_guard<std::mutex> own(own_);
    notified_.notify_all();
  }

 private:
  std::mutex own_;
  std::condition_variable notified_;
};

}  // namespace suppressd
