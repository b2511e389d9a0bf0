// The file that tells where the server listens.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace suppressd {

// Writes the addresses, one a line, in one step: a reader never sees a part. Replaces a regular file or nothing.
// FAILED_PRECONDITION when anything else stands at `path` (a directory, device, socket, pipe or link), which is left as
// it is, or when the file cannot be written. "PATH.tmp" is used on the way, by the same rule.
absl::Status WritePortFile(const std::string& path, const std::vector<std::string>& addresses);

}  // namespace suppressd
