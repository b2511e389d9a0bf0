#include "server/base/free_memory.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace suppressd {
namespace {

int64_t ResidentBytes() {
  int64_t all = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

}  // namespace

FreeMemory::FreeMemory() : FreeMemory(ResidentBytes, [] { malloc_trim(0); }) {}

void FreeMemory::Tick() {
  const int64_t resident = resident_();
  if (resident > kept_ + kBurstBytes) {
    ticks_left_ = kLookEverySeconds * kLooks;
    kept_ = resident;
  }
  kept_ = std::min(kept_, resident);
  if (ticks_left_ == 0 || --ticks_left_ % kLookEverySeconds != 0) return;
  give_back_();
  kept_ = resident_();
}

}  // namespace suppressd
