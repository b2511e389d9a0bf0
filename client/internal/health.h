// Asks a server how it is, through grpc.health.v1.Health.
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace suppressd::client_internal {

// "SERVING", "NOT_SERVING", "UNKNOWN", or "SERVICE_UNKNOWN" when the server does not know `service`.
// Empty service: the server as a whole. Errors are those of the call. Thread-safe; blocks at most `timeout`.
absl::StatusOr<std::string> CheckHealth(const std::shared_ptr<grpc::Channel>& channel, const std::string& service,
                                        absl::Duration timeout);

}  // namespace suppressd::client_internal
