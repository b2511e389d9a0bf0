// A Connection that asks a second one where the first is unavailable.
#pragma once

#include <functional>
#include <memory>

#include "suppression/connection.h"

namespace suppression::client_internal {

// One try of each call: at the target, which may take half of CallOptions::timeout, and when that is UNAVAILABLE or
// took too long, at the fallback with the rest. When both are unavailable the error is the fallback's, with the
// target's in its message, and with the target's reason where the fallback gave none. Every other answer of either is
// the answer. Thread-safe when both connections are.
class FallbackConnection final : public Connection {
 public:
  // `now` is monotonic and thread-safe; only differences count.
  FallbackConnection(std::shared_ptr<Connection> target, std::shared_ptr<Connection> fallback,
                     std::function<absl::Time()> now);

  absl::StatusOr<CheckResult> IsSuppressed(const CheckRequest& request, const CallOptions& call) override;
  absl::StatusOr<BatchResult> BatchIsSuppressed(const BatchRequest& request, const CallOptions& call) override;
  absl::StatusOr<ReportResult> ReportBounce(const ReportRequest& request, const CallOptions& call) override;
  absl::StatusOr<Page> ListSuppressions(const ListRequest& request, const CallOptions& call) override;
  absl::StatusOr<Details> GetBounceDetails(const DetailsRequest& request, const CallOptions& call) override;
  absl::StatusOr<ReactivateResult> Reactivate(const ReactivateRequest& request, const CallOptions& call) override;
  absl::StatusOr<SuppressResult> Suppress(const SuppressRequest& request, const CallOptions& call) override;
  // Tries the fallback only when the target ended the stream before it gave a step.
  absl::Status Watch(const WatchRequest& request, const OnChange& on_change, const Cancellation& cancellation) override;

 private:
  template <typename Result, typename Request>
  absl::StatusOr<Result> Call(absl::StatusOr<Result> (Connection::*method)(const Request&, const CallOptions&),
                              const Request& request, const CallOptions& call);

  const std::shared_ptr<Connection> target_;
  const std::shared_ptr<Connection> fallback_;
  const std::function<absl::Time()> now_;
};

}  // namespace suppression::client_internal
