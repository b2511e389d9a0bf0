// Files that are read whole.
#pragma once

#include <istream>
#include <string>

#include "absl/status/statusor.h"

namespace suppressd::suppressctl {

// All of a file. NOT_FOUND: it cannot be read. INVALID_ARGUMENT: it is larger than 1 MiB.
absl::StatusOr<std::string> ReadAll(const std::string& path);

// The same, but "-" is the rest of `standard_input`.
absl::StatusOr<std::string> ReadAll(const std::string& path, std::istream& standard_input);

}  // namespace suppressd::suppressctl
