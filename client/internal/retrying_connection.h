// A Connection that retries another one and gives writes their request id.
#pragma once

#include <memory>

#include "client/internal/retry.h"
#include "suppression/connection.h"
#include "suppression/options.h"

namespace suppression::client_internal {

// Retries UNAVAILABLE within CallOptions::timeout, which must be positive. A write without request id
// (and without event id) gets one before its first try and keeps it. Watch is taken up again after the
// last step it gave. Thread-safe when `inner` is.
class RetryingConnection final : public Connection {
 public:
  // Of `options`, retry and watch_retry_for are used.
  RetryingConnection(std::shared_ptr<Connection> inner, const ClientOptions& options, RetryEnvironment environment);

  absl::StatusOr<CheckResult> IsSuppressed(const CheckRequest& request, const CallOptions& call) override;
  absl::StatusOr<BatchResult> BatchIsSuppressed(const BatchRequest& request, const CallOptions& call) override;
  absl::StatusOr<ReportResult> ReportBounce(const ReportRequest& request, const CallOptions& call) override;
  absl::StatusOr<Page> ListSuppressions(const ListRequest& request, const CallOptions& call) override;
  absl::StatusOr<Details> GetBounceDetails(const DetailsRequest& request, const CallOptions& call) override;
  absl::StatusOr<ReactivateResult> Reactivate(const ReactivateRequest& request, const CallOptions& call) override;
  absl::StatusOr<SuppressResult> Suppress(const SuppressRequest& request, const CallOptions& call) override;
  absl::Status Watch(const WatchRequest& request, const OnChange& on_change, const Cancellation& cancellation) override;

 private:
  template <typename Result, typename Request>
  absl::StatusOr<Result> Call(absl::StatusOr<Result> (Connection::*method)(const Request&, const CallOptions&),
                              const Request& request, const CallOptions& call);
  template <typename Result, typename Request>
  absl::StatusOr<Result> Write(absl::StatusOr<Result> (Connection::*method)(const Request&, const CallOptions&),
                               Request request, const CallOptions& call);

  const std::shared_ptr<Connection> inner_;
  const RetryOptions retry_;
  const absl::Duration watch_retry_for_;
  const RetryEnvironment environment_;
};

}  // namespace suppression::client_internal
