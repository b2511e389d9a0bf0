// FNV-1a, 64 bit: tells texts apart (versions of a file, ids), the same in every version; resists nothing.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace suppressd {

inline uint64_t Fnv1a(absl::string_view text) {
  uint64_t hash = 0xCBF29CE484222325;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3;
  return hash;
}

}  // namespace suppressd
