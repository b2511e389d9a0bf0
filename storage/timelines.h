// What tells a restored backup from the data it replaces.
//
// A backup has the lineage of its source, and after it was restored the same revisions are given out again, for other
// changes. So every run of a program that writes a store, or tells a
// state of it to a copy, begins a timeline: a random number, and the first revision that the run may give out. A copy
// that knows at which state it is, and which timeline told it so, shares the store's history if the store had that
// timeline too and ended it no earlier. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace suppressd {

// So many are kept: a copy that missed more runs takes a new snapshot.
inline constexpr size_t kTimelinesMax = 256;

class Timelines {
 public:
  // Reads what Encode gave. False when it is garbled.
  bool Decode(absl::string_view bytes);
  std::string Encode() const;

  // A run begins that may give out revisions from `first` on; not less than that of the run before. `id` is not zero.
  void Begin(uint64_t id, uint64_t first);
  // The newest; zero: there is none.
  uint64_t current() const { return runs_.empty() ? 0 : runs_.back().id; }
  // Whether the state of this revision, as that run told it, is one that this store had too; `head` is its newest.
  bool Share(uint64_t id, uint64_t revision, uint64_t head) const;

 private:
  struct Run {
    uint64_t id;
    uint64_t first;
  };
  std::vector<Run> runs_;  // in the order of time
};

}  // namespace suppressd
