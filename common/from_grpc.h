// Back from gRPC: grpc::Status with grpc-status-details-bin to absl::Status with its payloads.
#pragma once

#include <grpcpp/support/status.h>

#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace suppressd {

// The same code and message. ErrorInfo and RetryInfo become payloads under their type URLs; details that do not parse
// are dropped. A code outside the canonical ones is UNKNOWN. OK gives OK. Pure and thread-safe.
absl::Status FromGrpc(const grpc::Status& status);

// The least wait the server asks for before the next try; nothing when it asks for none. Never negative.
std::optional<absl::Duration> RetryDelay(const absl::Status& status);

}  // namespace suppressd
