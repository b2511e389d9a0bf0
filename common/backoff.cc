#include "common/backoff.h"

#include <algorithm>
#include <cmath>

namespace suppressd {

absl::Duration FullJitter(absl::Duration initial, absl::Duration max, int failures, double random) {
  constexpr int kDoublingsMax = 40;  // every bound is above any max by then
  return std::min(max, initial * std::ldexp(1.0, std::clamp(failures - 1, 0, kDoublingsMax))) * random;
}

}  // namespace suppressd
