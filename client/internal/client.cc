#include "suppressd/client.h"

#include <algorithm>
#include <utility>

#include "client/internal/channel.h"
#include "client/internal/grpc_connection.h"
#include "client/internal/options.h"
#include "client/internal/policy_connection.h"

namespace suppressd {
inline namespace client_v1 {
namespace {

// Far above any real listing; more means that the server goes in circles.
constexpr int64_t kForEachMaxPages = 10'000'000;
// A longer deadline is no deadline, and an infinite one overflows gRPC's clock.
constexpr absl::Duration kTimeoutMax = absl::Hours(1);

absl::StatusOr<std::shared_ptr<Connection>> Connect(const ClientOptions& options) {
  auto channel = client_internal::MakeChannel(options);
  if (!channel.ok()) return channel.status();
  return std::make_shared<client_internal::GrpcConnection>(*std::move(channel));
}

}  // namespace

bool BatchResult::MaySend(int32_t index) const {
  return index >= 0 && static_cast<size_t>(index) < answers.size() &&
         answers[static_cast<size_t>(index)] == Answer::kNotSuppressed;
}

absl::StatusOr<Client> Client::Create(const ClientOptions& options) {
  absl::StatusOr<ClientOptions> resolved = client_internal::ResolveOptions(options);
  if (!resolved.ok()) return resolved.status();
  absl::StatusOr<std::shared_ptr<Connection>> connection = Connect(*resolved);
  if (!connection.ok()) return connection.status();
  std::shared_ptr<Connection> fallback;
  if (!resolved->fallback_target.empty()) {
    absl::StatusOr<std::shared_ptr<Connection>> made = Connect(client_internal::FallbackOptions(*resolved));
    if (!made.ok()) return made.status();
    fallback = *std::move(made);
  }
  return Client(std::make_shared<client_internal::PolicyConnection>(
                    *std::move(connection), std::move(fallback), *resolved, client_internal::SystemRetryEnvironment()),
                *resolved);
}

Client::Client(std::shared_ptr<Connection> connection, const ClientOptions& options)
    : connection_(std::move(connection)), options_(std::make_shared<const ClientOptions>(options)) {}

CallOptions Client::WithDeadline(CallOptions call) const {
  if (call.timeout <= absl::ZeroDuration()) call.timeout = options_->deadline;
  call.timeout = std::min(call.timeout, kTimeoutMax);
  return call;
}

std::string Client::TenantOr(std::string tenant) const {
  return tenant.empty() ? options_->tenant : std::move(tenant);
}

bool Client::Assume(const absl::Status& status) const {
  return options_->when_unavailable != WhenUnavailable::kError &&
         (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status));
}

absl::StatusOr<CheckResult> Client::IsSuppressed(const std::string& address) const {
  CheckRequest request;
  request.address = address;
  return IsSuppressed(std::move(request));
}

absl::StatusOr<CheckResult> Client::IsSuppressed(CheckRequest request, CallOptions call) const {
  request.tenant = TenantOr(std::move(request.tenant));
  absl::StatusOr<CheckResult> answer = connection_->IsSuppressed(request, WithDeadline(call));
  if (answer.ok() || !Assume(answer.status())) return answer;
  CheckResult assumed;
  assumed.suppressed = options_->when_unavailable == WhenUnavailable::kSuppress;
  assumed.answer = assumed.suppressed ? Answer::kSuppressed : Answer::kNotSuppressed;
  assumed.assumed = true;
  assumed.unavailable = answer.status();
  return assumed;
}

absl::StatusOr<BatchResult> Client::BatchIsSuppressed(BatchRequest request, CallOptions call) const {
  request.tenant = TenantOr(std::move(request.tenant));
  absl::StatusOr<BatchResult> answer = connection_->BatchIsSuppressed(request, WithDeadline(call));
  if (answer.ok() || !Assume(answer.status())) return answer;
  BatchResult assumed;
  assumed.assumed = true;
  assumed.unavailable = answer.status();
  const bool suppress = options_->when_unavailable == WhenUnavailable::kSuppress;
  assumed.answers.assign(request.addresses.size(), suppress ? Answer::kSuppressed : Answer::kNotSuppressed);
  if (!suppress) return assumed;
  assumed.items.resize(request.addresses.size());
  for (size_t i = 0; i < assumed.items.size(); ++i) {
    assumed.items[i].index = static_cast<int32_t>(i);
    assumed.items[i].suppressed = true;
  }
  return assumed;
}

absl::StatusOr<ReportResult> Client::ReportBounce(ReportRequest request, CallOptions call) const {
  request.tenant = TenantOr(std::move(request.tenant));
  return connection_->ReportBounce(request, WithDeadline(call));
}

absl::StatusOr<Page> Client::ListSuppressions(ListRequest request, CallOptions call) const {
  request.tenant = TenantOr(std::move(request.tenant));
  return connection_->ListSuppressions(request, WithDeadline(call));
}

absl::StatusOr<ForEachResult> Client::ForEachSuppression(ListRequest request, int64_t limit,
                                                         const std::function<bool(const Suppression&)>& visit,
                                                         CallOptions call) const {
  if (limit <= 0) return absl::InvalidArgumentError("limit must be positive");
  ForEachResult result;
  for (int64_t pages = 0; pages < kForEachMaxPages; ++pages) {
    absl::StatusOr<Page> page = ListSuppressions(request, call);
    if (!page.ok()) return page.status();
    result.revision_token = page->revision_token;
    result.freshness = page->freshness;
    result.damaged_count += page->damaged_count;
    for (const Suppression& suppression : page->suppressions) {
      if (result.visited == limit) return result;
      ++result.visited;
      if (!visit(suppression)) return result;
    }
    result.at_end = page->next_page_token.empty();
    if (result.at_end || result.visited == limit) return result;
    if (page->next_page_token == request.page_token) break;
    request.page_token = std::move(page->next_page_token);
  }
  return absl::InternalError("the listing does not end: the server repeats a page or sends too many");
}

absl::StatusOr<Counts> Client::CountSuppressions(CountRequest request, CallOptions call) const {
  request.tenant = TenantOr(std::move(request.tenant));
  return connection_->CountSuppressions(request, WithDeadline(call));
}

absl::StatusOr<Details> Client::GetBounceDetails(DetailsRequest request, CallOptions call) const {
  request.tenant = TenantOr(std::move(request.tenant));
  return connection_->GetBounceDetails(request, WithDeadline(call));
}

absl::StatusOr<ReactivateResult> Client::Reactivate(ReactivateRequest request, CallOptions call) const {
  request.tenant = TenantOr(std::move(request.tenant));
  return connection_->Reactivate(request, WithDeadline(call));
}

absl::StatusOr<SuppressResult> Client::Suppress(SuppressRequest request, CallOptions call) const {
  request.tenant = TenantOr(std::move(request.tenant));
  return connection_->Suppress(request, WithDeadline(call));
}

absl::Status Client::Watch(WatchRequest request, const OnStep& on_step, const Cancellation& cancellation) const {
  if (request.tenants.empty() && !options_->tenant.empty()) request.tenants.push_back(options_->tenant);
  const bool heartbeats = request.heartbeats;
  return connection_->Watch(
      request, [&](const WatchStep& step) { return step.changes.empty() && !heartbeats ? true : on_step(step); },
      cancellation);
}

}  // namespace client_v1
}  // namespace suppressd
