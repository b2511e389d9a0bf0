// One thread that drives all streams of a kind, one event after another, and knows what time it is for each.
//
// A thousand streams that all have something to send after each write would keep gRPC's threads, and with them checks,
// waiting; here they only wait for each other.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/heartbeat.h"
#include "common/steady_wait.h"

namespace suppressd {

// Thread-safe. What it holds is bounded by the streams that use it: each has at most a few events and times.
class StreamPump {
 public:
  StreamPump();
  // Runs what was given to Run; forgets what was to be run later.
  ~StreamPump();

  // Runs `event` on the thread, in order of arrival.
  void Run(std::function<void()> event);
  // Runs `event` on the thread at a time (SteadyPoint), or soon after. Returns an id for Cancel, never 0.
  uint64_t RunAt(absl::Time time, std::function<void()> event);
  // Forgets an event that was to be run later. Does nothing when it has run, or is about to.
  void Cancel(uint64_t id);
  // How long the thread has been at what it runs now.
  absl::Duration busy() const { return beat_.busy(); }

 private:
  using Later = std::map<std::pair<absl::Time, uint64_t>, std::function<void()>>;

  void Work();
  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return closed_ || earlier_ || !queue_.empty(); }
  // Puts what is due into the queue.
  void QueueDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Heartbeat beat_;
  absl::Mutex mutex_;
  SteadyWait woken_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  Later later_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, absl::Time> times_ ABSL_GUARDED_BY(mutex_);  // of those in later_
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  bool earlier_ ABSL_GUARDED_BY(mutex_) = false;  // an event came that is due before all others
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace suppressd
