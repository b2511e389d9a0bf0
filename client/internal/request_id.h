// Idempotency keys.
#pragma once

#include <string>

namespace suppression::client_internal {

// A random UUID (RFC 4122 version 4), lower case, from the system's random device. Thread-safe.
std::string NewRequestId();

}  // namespace suppression::client_internal
