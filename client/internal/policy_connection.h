// The call policy of a client: which connection a call goes to, how often, and what makes its writes idempotent.
#pragma once

#include <memory>

#include "client/internal/retry.h"
#include "suppressd/connection.h"
#include "suppressd/options.h"

namespace suppressd::client_internal {

// Each try goes to `target`, with half of the time that is left when there is a fallback; where that is UNAVAILABLE or
// lets its time pass, to `fallback`, with the rest of it. Errors of the fallback say what was wrong at the target.
// UNAVAILABLE is tried again within CallOptions::timeout, which must be positive. A write without request id (and
// without event id) gets one before its first try and keeps it. Watch is taken up again after the last step it gave.
// Thread-safe when the connections are.
class PolicyConnection final : public Connection {
 public:
  // `fallback` may be null. Of `options`, retry and watch_retry_for are used.
  PolicyConnection(std::shared_ptr<Connection> target, std::shared_ptr<Connection> fallback,
                   const ClientOptions& options, RetryEnvironment environment);

  absl::StatusOr<CheckResult> IsSuppressed(const CheckRequest& request, const CallOptions& call) override;
  absl::StatusOr<BatchResult> BatchIsSuppressed(const BatchRequest& request, const CallOptions& call) override;
  absl::StatusOr<ReportResult> ReportBounce(const ReportRequest& request, const CallOptions& call) override;
  absl::StatusOr<Page> ListSuppressions(const ListRequest& request, const CallOptions& call) override;
  absl::StatusOr<Counts> CountSuppressions(const CountRequest& request, const CallOptions& call) override;
  absl::StatusOr<Details> GetBounceDetails(const DetailsRequest& request, const CallOptions& call) override;
  absl::StatusOr<ReactivateResult> Reactivate(const ReactivateRequest& request, const CallOptions& call) override;
  absl::StatusOr<SuppressResult> Suppress(const SuppressRequest& request, const CallOptions& call) override;
  absl::Status Watch(const WatchRequest& request, const OnStep& on_step, const Cancellation& cancellation) override;

 private:
  template <typename Result, typename Request>
  using Method = absl::StatusOr<Result> (Connection::*)(const Request&, const CallOptions&);

  template <typename Result, typename Request>
  absl::StatusOr<Result> Call(Method<Result, Request> method, const Request& request, const CallOptions& call);
  template <typename Result, typename Request>
  absl::StatusOr<Result> Write(Method<Result, Request> method, Request request, const CallOptions& call);
  // One try: the target, then the fallback.
  template <typename Result, typename Request>
  absl::StatusOr<Result> Try(Method<Result, Request> method, const Request& request, const CallOptions& call);
  absl::Status TryWatch(const WatchRequest& request, const OnStep& on_step, const Cancellation& cancellation);

  const std::shared_ptr<Connection> target_;
  const std::shared_ptr<Connection> fallback_;
  const RetryOptions retry_;
  const absl::Duration watch_retry_for_;
  const RetryEnvironment environment_;
};

}  // namespace suppressd::client_internal
