// Bearer tokens that are kept as digests: a file of names, and of what the tokens hash to. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace suppressd {

inline constexpr size_t kTokenFileBytesMax = 1 << 20;
inline constexpr size_t kTokensMax = 10'000;
// Longest bearer token, in bytes, of either kind.
inline constexpr size_t kBearerBytesMax = 8 << 10;

// SHA-256.
using TokenDigest = std::array<uint8_t, 32>;
TokenDigest DigestOf(absl::string_view token);

// Immutable.
class TokenTable {
 public:
  // Reads lines of the form `NAME SHA256_IN_HEX [expires=RFC3339]`; empty lines and lines that begin with # are passed
  // over. `name` stands in errors, "NAME:LINE: what". INVALID_ARGUMENT.
  static absl::StatusOr<TokenTable> Parse(absl::string_view name, absl::string_view text);

  struct Token {
    std::string name;
    absl::Time expires = absl::InfiniteFuture();
  };
  // Null: no token hashes to this. The digest is looked up as in any map: how long that takes tells something of
  // digests only, and whoever could choose a token's digest could choose its token.
  const Token* Find(const TokenDigest& digest) const {
    const auto found = tokens_.find(digest);
    return found == tokens_.end() ? nullptr : &found->second;
  }
  size_t size() const { return tokens_.size(); }

 private:
  std::map<TokenDigest, Token> tokens_;
};

}  // namespace suppressd
