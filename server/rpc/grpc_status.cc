#include "server/rpc/grpc_status.h"

#include <string>

#include "absl/strings/cord.h"
#include "absl/types/optional.h"
#include "common/counters.h"
#include "common/error.h"
#include "server/base/log.h"
#include "suppressd/internal/v1/rpc_status.pb.h"

namespace suppressd {
namespace {

// Unless the status says otherwise.
constexpr absl::Duration kRetryAfter = absl::Milliseconds(200);
// Storage recovers no sooner than after a quiet time of some seconds.
constexpr absl::Duration kRetryStorageAfter = absl::Seconds(1);

std::string RetryAfter(absl::Duration delay) {
  internal::v1::RetryInfo retry;
  const int64_t millis = absl::ToInt64Milliseconds(delay);
  retry.mutable_retry_delay()->set_seconds(millis / 1000);
  retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(millis % 1000) * 1'000'000);
  return retry.SerializeAsString();
}

using ReasonCounters = Counters<v1::ErrorReason_ARRAYSIZE>;
ReasonCounters& Told() {
  static ReasonCounters& told = *new ReasonCounters;
  return told;
}

}  // namespace

int64_t ErrorsTold(v1::ErrorReason reason) {
  return Told().Get(reason);
}

absl::Status WithQuotaFailure(absl::Status status, const std::string& subject, const std::string& allows) {
  internal::v1::QuotaFailure failure;
  failure.add_violations()->set_subject(subject);
  failure.mutable_violations(0)->set_description(allows);
  status.SetPayload(kQuotaFailureTypeUrl, absl::Cord(failure.SerializeAsString()));
  return status;
}

absl::Status WithRetryAfter(absl::Status status, absl::Duration delay) {
  status.SetPayload(kRetryInfoTypeUrl, absl::Cord(RetryAfter(delay)));
  return status;
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const v1::ErrorReason reason = ReasonOf(status);
  if (!HasErrorInfo(status)) {
    return ToGrpcStatus(MakeError(absl::StatusCode::kInternal, v1::INTERNAL_ERROR, "internal error"));
  }
  if (status.code() == absl::StatusCode::kInternal) {
    LogError("internal_error", {{"error", std::string(status.message())}});
  }
  Told().Add(reason);
  internal::v1::RpcStatus rpc;
  rpc.set_code(static_cast<int>(status.code()));
  rpc.set_message(std::string(status.message()));
  google::protobuf::Any* info = rpc.add_details();
  info->set_type_url(kErrorInfoTypeUrl);
  info->set_value(std::string(*status.GetPayload(kErrorInfoTypeUrl)));
  if (const absl::optional<absl::Cord> quota = status.GetPayload(kQuotaFailureTypeUrl)) {
    google::protobuf::Any* detail = rpc.add_details();
    detail->set_type_url(kQuotaFailureTypeUrl);
    detail->set_value(std::string(*quota));
  }
  const absl::optional<absl::Cord> retry = status.GetPayload(kRetryInfoTypeUrl);
  const bool is_storage = reason == v1::STORAGE_UNAVAILABLE;
  if (retry.has_value() || is_storage || reason == v1::OVERLOADED || reason == v1::SHUTTING_DOWN) {
    google::protobuf::Any* detail = rpc.add_details();
    detail->set_type_url(kRetryInfoTypeUrl);
    detail->set_value(retry.has_value() ? std::string(*retry)
                                        : RetryAfter(is_storage ? kRetryStorageAfter : kRetryAfter));
  }
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), rpc.message(), rpc.SerializeAsString());
}

bool HasErrorInfo(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kErrorInfoTypeUrl);
  internal::v1::ErrorInfo info;
  return payload.has_value() && info.ParseFromString(std::string(*payload)) && info.domain() == kErrorDomain;
}

}  // namespace suppressd
