#include "server/access/token_table.h"

#include <openssl/sha.h>

#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace suppressd {
namespace {

constexpr absl::string_view kForm = "wanted: NAME SHA256_IN_HEX [expires=RFC3339]";

absl::Status Bad(absl::string_view name, int line, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(name, ":", line, ": ", what));
}

std::optional<TokenDigest> ReadDigest(absl::string_view hex) {
  TokenDigest digest;
  if (hex.size() != 2 * digest.size()) return std::nullopt;
  for (const char c : hex) {
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) return std::nullopt;
  }
  const std::string bytes = absl::HexStringToBytes(hex);
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

// What stands on one line; an error says what is wrong with it.
absl::StatusOr<std::pair<TokenDigest, TokenTable::Token>> ReadLine(absl::string_view line) {
  const std::vector<absl::string_view> parts = absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  if (parts.size() < 2 || parts.size() > 3) return absl::InvalidArgumentError(kForm);
  const std::optional<TokenDigest> digest = ReadDigest(parts[1]);
  if (!digest.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the second word is no SHA-256: 64 hexadecimal digits, never the token itself; ", kForm));
  }
  TokenTable::Token token{std::string(parts[0])};
  if (parts.size() == 2) return std::pair(*digest, token);
  absl::string_view expires = parts[2];
  std::string error;
  if (!absl::ConsumePrefix(&expires, "expires=") ||
      !absl::ParseTime(absl::RFC3339_full, expires, &token.expires, &error)) {
    return absl::InvalidArgumentError(absl::StrCat("the third word is no expiry; ", kForm));
  }
  return std::pair(*digest, token);
}

}  // namespace

TokenDigest DigestOf(absl::string_view token) {
  TokenDigest digest;
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), digest.data());
  return digest;
}

absl::StatusOr<TokenTable> TokenTable::Parse(absl::string_view name, absl::string_view text) {
  if (text.size() > kTokenFileBytesMax) return Bad(name, 1, "the file is larger than 1 MiB");
  TokenTable table;
  std::set<std::string> names;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line.front() == '#') continue;
    absl::StatusOr<std::pair<TokenDigest, Token>> read = ReadLine(line);
    if (!read.ok()) return Bad(name, number, read.status().message());
    if (table.tokens_.size() >= kTokensMax) return Bad(name, number, "more than 10,000 tokens");
    if (!names.insert(read->second.name).second) {
      return Bad(name, number, absl::StrCat("a second token is named \"", read->second.name, "\""));
    }
    if (!table.tokens_.insert(*std::move(read)).second)
      return Bad(name, number, "the same token has another name above");
  }
  return table;
}

}  // namespace suppressd
