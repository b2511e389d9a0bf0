// The address normaliser norm-v1: every spelling of a mailbox to one canonical form.
//
//   absl::StatusOr<Address> address = NormaliseAddress("<John.Doe@EXAMPLE.com.>");
//   // address->local_part == "john.doe", address->domain == "example.com"
//
// Rules: trim white space; strip one pair of angle brackets; split at the last "@" outside quotes; domain to lower-case
// A-labels (UTS-46 non-transitional, libidn2), no trailing dot, address literals kept in lower case; local part to NFC
// and case-folded (libunistring), needless quotes removed (RFC 5321 section 4.1.2 Quoted-string); no dot or plus
// stripping. Idempotent: normalising a normalised address gives the same. The function is frozen: stored keys depend
// on it. Pure and thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace suppressd {

// Longest input taken, in bytes.
inline constexpr size_t kAddressInputMaxBytes = 1024;
// RFC 5321 section 4.5.3.1: limits of the normalised form, in bytes.
inline constexpr size_t kAddressMaxBytes = 254;
inline constexpr size_t kLocalPartMaxBytes = 64;

// A normalised address. An empty local part stands for the whole domain.
struct Address {
  std::string local_part;
  std::string domain;

  // "local@domain", or "@domain" for a whole domain.
  std::string ToString() const;
};

// Normalises a mailbox. INVALID_ARGUMENT (INVALID_ADDRESS) with a message that says what is wrong without repeating the
// address.
absl::StatusOr<Address> NormaliseAddress(absl::string_view input);

// Normalises a domain name alone; the result has an empty local part. INVALID_ARGUMENT (INVALID_DOMAIN).
absl::StatusOr<Address> NormaliseDomain(absl::string_view input);

}  // namespace suppressd
