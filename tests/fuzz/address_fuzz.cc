// Normalising is idempotent and keeps its limits, whatever comes in.
#include <cstddef>
#include <cstdint>

#include "server/rules/address.h"
#include "tests/fuzz/check.h"

using suppression::Address;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<Address> once = suppression::NormaliseAddress(input);
  if (once.ok()) {
    FUZZ_CHECK(!once->local_part.empty() && once->local_part.size() <= suppression::kLocalPartMaxOctets);
    FUZZ_CHECK(!once->domain.empty() && once->ToString().size() <= suppression::kAddressMaxOctets);
    const absl::StatusOr<Address> twice = suppression::NormaliseAddress(once->ToString());
    FUZZ_CHECK(twice.ok());
    FUZZ_CHECK(twice->local_part == once->local_part && twice->domain == once->domain);
  }
  const absl::StatusOr<Address> domain = suppression::NormaliseDomain(input);
  if (domain.ok()) {
    FUZZ_CHECK(domain->local_part.empty() && domain->domain.find('\0') == std::string::npos);
    const absl::StatusOr<Address> again = suppression::NormaliseDomain(domain->domain);
    FUZZ_CHECK(again.ok() && again->domain == domain->domain);
  }
  return 0;
}
