// Tells when one piece of work takes too long: a write to a disk that does not answer. There is no clock in here:
// whoever looks about once a second has one.
#pragma once

#include <cstdint>

#include "absl/time/time.h"

namespace suppressd {

// A batch that is being written for this long is given up: its callers are answered.
inline constexpr absl::Duration kBatchTimeMax = absl::Seconds(10);

// Not thread-safe.
class StuckWork {
 public:
  void Begin() { number_ = last_number_ += 1; }
  void End() { number_ = 0; }
  // Whether the piece of work that is under way was so at a look that long before this one. `now` is of a clock that
  // nobody can set.
  bool IsStuck(absl::Time now) {
    if (number_ != seen_number_) {
      seen_number_ = number_;
      seen_at_ = now;
    }
    return number_ != 0 && now - seen_at_ >= kBatchTimeMax;
  }

 private:
  uint64_t last_number_ = 0;
  uint64_t number_ = 0;  // zero: none is under way
  uint64_t seen_number_ = 0;
  absl::Time seen_at_ = absl::InfinitePast();
};

}  // namespace suppressd
