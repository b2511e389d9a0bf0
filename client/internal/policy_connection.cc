#include "client/internal/policy_connection.h"

#include <string>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace suppressd::client_internal {
namespace {

// A target that does not answer must leave the fallback time to.
constexpr int kTargetShare = 2;

// Both are unavailable.
absl::Status Both(const absl::Status& target, const absl::Status& fallback) {
  absl::Status both(
      fallback.code(),
      absl::StrCat(fallback.message(), " (at the fallback; at the target: ", std::string(target.message()), ")"));
  for (const absl::Status* status : {&target, &fallback}) {
    status->ForEachPayload([&](absl::string_view url, const absl::Cord& payload) { both.SetPayload(url, payload); });
  }
  return both;
}

}  // namespace

PolicyConnection::PolicyConnection(std::shared_ptr<Connection> target, std::shared_ptr<Connection> fallback,
                                   const ClientOptions& options, RetryEnvironment environment)
    : target_(std::move(target)),
      fallback_(std::move(fallback)),
      retry_(options.retry),
      watch_retry_for_(options.watch_retry_for),
      environment_(std::move(environment)) {}

template <typename Result, typename Request>
absl::StatusOr<Result> PolicyConnection::Try(Method<Result, Request> method, const Request& request,
                                             const CallOptions& call) {
  if (fallback_ == nullptr) return (target_.get()->*method)(request, call);
  const absl::Time begin = environment_.now();
  CallOptions share = call;
  share.timeout = call.timeout / kTargetShare;
  absl::StatusOr<Result> answer = (target_.get()->*method)(request, share);
  if (!absl::IsUnavailable(answer.status()) && !absl::IsDeadlineExceeded(answer.status())) return answer;
  CallOptions rest = call;
  rest.timeout = call.timeout - (environment_.now() - begin);
  if (rest.timeout <= absl::ZeroDuration()) return answer;
  absl::StatusOr<Result> second = (fallback_.get()->*method)(request, rest);
  if (absl::IsUnavailable(second.status())) return Both(answer.status(), second.status());
  return second;
}

template <typename Result, typename Request>
absl::StatusOr<Result> PolicyConnection::Call(Method<Result, Request> method, const Request& request,
                                              const CallOptions& call) {
  return Retry<Result>(retry_, environment_, call.timeout,
                       [&](const CallOptions& rest) { return Try(method, request, rest); });
}

template <typename Result, typename Request>
absl::StatusOr<Result> PolicyConnection::Write(Method<Result, Request> method, Request request,
                                               const CallOptions& call) {
  if (request.request_id.empty()) request.request_id = environment_.request_id();
  return Call(method, request, call);
}

absl::StatusOr<CheckResult> PolicyConnection::IsSuppressed(const CheckRequest& request, const CallOptions& call) {
  return Call(&Connection::IsSuppressed, request, call);
}

absl::StatusOr<BatchResult> PolicyConnection::BatchIsSuppressed(const BatchRequest& request, const CallOptions& call) {
  return Call(&Connection::BatchIsSuppressed, request, call);
}

absl::StatusOr<ReportResult> PolicyConnection::ReportBounce(const ReportRequest& request, const CallOptions& call) {
  // A request id would take the place of the event id as the key, and the same event from another
  // reporter would count again.
  if (!request.event_id.empty()) return Call(&Connection::ReportBounce, request, call);
  return Write(&Connection::ReportBounce, request, call);
}

absl::StatusOr<Page> PolicyConnection::ListSuppressions(const ListRequest& request, const CallOptions& call) {
  return Call(&Connection::ListSuppressions, request, call);
}

absl::StatusOr<Counts> PolicyConnection::CountSuppressions(const CountRequest& request, const CallOptions& call) {
  return Call(&Connection::CountSuppressions, request, call);
}

absl::StatusOr<Details> PolicyConnection::GetBounceDetails(const DetailsRequest& request, const CallOptions& call) {
  return Call(&Connection::GetBounceDetails, request, call);
}

absl::StatusOr<ReactivateResult> PolicyConnection::Reactivate(const ReactivateRequest& request,
                                                              const CallOptions& call) {
  return Write(&Connection::Reactivate, request, call);
}

absl::StatusOr<SuppressResult> PolicyConnection::Suppress(const SuppressRequest& request, const CallOptions& call) {
  return Write(&Connection::Suppress, request, call);
}

absl::Status PolicyConnection::TryWatch(const WatchRequest& request, const OnStep& on_step,
                                        const Cancellation& cancellation) {
  if (fallback_ == nullptr) return target_->Watch(request, on_step, cancellation);
  // A greeting alone, which only tells where the stream starts, is no news.
  bool greeted = false, heard = false;
  const OnStep remember = [&](const WatchStep& step) {
    heard = std::exchange(greeted, true) || !step.changes.empty();
    return on_step(step);
  };
  const absl::Status status = target_->Watch(request, remember, cancellation);
  // Whoever has heard something resumes after it, and begins at the target again.
  if (!absl::IsUnavailable(status) || heard) return status;
  const absl::Status second = fallback_->Watch(request, on_step, cancellation);
  return absl::IsUnavailable(second) ? Both(status, second) : second;
}

absl::Status PolicyConnection::Watch(const WatchRequest& request, const OnStep& on_step,
                                     const Cancellation& cancellation) {
  WatchRequest rest = request;
  bool greeted = false, heard = false;
  int failures = 0;
  absl::Time give_up = environment_.now() + watch_retry_for_;
  const OnStep remember = [&](const WatchStep& step) {
    const bool go_on = on_step(step);
    if (!step.revision_token.empty()) rest.after = step.revision_token;
    heard = std::exchange(greeted, true) || !step.changes.empty();
    // A heartbeat alone proves little: a server that greets and hangs up must not be hammered.
    if (!step.changes.empty()) failures = 0;
    return go_on;
  };
  for (;;) {
    greeted = heard = false;
    const absl::Status status = TryWatch(rest, remember, cancellation);
    if (!absl::IsUnavailable(status)) return status;
    if (heard) give_up = environment_.now() + watch_retry_for_;
    const absl::Duration wait = RetryWait(retry_, environment_, ++failures, status);
    if (environment_.now() + wait >= give_up) return AfterAttempts(status, failures);
    environment_.sleep(wait, cancellation);
    if (cancellation.cancelled()) return absl::CancelledError("the watch was cancelled");
  }
}

}  // namespace suppressd::client_internal
