// A clock that stands still until it is told to move. Thread-safe.
#pragma once

#include <atomic>

#include "absl/time/time.h"

namespace suppression {

class FakeClock {
 public:
  explicit FakeClock(absl::Time start) : micros_(absl::ToUnixMicros(start)) {}
  absl::Time Now() const { return absl::FromUnixMicros(micros_.load()); }
  void Advance(absl::Duration by) { micros_ += absl::ToInt64Microseconds(by); }

 private:
  std::atomic<int64_t> micros_;
};

}  // namespace suppression
