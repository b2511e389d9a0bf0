// Counters that many threads count in at once, and that are summed when somebody asks.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace suppressd {

// Which part of a counter this thread counts in. More threads than parts share them.
inline constexpr int kCounterParts = 8;
inline int CounterPart() {
  static std::atomic<unsigned> threads{0};
  thread_local const int part = static_cast<int>(threads.fetch_add(1, std::memory_order_relaxed) % kCounterParts);
  return part;
}

// N numbers that go up together. Thread-safe.
template <int N>
class Counters {
 public:
  void Add(int index, int64_t amount = 1) {
    parts_[CounterPart()].numbers[index].fetch_add(amount, std::memory_order_relaxed);
  }
  int64_t Get(int index) const {
    int64_t sum = 0;
    for (const Part& part : parts_) sum += part.numbers[index].load(std::memory_order_relaxed);
    return sum;
  }

 private:
  struct alignas(64) Part {
    std::array<std::atomic<int64_t>, N> numbers{};
  };
  std::array<Part, kCounterParts> parts_;
};

}  // namespace suppressd
