// Gives memory back to the system after a burst: the allocator keeps what was freed for the next one, for good.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

namespace suppressd {

// Growth of the process that is taken for a burst.
inline constexpr int64_t kBurstBytes = int64_t{64} << 20;
// Looks after a burst for what was freed, this often, and this many times: calls that were cut end over a while.
inline constexpr int kLookEverySeconds = 2;
inline constexpr int kLooks = 15;

// Called once a second. Not thread-safe.
class FreeMemory {
 public:
  // `resident` gives the memory of the process in bytes; `give_back` returns what is free to the system.
  FreeMemory(std::function<int64_t()> resident, std::function<void()> give_back)
      : resident_(std::move(resident)), give_back_(std::move(give_back)), kept_(resident_()) {}
  // Of this process.
  FreeMemory();

  void Tick();

 private:
  const std::function<int64_t()> resident_;
  const std::function<void()> give_back_;
  int64_t kept_;  // resident after the last time, or less
  int ticks_left_ = 0;
};

}  // namespace suppressd
