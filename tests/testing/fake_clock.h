// A clock that stands still until it is told to move. Thread-safe.
#pragma once

#include <atomic>
#include <functional>

#include "absl/time/time.h"

namespace suppressd {

class FakeClock {
 public:
  explicit FakeClock(absl::Time start) : micros_(absl::ToUnixMicros(start)) {}
  absl::Time Now() const { return absl::FromUnixMicros(micros_.load()); }
  // Called, when set, by every thread of the service that asks for the time; it may keep that thread waiting. Set it
  // while nobody asks.
  std::function<void()> on_ask;
  absl::Time NowForService() const {
    if (on_ask) on_ask();
    return Now();
  }
  void Advance(absl::Duration by) { micros_ += absl::ToInt64Microseconds(by); }

 private:
  std::atomic<int64_t> micros_;
};

}  // namespace suppressd
