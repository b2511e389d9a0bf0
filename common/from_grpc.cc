#include "common/from_grpc.h"

#include <string>

#include "absl/strings/cord.h"
#include "common/error.h"
#include "suppressd/internal/v1/rpc_status.pb.h"

namespace suppressd {
namespace {

absl::StatusCode FromGrpcCode(grpc::StatusCode code) {
  // Both are the canonical codes, by number; anything outside them is UNKNOWN.
  const int number = static_cast<int>(code);
  return number >= 0 && number <= 16 ? static_cast<absl::StatusCode>(number) : absl::StatusCode::kUnknown;
}

}  // namespace

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(FromGrpcCode(status.error_code()), status.error_message());
  internal::v1::RpcStatus details;
  if (status.error_details().empty() || !details.ParseFromString(status.error_details())) return result;
  for (const auto& detail : details.details()) {
    const std::string& type = detail.type_url();
    const bool known = type == kErrorInfoTypeUrl || type == kRetryInfoTypeUrl || type == kQuotaFailureTypeUrl;
    if (known) result.SetPayload(type, absl::Cord(detail.value()));
  }
  return result;
}

std::optional<absl::Duration> RetryDelay(const absl::Status& status) {
  const auto payload = status.GetPayload(kRetryInfoTypeUrl);
  internal::v1::RetryInfo info;
  if (!payload.has_value() || !info.ParseFromString(std::string(*payload)) || !info.has_retry_delay()) {
    return std::nullopt;
  }
  const absl::Duration delay =
      absl::Seconds(info.retry_delay().seconds()) + absl::Nanoseconds(info.retry_delay().nanos());
  return delay < absl::ZeroDuration() ? absl::ZeroDuration() : delay;
}

}  // namespace suppressd
