// Bytes of unknown encoding to text.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace suppressd {

// The bytes as they are when they are valid UTF-8, else read as Windows-1252 (a superset of printable Latin-1; the
// five bytes without a meaning become the control characters of their number). Always valid UTF-8, at most three times
// as long. Pure and thread-safe.
std::string DecodeText(absl::string_view bytes);

bool IsValidUtf8(absl::string_view text);

// The text with "?" for every byte that makes it invalid UTF-8. Pure and thread-safe.
std::string ReplaceInvalidUtf8(absl::string_view text);

}  // namespace suppressd
