#include "client/internal/grpc_connection.h"

#include <grpcpp/client_context.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "client/internal/conversion.h"
#include "client/internal/utf8.h"
#include "common/error.h"
#include "common/from_grpc.h"

namespace suppressd::client_internal {
namespace {

using Stub = v1::SuppressionService::StubInterface;

// A request names one address or one domain: the message cannot hold both.
template <typename Request>
absl::Status CheckTarget(const Request& request) {
  if (request.address.empty() || request.domain.empty()) return absl::OkStatus();
  return InvalidArgument(v1::INVALID_FIELD, "only one of address and domain may be set", "domain");
}

absl::Status WrongCount() {
  return absl::InternalError("the service answered for another number of addresses than was asked for");
}

}  // namespace

GrpcConnection::GrpcConnection(std::unique_ptr<SecureChannel> channel)
    : channel_(std::move(channel)), stub_(channel_.get()) {}

template <typename Request, typename Response>
auto GrpcConnection::Unary(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                           const Request& request, const CallOptions& call) {
  using Result = absl::StatusOr<decltype(FromProto(Response()))>;
  if (absl::Status status = CheckUtf8(request); !status.ok()) return Result(status);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(call.timeout));
  channel_->AddToken(&context);
  Response response;
  const grpc::Status status = ((*stub_.Get()).*method)(&context, request, &response);
  // Nobody here cancels a call: a server or proxy that goes away did. Like any UNAVAILABLE it may or may not have been
  // carried out.
  if (status.error_code() == grpc::StatusCode::CANCELLED) {
    return Result(absl::UnavailableError("the server cut the call"));
  }
  if (!status.ok()) return Result(FromGrpc(status));
  return Result(FromProto(response));
}

absl::StatusOr<CheckResult> GrpcConnection::IsSuppressed(const CheckRequest& request, const CallOptions& call) {
  return Unary(&Stub::IsSuppressed, ToProto(request), call);
}

absl::StatusOr<BatchResult> GrpcConnection::BatchIsSuppressed(const BatchRequest& request, const CallOptions& call) {
  const auto bad = [](const std::string& address) { return !IsUtf8(address); };
  if (std::none_of(request.addresses.begin(), request.addresses.end(), bad)) {
    absl::StatusOr<BatchResult> result = Unary(&Stub::BatchIsSuppressed, ToProto(request), call);
    if (result.ok() && result->answers.size() != request.addresses.size()) return WrongCount();
    return result;
  }
  // One address that is no text would take all the others down with it: it fails here, alone.
  BatchRequest rest = request;
  rest.addresses.clear();
  std::vector<int32_t> positions;
  std::vector<BatchItem> items;
  for (size_t i = 0; i < request.addresses.size(); ++i) {
    if (bad(request.addresses[i])) {
      items.push_back(
          {static_cast<int32_t>(i),
           false,
           {},
           {ReasonName(v1::INVALID_ADDRESS), "the address is not UTF-8", "", absl::StatusCode::kInvalidArgument},
           false});
    } else {
      positions.push_back(static_cast<int32_t>(i));
      rest.addresses.push_back(request.addresses[i]);
    }
  }
  absl::StatusOr<BatchResult> result = Unary(&Stub::BatchIsSuppressed, ToProto(rest), call);
  if (!result.ok()) return result;
  if (result->answers.size() != positions.size()) {
    return WrongCount();
  }
  std::vector<Answer> answers(request.addresses.size(), Answer::kFailed);
  for (size_t i = 0; i < positions.size(); ++i) answers[static_cast<size_t>(positions[i])] = result->answers[i];
  result->answers = std::move(answers);
  for (BatchItem& item : result->items) {
    if (item.index < 0 || static_cast<size_t>(item.index) >= positions.size()) {
      return absl::InternalError("the service answered for an address that was not asked for");
    }
    item.index = positions[static_cast<size_t>(item.index)];
    items.push_back(std::move(item));
  }
  std::sort(items.begin(), items.end(), [](const BatchItem& a, const BatchItem& b) { return a.index < b.index; });
  result->items = std::move(items);
  return result;
}

absl::StatusOr<ReportResult> GrpcConnection::ReportBounce(const ReportRequest& request, const CallOptions& call) {
  return Unary(&Stub::ReportBounce, ToProto(request), call);
}

absl::StatusOr<Page> GrpcConnection::ListSuppressions(const ListRequest& request, const CallOptions& call) {
  return Unary(&Stub::ListSuppressions, ToProto(request), call);
}

absl::StatusOr<Counts> GrpcConnection::CountSuppressions(const CountRequest& request, const CallOptions& call) {
  return Unary(&Stub::CountSuppressions, ToProto(request), call);
}

absl::StatusOr<Details> GrpcConnection::GetBounceDetails(const DetailsRequest& request, const CallOptions& call) {
  if (absl::Status status = CheckTarget(request); !status.ok()) return status;
  return Unary(&Stub::GetBounceDetails, ToProto(request), call);
}

absl::StatusOr<ReactivateResult> GrpcConnection::Reactivate(const ReactivateRequest& request, const CallOptions& call) {
  if (absl::Status status = CheckTarget(request); !status.ok()) return status;
  return Unary(&Stub::Reactivate, ToProto(request), call);
}

absl::StatusOr<SuppressResult> GrpcConnection::Suppress(const SuppressRequest& request, const CallOptions& call) {
  if (absl::Status status = CheckTarget(request); !status.ok()) return status;
  return Unary(&Stub::Suppress, ToProto(request), call);
}

absl::Status GrpcConnection::Watch(const WatchRequest& request, const OnStep& on_step,
                                   const Cancellation& cancellation) {
  const v1::WatchRequest message = ToProto(request);
  if (absl::Status status = CheckUtf8(message); !status.ok()) return status;
  grpc::ClientContext context;
  channel_->AddToken(&context);
  cancellation.OnCancel([&context] { context.TryCancel(); });
  const auto reader = stub_.Get()->Watch(&context, message);
  v1::WatchResponse response;
  bool wanted = true;
  while (wanted && reader->Read(&response)) wanted = !cancellation.cancelled() && on_step(FromProto(response));
  if (!wanted) context.TryCancel();
  const grpc::Status status = reader->Finish();
  cancellation.OnCancel(nullptr);
  if (cancellation.cancelled()) return absl::CancelledError("the watch was cancelled");
  if (!wanted) return absl::OkStatus();
  // OK: it drains. CANCELLED, which we did not ask for: our callback took too long. Both may be resumed.
  if (status.ok()) return absl::UnavailableError("the server ended the watch");
  if (status.error_code() == grpc::StatusCode::CANCELLED) {
    return absl::UnavailableError("the server cut the watch: changes were taken too slowly");
  }
  return FromGrpc(status);
}

}  // namespace suppressd::client_internal
