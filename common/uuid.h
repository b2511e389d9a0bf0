// Random identifiers.
#pragma once

#include <string>

namespace suppressd {

// A random UUID (RFC 4122 version 4), lower case, from the system's random device. Thread-safe.
std::string NewUuid();

}  // namespace suppressd
