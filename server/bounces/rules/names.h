// Names of lists (tenants) and of streams.
#pragma once

#include <algorithm>

#include "absl/strings/string_view.h"

namespace suppressd {

// 1 to 63 of a-z 0-9 . _ - that begin with a letter or digit. Pure.
inline bool IsName(absl::string_view name) {
  const auto is_alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= 63 && is_alphanumeric(name[0]) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

}  // namespace suppressd
