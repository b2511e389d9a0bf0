#include "client/internal/retry.h"

#include <chrono>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "common/backoff.h"
#include "common/from_grpc.h"
#include "common/uuid.h"

namespace suppressd::client_internal {
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
          Random, NewUuid};
}

absl::Duration RetryWait(const RetryOptions& options, const RetryEnvironment& environment, int failures,
                         const absl::Status& failure) {
  return FullJitter(options.initial_backoff, options.max_backoff, failures, environment.random()) +
         RetryDelay(failure).value_or(absl::ZeroDuration());
}

absl::Status AfterAttempts(const absl::Status& status, int attempts) {
  if (attempts <= 1) return status;
  absl::Status result(status.code(), absl::StrCat(status.message(), " (after ", attempts, " attempts)"));
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) { result.SetPayload(url, payload); });
  return result;
}

}  // namespace suppressd::client_internal
