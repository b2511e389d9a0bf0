// Addresses to listen on: "HOST:PORT" and "unix:PATH".
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace suppressd {

struct ListenAddress {
  // As gRPC wants it.
  std::string text;
  // The path of a Unix socket; empty for TCP.
  std::string socket_path;
  // Reachable from this machine only.
  bool local = false;
};

// Reads an address. INVALID_ARGUMENT when it is neither form: the port must be 0 to 65535 (0: any free one), a path at
// most 107 bytes.
absl::StatusOr<ListenAddress> ParseListenAddress(const std::string& text);

// Makes way for a Unix socket: removes a stale one, after nobody answered on it. FAILED_PRECONDITION when somebody does
// or the path is no socket.
absl::Status ClearSocket(const std::string& path);

// The number of a group: of that name on this machine, or the number itself, which need not have a name.
// INVALID_ARGUMENT when it is neither.
absl::StatusOr<gid_t> FindGroup(const std::string& group);

// Sets owner group (as FindGroup reads it) and mode of a bound socket. `group` empty: unchanged.
absl::Status SetSocketAccess(const std::string& path, int mode, const std::string& group);

}  // namespace suppressd
