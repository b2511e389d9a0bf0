// What addresses are searched for, brought into the form that they are kept in. Pure.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace suppressd {

// Shortest text that addresses may be asked to hold, in bytes: a shorter one is in most of them.
inline constexpr size_t kSearchBytesMin = 3;

// The beginning of an address, or a part of one, as normalised addresses have it: folded before the last "@" (all of
// it, where there is none), a domain behind it in lower case and as A-labels, as far as it is there. INVALID_ARGUMENT
// (FIELD_TOO_LONG, INVALID_FIELD) names `field`. Empty stays empty.
absl::StatusOr<std::string> SearchText(const std::string& text, absl::string_view field);

}  // namespace suppressd
