// How long work waits for a thread, and how long it takes: of one queue.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "absl/time/time.h"
#include "common/histogram.h"

namespace suppressd {

// Thread-safe.
struct WorkTimes {
  LatencyHistogram queued;
  LatencyHistogram worked;
};

// A queue, as metrics and heartbeats name it. Both must live as long as they are asked.
struct NamedWork {
  std::string name;
  const WorkTimes* times;
  // See Heartbeat::busy; of several threads the longest. Null: they may take any time.
  std::function<absl::Duration()> busy;
};

using WorkClock = std::chrono::steady_clock;
inline absl::Duration TimeSince(WorkClock::time_point point) {
  return absl::FromChrono(WorkClock::now() - point);
}

}  // namespace suppressd
