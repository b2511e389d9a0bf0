// The one place where errors become gRPC's: the status code, and google.rpc.Status in the details.
#pragma once

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace suppression {

// Keeps code, message and ErrorInfo. An error without a reason gets INTERNAL_ERROR and a message that tells nothing.
// OVERLOADED and SHUTTING_DOWN get RetryInfo. Errors of ours (INTERNAL) are logged.
grpc::Status ToGrpcStatus(const absl::Status& status);

}  // namespace suppression
