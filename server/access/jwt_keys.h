// JSON Web Tokens (RFC 7519), verified with the keys of a JSON Web Key Set (RFC 7517).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/access/access_file.h"

namespace suppressd {

inline constexpr size_t kJwksBytesMax = 1 << 20;
inline constexpr size_t kJwksKeysMax = 100;
// Smallest RSA key, in bits (RFC 7518, section 3.3).
inline constexpr size_t kRsaBitsMin = 2048;
// How far the clock of who made a token may be from ours.
inline constexpr absl::Duration kJwtLeeway = absl::Seconds(60);

// Who must have made a token, and for whom.
struct JwtExpectations {
  std::string issuer;
  std::string audience;
};

// The keys of one set. Immutable, thread-safe.
class JwtKeys {
 public:
  // RSA keys verify RS256, EC keys on P-256 verify ES256; keys of other types, uses or algorithms are passed over (of
  // the library, cjose 0.6 knows no EdDSA). `name` stands in errors. INVALID_ARGUMENT: no JSON, no key that can be
  // used, two keys of one kid.
  static absl::StatusOr<JwtKeys> Parse(absl::string_view name, absl::string_view text);

  struct Verified {
    Claims claims;       // those that are text
    absl::Time expires;  // leeway included
  };
  // Verifies a token at a time. The error says what is wrong with it, and nothing of what it holds. INVALID_ARGUMENT.
  absl::StatusOr<Verified> Verify(const std::string& token, const JwtExpectations& expected, absl::Time now) const;

  size_t size() const { return keys_.size(); }

 private:
  struct Key;

  // The key for a header; null: none.
  const Key* Find(const std::string& algorithm, const std::string* kid) const;

  std::vector<std::shared_ptr<const Key>> keys_;
};

}  // namespace suppressd
