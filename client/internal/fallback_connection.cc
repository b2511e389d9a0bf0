#include "client/internal/fallback_connection.h"

#include <string>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace suppression::client_internal {
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

FallbackConnection::FallbackConnection(std::shared_ptr<Connection> target, std::shared_ptr<Connection> fallback,
                                       std::function<absl::Time()> now)
    : target_(std::move(target)), fallback_(std::move(fallback)), now_(std::move(now)) {}

template <typename Result, typename Request>
absl::StatusOr<Result> FallbackConnection::Call(absl::StatusOr<Result> (Connection::*method)(const Request&,
                                                                                             const CallOptions&),
                                                const Request& request, const CallOptions& call) {
  const absl::Time begin = now_();
  CallOptions share = call;
  share.timeout = call.timeout / kTargetShare;
  absl::StatusOr<Result> answer = (target_.get()->*method)(request, share);
  if (!absl::IsUnavailable(answer.status()) && !absl::IsDeadlineExceeded(answer.status())) return answer;
  CallOptions rest = call;
  rest.timeout = call.timeout - (now_() - begin);
  if (rest.timeout <= absl::ZeroDuration()) return answer;
  absl::StatusOr<Result> second = (fallback_.get()->*method)(request, rest);
  if (absl::IsUnavailable(second.status())) return Both(answer.status(), second.status());
  return second;
}

absl::StatusOr<CheckResult> FallbackConnection::IsSuppressed(const CheckRequest& request, const CallOptions& call) {
  return Call(&Connection::IsSuppressed, request, call);
}

absl::StatusOr<BatchResult> FallbackConnection::BatchIsSuppressed(const BatchRequest& request,
                                                                  const CallOptions& call) {
  return Call(&Connection::BatchIsSuppressed, request, call);
}

absl::StatusOr<ReportResult> FallbackConnection::ReportBounce(const ReportRequest& request, const CallOptions& call) {
  return Call(&Connection::ReportBounce, request, call);
}

absl::StatusOr<Page> FallbackConnection::ListSuppressions(const ListRequest& request, const CallOptions& call) {
  return Call(&Connection::ListSuppressions, request, call);
}

absl::StatusOr<Details> FallbackConnection::GetBounceDetails(const DetailsRequest& request, const CallOptions& call) {
  return Call(&Connection::GetBounceDetails, request, call);
}

absl::StatusOr<ReactivateResult> FallbackConnection::Reactivate(const ReactivateRequest& request,
                                                                const CallOptions& call) {
  return Call(&Connection::Reactivate, request, call);
}

absl::StatusOr<SuppressResult> FallbackConnection::Suppress(const SuppressRequest& request, const CallOptions& call) {
  return Call(&Connection::Suppress, request, call);
}

absl::Status FallbackConnection::Watch(const WatchRequest& request, const OnChange& on_change,
                                       const Cancellation& cancellation) {
  bool heard = false;
  const OnChange remember = [&](const Change& change) {
    heard = true;
    return on_change(change);
  };
  const absl::Status status = target_->Watch(request, remember, cancellation);
  // Whoever has heard something resumes after it, and begins at the target again.
  if (!absl::IsUnavailable(status) || heard) return status;
  const absl::Status second = fallback_->Watch(request, on_change, cancellation);
  return absl::IsUnavailable(second) ? Both(status, second) : second;
}

}  // namespace suppression::client_internal
