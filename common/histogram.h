// How often something took how long.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "absl/time/time.h"
#include "common/counters.h"

namespace suppressd {

// Upper bounds of what is counted together, in seconds; beyond the last one there is one more.
inline constexpr std::array<double, 15> kLatencyBounds = {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                                          0.025,   0.05,   0.1,     0.25,   1,     2.5,    10};

// Thread-safe.
class LatencyHistogram {
 public:
  static constexpr int kBuckets = static_cast<int>(kLatencyBounds.size()) + 1;

  void Record(absl::Duration took) {
    const double seconds = absl::ToDoubleSeconds(took);
    const auto bound = std::lower_bound(kLatencyBounds.begin(), kLatencyBounds.end(), seconds);
    counts_.Add(static_cast<int>(bound - kLatencyBounds.begin()));
    counts_.Add(kBuckets, absl::ToInt64Nanoseconds(took));
  }
  int64_t Count(int bucket) const { return counts_.Get(bucket); }
  double SumSeconds() const { return static_cast<double>(counts_.Get(kBuckets)) / 1e9; }

 private:
  Counters<kBuckets + 1> counts_;  // the last one: nanoseconds in all
};

}  // namespace suppressd
