// The one retry loop: what is tried again, how long it waits, when it gives up.
#pragma once

#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "suppressd/connection.h"
#include "suppressd/options.h"

namespace suppressd::client_internal {

// The outside world of a retry, replaced in tests. All functions must be thread-safe.
struct RetryEnvironment {
  std::function<absl::Time()> now;  // monotonic; only differences count
  std::function<void(absl::Duration, const Cancellation&)> sleep;
  std::function<double()> random;           // evenly from [0, 1)
  std::function<std::string()> request_id;  // a new UUID
};

// The steady clock, real sleep, real randomness.
RetryEnvironment SystemRetryEnvironment();

// How long to wait after `failure`, the failures-th in a row (from 1): full jitter over the exponential
// backoff, plus the server's RetryInfo.
absl::Duration RetryWait(const RetryOptions& options, const RetryEnvironment& environment, int failures,
                         const absl::Status& failure);

// The same status, payloads included, whose message says how often it was tried.
absl::Status AfterAttempts(const absl::Status& status, int attempts);

// Calls `attempt` with the time that is left until it succeeds, fails with anything but UNAVAILABLE, or
// the next try would exceed options.max_attempts or begin after `timeout`. Returns the last answer.
// Thread-safe; keeps no state.
template <typename Result>
absl::StatusOr<Result> Retry(const RetryOptions& options, const RetryEnvironment& environment, absl::Duration timeout,
                             const std::function<absl::StatusOr<Result>(const CallOptions&)>& attempt) {
  const absl::Time deadline = environment.now() + timeout;
  CallOptions call;
  call.timeout = timeout;
  for (int attempts = 1;; ++attempts) {
    absl::StatusOr<Result> result = attempt(call);
    if (result.ok() || !absl::IsUnavailable(result.status())) return result;
    const absl::Duration wait = RetryWait(options, environment, attempts, result.status());
    if (attempts >= options.max_attempts || environment.now() + wait >= deadline) {
      return AfterAttempts(result.status(), attempts);
    }
    environment.sleep(wait, Cancellation());
    call.timeout = deadline - environment.now();
    if (call.timeout <= absl::ZeroDuration()) return AfterAttempts(result.status(), attempts);
  }
}

}  // namespace suppressd::client_internal
