// A gRPC channel as ClientOptions describe it.
#pragma once

#include <grpcpp/channel.h>

#include <memory>

#include "absl/status/statusor.h"
#include "suppressd/options.h"

namespace suppressd::client_internal {

// Opens a channel that connects at the first call. `options` must come from ResolveOptions(). Reads the
// PEM files: NOT_FOUND when one cannot be read, FAILED_PRECONDITION when it is not PEM or over 1 MiB.
// Keepalive 30 s, answers up to 16 MiB, gRPC's own retries off.
absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const ClientOptions& options);

}  // namespace suppressd::client_internal
