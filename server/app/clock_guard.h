// The server's time: the machine's clock as long as it can be believed, and the server's own otherwise.
//
// A clock that is years off, for a minute, would let leases expire, forget request ids and histories, and let the
// reactivations of that minute outlive bounces for years. So the machine's clock is held against one that nobody can
// set, and at the start against the newest time that the store knows:
//
// - While the server runs a step of more than a day, either way, is not believed: time goes on as before it. A smaller
//   step ahead is followed; after a smaller step back time runs at half its pace until the clock has caught up. It
//   never runs backwards.
// - At the start a clock that is more than a day behind the newest time that the store knows, or more than 30 days
//   ahead of it, is not believed either, and there is nothing to go on from: no write is taken (CLOCK_SUSPECT) until
//   the clock is right, or whoever runs the server says that it is (--accept_clock).
#pragma once

#include <functional>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/steady_time.h"

namespace suppressd {

// A larger step of the clock is not believed while the server runs; nor is a clock so far behind at its start.
inline constexpr absl::Duration kClockStepMax = absl::Hours(24);
// Nor, at its start, a clock that is so far ahead: the server was not stopped for so long.
inline constexpr absl::Duration kClockPauseMax = absl::Hours(24 * 30);

struct ClockGuardOptions {
  std::function<absl::Time()> wall_clock;
  SteadyClock steady_clock;
  // The newest time that the store knows; nothing: it knows none.
  std::optional<absl::Time> newest;
  // Whether the store may have been put away for any time before this start, as a backup is.
  bool any_pause = false;
  // The clock is right, whatever the store knows.
  bool accepted = false;
};

// Thread-safe.
class ClockGuard {
 public:
  explicit ClockGuard(const ClockGuardOptions& options);

  // The time. Never before one that it gave earlier.
  absl::Time Now();
  // OK, or why no write is taken: UNAVAILABLE (CLOCK_SUSPECT), with what to do.
  absl::Status status();
  // How far the machine's clock is ahead of Now() when it is not believed; zero: it is.
  absl::Duration offset();

 private:
  void Update() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ClockGuardOptions options_;
  absl::Mutex mutex_;
  bool started_ ABSL_GUARDED_BY(mutex_) = false;  // the clock was believed once
  absl::Time now_ ABSL_GUARDED_BY(mutex_);
  SteadyTime at_ ABSL_GUARDED_BY(mutex_);  // when it was that time
  absl::Duration offset_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace suppressd
