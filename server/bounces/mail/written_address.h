// Addresses in running text: what a pattern found there, made whole or refused.
#pragma once

#include <re2/re2.h>

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace suppressd {

inline re2::StringPiece Piece(absl::string_view text) {
  return {text.data(), text.size()};
}

// The address that a pattern of notice_patterns found in a text, without brackets, quotes, labels and full stops around
// it. Empty: it is the piece of a longer one, which would be somebody else's, or no address.
std::string WrittenAddress(absl::string_view text, const re2::StringPiece& found);

// The addresses in a text, in order, each once; at most `addresses_max`.
std::vector<std::string> AddressesIn(absl::string_view text, size_t addresses_max);
// At most kMailRecipientsMax.
std::vector<std::string> AddressesIn(absl::string_view text);

// Whether a list has an address, whatever the letter case.
bool Contains(const std::vector<std::string>& addresses, absl::string_view address);

// Whether an address is a mail system's, or that of those who run it.
bool IsSystemName(absl::string_view address);

}  // namespace suppressd
