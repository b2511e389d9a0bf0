// Normalising is idempotent and keeps its limits, whatever comes in.
#include <cstddef>
#include <cstdint>

#include "server/bounces/rules/address.h"
#include "tests/fuzz/check.h"

using suppressd::Address;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<Address> once = suppressd::NormaliseAddress(input);
  if (once.ok()) {
    FUZZ_CHECK(!once->local_part.empty() && once->local_part.size() <= suppressd::kLocalPartMaxBytes);
    FUZZ_CHECK(!once->domain.empty() && once->ToString().size() <= suppressd::kAddressMaxBytes);
    const absl::StatusOr<Address> twice = suppressd::NormaliseAddress(once->ToString());
    FUZZ_CHECK(twice.ok());
    FUZZ_CHECK(twice->local_part == once->local_part && twice->domain == once->domain);
  }
  const absl::StatusOr<Address> domain = suppressd::NormaliseDomain(input);
  if (domain.ok()) {
    FUZZ_CHECK(domain->local_part.empty() && domain->domain.find('\0') == std::string::npos);
    const absl::StatusOr<Address> again = suppressd::NormaliseDomain(domain->domain);
    FUZZ_CHECK(again.ok() && again->domain == domain->domain);
  }
  return 0;
}
