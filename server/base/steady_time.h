// Moments for measuring ages: by a clock that nobody can set, which goes on while the machine sleeps.
//
//   const SteadyTime then = SteadyNow();
//   absl::Duration age = SteadyNow() - then;
//
// A wall clock (absl::Now) may be stepped: an age by it can be negative, or hours too long.
#pragma once

#include <functional>
#include <string>

#include "absl/time/time.h"

namespace suppressd {

// Since the machine was started.
struct SteadyTime {
  absl::Duration since_boot;

  friend bool operator==(const SteadyTime& a, const SteadyTime& b) { return a.since_boot == b.since_boot; }
  friend bool operator<(const SteadyTime& a, const SteadyTime& b) { return a.since_boot < b.since_boot; }
  friend bool operator>(const SteadyTime& a, const SteadyTime& b) { return b < a; }
  friend absl::Duration operator-(const SteadyTime& a, const SteadyTime& b) { return a.since_boot - b.since_boot; }
  friend SteadyTime operator-(const SteadyTime& a, absl::Duration b) { return {a.since_boot - b}; }
};

using SteadyClock = std::function<SteadyTime()>;

// CLOCK_BOOTTIME. Thread-safe.
SteadyTime SteadyNow();

// The same as a point in time, for code that reckons with absl::Time: only differences of such points mean something.
inline absl::Time SteadyPoint() {
  return absl::UnixEpoch() + SteadyNow().since_boot;
}

// Names the machine's run that SteadyNow counts from; empty: the system does not tell.
std::string BootId();

}  // namespace suppressd
