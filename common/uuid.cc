#include "common/uuid.h"

#include <cstdint>
#include <random>

#include "absl/strings/str_format.h"

namespace suppressd {

std::string NewUuid() {
  std::random_device random;
  const auto high = (uint64_t{random()} << 32) | random();
  const auto low = (uint64_t{random()} << 32) | random();
  return absl::StrFormat("%08x-%04x-4%03x-%04x-%012x", high >> 32, (high >> 16) & 0xffff, high & 0xfff,
                         0x8000 | ((low >> 48) & 0x3fff), low & 0xffffffffffff);
}

}  // namespace suppressd
