// Names for what must not be taken for another: lineages, timelines, writers.
#pragma once

#include <cstdint>
#include <random>

namespace suppressd {

// A random number that is not zero.
inline uint64_t RandomNumber() {
  std::random_device random;
  return (static_cast<uint64_t>(random()) << 32 | random()) | 1;
}

}  // namespace suppressd
