// How the service stops taking calls and finishes those it has.
//
// gRPC cancels calls that reach a server after its shutdown began. So a stop goes in two steps: first new calls are
// turned away with an answer (UNAVAILABLE, SHUTTING_DOWN, RetryInfo) until those in flight are done and callers have
// taken notice; then gRPC is shut down, with nobody left to cancel.
#pragma once

#include <atomic>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/steady_wait.h"

namespace suppressd {

// Callers have taken notice when none came for this long...
inline constexpr absl::Duration kDrainQuiet = absl::Milliseconds(100);
// ... and those who come again and again have had this long.
inline constexpr absl::Duration kDrainNoticeMax = absl::Seconds(1);

// Counts calls in flight. Thread-safe.
class Drain {
 public:
  // Whether a call may begin; it must then Leave when it is done. False once draining.
  bool Enter();
  void Leave();
  int64_t in_flight() const { return in_flight_.load(); }

  // From now on no call may begin.
  void Begin();
  // After Begin: waits until no call is in flight and callers have taken notice, or for the deadline.
  void Await(absl::Time deadline);

 private:
  std::atomic<int64_t> in_flight_{0};
  std::atomic<int64_t> turned_away_{0};
  std::atomic<bool> draining_{false};
  absl::Mutex mutex_;
  SteadyWait left_;  // told when the last call in flight left while draining
};

}  // namespace suppressd
