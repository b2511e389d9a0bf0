#include "server/bounces/mail/written_address.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "server/bounces/mail/delivery_status.h"
#include "server/bounces/mail/notice_patterns.h"
#include "server/bounces/rules/address.h"

namespace suppressd {
namespace {

bool EndsWithAny(absl::string_view text, absl::string_view characters) {
  return !text.empty() && absl::StrContains(characters, text.substr(text.size() - 1));
}

absl::string_view WithoutLabel(absl::string_view address) {
  for (const absl::string_view label : {"smtp=", "to=", "rfc822="}) {
    if (absl::StartsWithIgnoreCase(address, label)) address.remove_prefix(label.size());
  }
  return address;
}

std::string CleanAddress(absl::string_view address) {
  address = WithoutLabel(address);
  while (EndsWithAny(address, ".,;:!?'`*")) address.remove_suffix(1);
  while (!address.empty() && absl::StrContains("'`*.-", address.substr(0, 1))) address.remove_prefix(1);
  return std::string(address);
}

bool IsAtext(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::StrContains("!#$%&*+/=?^_`{|}~.-", absl::string_view(&c, 1));
}

// Whether what was found is not the tail or the head of a longer address.
bool IsWhole(absl::string_view text, const re2::StringPiece& found) {
  const absl::string_view before = text.substr(0, found.data() - text.data());
  const absl::string_view after = text.substr(before.size() + found.size());
  // Letters with accents take two bytes in UTF-8; scripts that are written without spaces take three.
  const auto accented = [](char c) {
    return static_cast<unsigned char>(c) >= 0xC2 && static_cast<unsigned char>(c) < 0xE0;
  };
  if (!after.empty() && accented(after[0])) return false;
  const bool quoted = absl::EndsWith(before, "'") || absl::EndsWith(before, "\"");
  // Of "user'jo@x'" nobody knows where the address begins.
  if (absl::StartsWith(after, "'") && !quoted &&
      absl::StrContains(absl::string_view(found.data(), found.size()), '\'')) {
    return false;
  }
  if (before.empty()) return true;
  if (before.size() > 1 && accented(before[before.size() - 2])) return false;
  if (absl::EndsWith(before, "\xE2\x80\x98") || absl::EndsWith(before, "\xE2\x80\x99")) {  // typographic apostrophes
    return before.size() == 3 || absl::ascii_isspace(static_cast<unsigned char>(before[before.size() - 4]));
  }
  if (quoted) return before.size() == 1 || !IsAtext(before[before.size() - 2]);
  return !IsAtext(before.back()) || before.back() == '=' || before.back() == '*' || before.back() == '-';
}

// What stands within the brackets that open right before what was found; empty: it is no address.
std::string Bracketed(absl::string_view text, const re2::StringPiece& found) {
  const size_t begin = found.data() - text.data();
  if (begin == 0 || text[begin - 1] != '<') return "";
  const size_t end = text.substr(begin, kAddressInputMaxBytes).find('>');
  if (end == absl::string_view::npos) return "";
  const absl::string_view address = text.substr(begin, end);
  return NormaliseAddress(address).ok() ? std::string(address) : "";
}

}  // namespace

std::string WrittenAddress(absl::string_view text, const re2::StringPiece& found) {
  absl::string_view address(found.data(), found.size());
  if (absl::ConsumePrefix(&address, "<")) {
    absl::ConsumeSuffix(&address, ">");
    address = WithoutLabel(address);
    while (EndsWithAny(address, ".,;:!?'`*")) address.remove_suffix(1);
    return NormaliseAddress(address).ok() ? std::string(address) : "";
  }
  return IsWhole(text, found) ? CleanAddress(address) : Bracketed(text, found);
}

std::vector<std::string> AddressesIn(absl::string_view text, size_t addresses_max) {
  std::vector<std::string> addresses;
  re2::StringPiece rest = Piece(text);
  re2::StringPiece found;
  while (addresses.size() < addresses_max && RE2::FindAndConsume(&rest, AddressPattern(), &found)) {
    std::string address = WrittenAddress(text, found);
    const bool whole = !address.empty() && !absl::EndsWith(address, "@");
    if (whole && !Contains(addresses, address)) addresses.push_back(std::move(address));
  }
  return addresses;
}

std::vector<std::string> AddressesIn(absl::string_view text) {
  return AddressesIn(text, kMailRecipientsMax);
}

bool Contains(const std::vector<std::string>& addresses, absl::string_view address) {
  return std::any_of(addresses.begin(), addresses.end(),
                     [&](const std::string& one) { return absl::EqualsIgnoreCase(one, address); });
}

bool IsSystemName(absl::string_view address) {
  static constexpr absl::string_view kNames[] = {"mailer-daemon", "postmaster", "abuse", "no-reply", "noreply"};
  const absl::string_view local = address.substr(0, address.find('@'));
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [&](absl::string_view name) { return absl::EqualsIgnoreCase(local, name); });
}

}  // namespace suppressd
