// Entries as exports hold them: made from what is stored, and checked when they come back. Pure.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "storage/stored.h"

namespace suppressd {

// Longest text of a bounce event in an export, in bytes: longer than any that the service itself records.
inline constexpr size_t kExportedTextBytesMax = 64 << 10;

// The entry must be complete. `events`: oldest first.
v1::ExportedEntry ToExported(stored::StoredEntry entry, std::vector<v1::BounceEvent> events);

// OK, or what of an exported entry cannot be stored: INVALID_ARGUMENT (MISSING_FIELD, FIELD_TOO_LONG, INVALID_FIELD,
// UNKNOWN_ENUM_VALUE). The target is not looked at.
absl::Status CheckExported(const v1::ExportedEntry& entry);

}  // namespace suppressd
