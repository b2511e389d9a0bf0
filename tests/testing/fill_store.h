// Fills a store with many entries, fast.
#pragma once

#include <string>
#include <vector>

#include "storage/store.h"
#include "tests/testing/apply.h"
#include "tests/testing/commands.h"

namespace suppressd {

inline constexpr int64_t kFilledDomains = 9973;

// The address of entry `i`.
inline std::string FilledAddress(int64_t i) {
  return "user" + std::to_string(i) + "@d" + std::to_string(i % kFilledDomains) + ".example.com";
}

// Applies hard bounces for entries [begin, end).
inline absl::Status FillStore(Store* store, int64_t begin, int64_t end) {
  std::vector<stored::Command> commands;
  for (int64_t i = begin; i < end; ++i) {
    commands.push_back(HardBounce(FilledAddress(i), Day(-30, i)));
    if (commands.size() < 4096 && i + 1 < end) continue;
    auto results = ApplyTo(*store, commands);
    if (!results.ok()) return results.status();
    commands.clear();
  }
  return absl::OkStatus();
}

}  // namespace suppressd
