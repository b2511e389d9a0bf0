// The channel that ClientOptions describe.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "common/secure_channel.h"
#include "suppressd/options.h"

namespace suppressd::client_internal {

// Opens a channel that connects at the first call. `options` must come from ResolveOptions(). Reads the files of
// certificates, key and token: NOT_FOUND when one cannot be read, FAILED_PRECONDITION when it holds something else.
// Keepalive 30 s, answers up to 16 MiB, gRPC's own retries off.
absl::StatusOr<std::unique_ptr<SecureChannel>> MakeChannel(const ClientOptions& options);

}  // namespace suppressd::client_internal
