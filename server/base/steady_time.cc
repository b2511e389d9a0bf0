#include "server/base/steady_time.h"

#include <ctime>
#include <fstream>

namespace suppressd {

SteadyTime SteadyNow() {
  timespec now = {};
  clock_gettime(CLOCK_BOOTTIME, &now);  // fails for no clock that Linux has
  return {absl::Seconds(now.tv_sec) + absl::Nanoseconds(now.tv_nsec)};
}

std::string BootId() {
  std::string id;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
  return id;
}

}  // namespace suppressd
