#include "server/grpc_status.h"

#include <string>

#include "absl/strings/cord.h"
#include "absl/types/optional.h"
#include "protos/error.h"
#include "server/log.h"
#include "suppression/internal/v1/rpc_status.pb.h"

namespace suppression {
namespace {

constexpr int kRetryDelayMillis = 200;

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const v1::ErrorReason reason = ReasonOf(status);
  if (reason == v1::ERROR_REASON_UNSPECIFIED) {
    return ToGrpcStatus(MakeError(absl::StatusCode::kInternal, v1::INTERNAL_ERROR, "internal error"));
  }
  if (status.code() == absl::StatusCode::kInternal) {
    LogError("internal_error", {{"error", std::string(status.message())}});
  }
  internal::v1::RpcStatus rpc;
  rpc.set_code(static_cast<int>(status.code()));
  rpc.set_message(std::string(status.message()));
  google::protobuf::Any* info = rpc.add_details();
  info->set_type_url(kErrorInfoTypeUrl);
  info->set_value(std::string(*status.GetPayload(kErrorInfoTypeUrl)));
  if (reason == v1::OVERLOADED || reason == v1::SHUTTING_DOWN) {
    internal::v1::RetryInfo retry;
    retry.mutable_retry_delay()->set_nanos(kRetryDelayMillis * 1'000'000);
    google::protobuf::Any* detail = rpc.add_details();
    detail->set_type_url(kRetryInfoTypeUrl);
    detail->set_value(retry.SerializeAsString());
  }
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), rpc.message(), rpc.SerializeAsString());
}

}  // namespace suppression
