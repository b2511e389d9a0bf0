// Small text files that tell what a directory holds: written in one step, so that a crash leaves the old or the new
// content and never a part. Thread-safe, but for two writers of one file.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace suppressd {

// Longest content that is read.
inline constexpr size_t kSmallFileBytesMax = 16'384;

// Writes DIRECTORY/NAME durably, by way of DIRECTORY/NAME.tmp. The matching code when the system refuses.
absl::Status WriteSmallFile(const std::string& directory, const std::string& name, const std::string& content);

// The content of a small file; nothing when there is none. Only ENOENT means that: a file that cannot be read is an
// error. What is longer is cut.
absl::StatusOr<std::optional<std::string>> ReadSmallFile(const std::string& path);

// The same for content whose loss in part would go unseen: a last line of the file holds checksum and length.
absl::Status WriteCheckedFile(const std::string& directory, const std::string& name, const std::string& content);
// The content without that line; nothing when there is no file. DATA_LOSS (the message tells how) when the file is cut,
// zeroed or altered.
absl::StatusOr<std::optional<std::string>> ReadCheckedFile(const std::string& path);

}  // namespace suppressd
