#include "server/list/address_search.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "server/base/return_if_error.h"
#include "server/bounces/rules/address.h"
#include "server/rpc/field_checks.h"

namespace suppressd {
namespace {

// Makes a whole address of a part of one, to have it normalised.
constexpr absl::string_view kAnyDomain = "@example.com";
// May stand at the end of a local part where a dot may not.
constexpr absl::string_view kAnyLetter = "x";

bool IsAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return absl::ascii_isascii(c); });
}

std::string FoldLocalPart(absl::string_view text) {
  if (text.empty()) return "";
  absl::StatusOr<Address> whole = NormaliseAddress(absl::StrCat(text, kAnyDomain));
  if (whole.ok()) return whole->local_part;
  whole = NormaliseAddress(absl::StrCat(kAnyLetter, text, kAnyLetter, kAnyDomain));
  if (!whole.ok() || whole->local_part.size() < 2) return absl::AsciiStrToLower(text);
  return whole->local_part.substr(1, whole->local_part.size() - 2);
}

std::string FoldDomain(absl::string_view text) {
  if (IsAscii(text)) return absl::AsciiStrToLower(text);
  const absl::StatusOr<Address> whole = NormaliseDomain(text);
  return whole.ok() ? whole->domain : std::string(text);
}

}  // namespace

absl::StatusOr<std::string> SearchText(const std::string& text, absl::string_view field) {
  RETURN_IF_ERROR(CheckLength(text, kAddressMaxBytes, field));
  const size_t at = text.rfind('@');
  if (at == std::string::npos) return FoldLocalPart(text);
  return absl::StrCat(FoldLocalPart(absl::string_view(text).substr(0, at)), "@",
                      FoldDomain(absl::string_view(text).substr(at + 1)));
}

}  // namespace suppressd
