// How long to wait before the next try, so that many callers who lost a server at one moment do not all come back at
// one moment. Pure: randomness is a parameter.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "absl/time/time.h"

namespace suppressd {

// A wait drawn evenly from 0 up to `initial`, doubled with each failure after the first, or `max` ("full jitter").
// `failures`: how many in a row, from 1. `random`: from [0, 1).
absl::Duration FullJitter(absl::Duration initial, absl::Duration max, int failures, double random);

struct BackoffOptions {
  absl::Duration initial = absl::Milliseconds(500);
  absl::Duration max = absl::Seconds(20);
};

// Full jitter for a loop that goes on. Not thread-safe.
class Backoff {
 public:
  // `random` gives numbers evenly from [0, 1).
  Backoff(const BackoffOptions& options, std::function<double()> random)
      : options_(options), random_(std::move(random)) {}

  // The wait after one more failure: what the server asked for at least, and the jitter.
  absl::Duration Next(std::optional<absl::Duration> asked_for = std::nullopt) {
    return FullJitter(options_.initial, options_.max, ++failures_, random_()) +
           asked_for.value_or(absl::ZeroDuration());
  }
  // A try succeeded.
  void Reset() { failures_ = 0; }

 private:
  const BackoffOptions options_;
  const std::function<double()> random_;
  int failures_ = 0;
};

}  // namespace suppressd
