#include "client/internal/retry.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "client/internal/request_id.h"
#include "client/internal/status.h"

namespace suppression::client_internal {
namespace {

absl::Time SteadyNow() {
  return absl::UnixEpoch() + absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

double Random() {
  thread_local absl::InsecureBitGen generator;
  return absl::Uniform(generator, 0.0, 1.0);
}

}  // namespace

RetryEnvironment SystemRetryEnvironment() {
  return {SteadyNow, [](absl::Duration duration, const Cancellation& cancellation) { cancellation.WaitFor(duration); },
          Random, NewRequestId};
}

absl::Duration RetryWait(const RetryOptions& options, const RetryEnvironment& environment, int failures,
                         const absl::Status& failure) {
  // Past 2^40 every bound is above max_backoff.
  const double factor = std::ldexp(1.0, std::clamp(failures - 1, 0, 40));
  const absl::Duration bound = std::min(options.max_backoff, options.initial_backoff * factor);
  return bound * environment.random() + RetryDelay(failure).value_or(absl::ZeroDuration());
}

absl::Status AfterAttempts(const absl::Status& status, int attempts) {
  if (attempts <= 1) return status;
  absl::Status result(status.code(), absl::StrCat(status.message(), " (after ", attempts, " attempts)"));
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) { result.SetPayload(url, payload); });
  return result;
}

}  // namespace suppression::client_internal
