#include "client/internal/retrying_connection.h"

#include <utility>

namespace suppression::client_internal {

RetryingConnection::RetryingConnection(std::shared_ptr<Connection> inner, const ClientOptions& options,
                                       RetryEnvironment environment)
    : inner_(std::move(inner)),
      retry_(options.retry),
      watch_retry_for_(options.watch_retry_for),
      environment_(std::move(environment)) {}

template <typename Result, typename Request>
absl::StatusOr<Result> RetryingConnection::Call(absl::StatusOr<Result> (Connection::*method)(const Request&,
                                                                                             const CallOptions&),
                                                const Request& request, const CallOptions& call) {
  return Retry<Result>(retry_, environment_, call.timeout,
                       [&](const CallOptions& rest) { return (inner_.get()->*method)(request, rest); });
}

template <typename Result, typename Request>
absl::StatusOr<Result> RetryingConnection::Write(absl::StatusOr<Result> (Connection::*method)(const Request&,
                                                                                              const CallOptions&),
                                                 Request request, const CallOptions& call) {
  if (request.request_id.empty()) request.request_id = environment_.request_id();
  return Call(method, request, call);
}

absl::StatusOr<CheckResult> RetryingConnection::IsSuppressed(const CheckRequest& request, const CallOptions& call) {
  return Call(&Connection::IsSuppressed, request, call);
}

absl::StatusOr<BatchResult> RetryingConnection::BatchIsSuppressed(const BatchRequest& request,
                                                                  const CallOptions& call) {
  return Call(&Connection::BatchIsSuppressed, request, call);
}

absl::StatusOr<ReportResult> RetryingConnection::ReportBounce(const ReportRequest& request, const CallOptions& call) {
  // A request id would take the place of the event id as the key, and the same event from another
  // reporter would count again.
  if (!request.event_id.empty()) return Call(&Connection::ReportBounce, request, call);
  return Write(&Connection::ReportBounce, request, call);
}

absl::StatusOr<Page> RetryingConnection::ListSuppressions(const ListRequest& request, const CallOptions& call) {
  return Call(&Connection::ListSuppressions, request, call);
}

absl::StatusOr<Details> RetryingConnection::GetBounceDetails(const DetailsRequest& request, const CallOptions& call) {
  return Call(&Connection::GetBounceDetails, request, call);
}

absl::StatusOr<ReactivateResult> RetryingConnection::Reactivate(const ReactivateRequest& request,
                                                                const CallOptions& call) {
  return Write(&Connection::Reactivate, request, call);
}

absl::StatusOr<SuppressResult> RetryingConnection::Suppress(const SuppressRequest& request, const CallOptions& call) {
  return Write(&Connection::Suppress, request, call);
}

absl::Status RetryingConnection::Watch(const WatchRequest& request, const OnChange& on_change,
                                       const Cancellation& cancellation) {
  WatchRequest rest = request;
  bool heard = false;
  int failures = 0;
  absl::Time give_up = environment_.now() + watch_retry_for_;
  const OnChange remember = [&](const Change& change) {
    const bool go_on = on_change(change);
    if (!change.token.empty()) rest.after = change.token;
    heard = true;
    // A heartbeat alone proves little: a server that greets and hangs up must not be hammered.
    if (!change.suppressions.empty()) failures = 0;
    return go_on;
  };
  for (;;) {
    heard = false;
    const absl::Status status = inner_->Watch(rest, remember, cancellation);
    if (!absl::IsUnavailable(status)) return status;
    if (heard) give_up = environment_.now() + watch_retry_for_;
    const absl::Duration wait = RetryWait(retry_, environment_, ++failures, status);
    if (environment_.now() + wait >= give_up) return AfterAttempts(status, failures);
    environment_.sleep(wait, cancellation);
    if (cancellation.cancelled()) return absl::CancelledError("the watch was cancelled");
  }
}

}  // namespace suppression::client_internal
