// Small text files that tell what a directory holds: written in one step, so that a crash leaves the old or the new
// content and never a part. Thread-safe, but for two writers of one file.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace suppression {

// Longest content that is read.
inline constexpr size_t kSmallFileOctetsMax = 16'384;

// Writes DIRECTORY/NAME durably, by way of DIRECTORY/NAME.tmp. The matching code when the system refuses.
absl::Status WriteSmallFile(const std::string& directory, const std::string& name, const std::string& content);

// The content of a small file; nothing when there is none. Only ENOENT means that: a file that cannot be read is an
// error. What is longer is cut.
absl::StatusOr<std::optional<std::string>> ReadSmallFile(const std::string& path);

}  // namespace suppression
