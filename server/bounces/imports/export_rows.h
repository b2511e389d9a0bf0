// Our own lossless export: JSON lines, one entry each, between a head and a proof.
#pragma once

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "server/bounces/imports/list_file.h"
#include "server/bounces/imports/list_input.h"

namespace suppressd {

// Longest line of it, in bytes: an entry comes with up to 50 events and 64 causes.
inline constexpr size_t kListEntryBytesMax = 16 << 20;

// Whether a file begins as an export does. Pure and thread-safe.
bool IsExport(absl::string_view beginning);

// Each entry is a row with `entry` set. A file without the proof, or with another number of entries than it says, ends
// with `why`. INVALID_ARGUMENT: the head is of a version that is not known.
absl::StatusOr<std::unique_ptr<ListFile>> OpenExport(std::unique_ptr<ListInput> input);

}  // namespace suppressd
