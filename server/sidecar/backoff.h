// How long to wait before the next attempt to reach the centre, so that many sidecars which lost it at one moment do
// not come back at one moment. Pure: randomness is a parameter.
#pragma once

#include <functional>

#include "absl/time/time.h"

namespace suppression {

struct BackoffOptions {
  // The wait after the first failure; it doubles with each further one...
  absl::Duration initial = absl::Milliseconds(100);
  // ... up to this; from then on it is drawn evenly from [0, max) (full jitter).
  absl::Duration max = absl::Seconds(20);
  // The first wait after a success is longer by a part of this, drawn evenly.
  absl::Duration first_jitter = absl::Seconds(1);
};

// Not thread-safe.
class Backoff {
 public:
  // `random` gives numbers evenly from [0, 1).
  Backoff(const BackoffOptions& options, std::function<double()> random)
      : options_(options), random_(std::move(random)) {}

  // The wait after one more failure; at least what the centre asked for, which gets jitter of its own there.
  absl::Duration Next(absl::Duration asked_for = absl::ZeroDuration());
  // An attempt succeeded.
  void Reset() { failures_ = 0; }

 private:
  const BackoffOptions options_;
  const std::function<double()> random_;
  int failures_ = 0;
};

}  // namespace suppression
