#include "server/access/jwt_keys.h"

#include <cjose/cjose.h>
#include <jansson.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/access/token_table.h"

namespace suppressd {
namespace {

using nlohmann::json;

absl::Status Bad(absl::string_view what) {
  return absl::InvalidArgumentError(what);
}

json ReadJson(absl::string_view text) {
  return json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
}

// A member that is text; null: there is none.
const std::string* TextIn(const json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : found->get_ptr<const std::string*>();
}

// A time in seconds; nothing: the member is none. A time that no clock shows is as far as one can.
std::optional<absl::Time> SecondsIn(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  return absl::FromUnixSeconds(static_cast<int64_t>(std::clamp(found->get<double>(), 0.0, 1e11)));
}

bool IsFor(const json& claims, const std::string& audience) {
  const auto found = claims.find("aud");
  if (found == claims.end()) return false;
  if (found->is_string()) return *found == audience;
  return found->is_array() && std::find(found->begin(), found->end(), audience) != found->end();
}

struct Jws {
  explicit Jws(const std::string& token) : jws(cjose_jws_import(token.data(), token.size(), nullptr)) {}
  Jws(const Jws&) = delete;
  ~Jws() { cjose_jws_release(jws); }
  cjose_jws_t* const jws;
};

// The header of a token, as its text says; discarded when it is no token.
json HeaderOf(const Jws& token) {
  cjose_header_t* const header = cjose_jws_get_protected(token.jws);
  if (header == nullptr) return json(json::value_t::discarded);
  char* const raw = json_dumps(reinterpret_cast<json_t*>(header), 0);
  if (raw == nullptr) return json(json::value_t::discarded);
  json parsed = ReadJson(raw);
  free(raw);
  return parsed;
}

absl::Status CheckClaims(const json& claims, const JwtExpectations& expected, absl::Time now) {
  if (!claims.is_object()) return Bad("the token holds no claims");
  const std::string* const issuer = TextIn(claims, "iss");
  if (issuer == nullptr || *issuer != expected.issuer) return Bad("the token is of another issuer");
  if (!IsFor(claims, expected.audience)) return Bad("the token is for another audience");
  const std::optional<absl::Time> expires = SecondsIn(claims, "exp");
  if (!expires.has_value()) return Bad("the token has no expiry (exp)");
  if (now >= *expires + kJwtLeeway) return Bad("the token has expired");
  for (const char* name : {"nbf", "iat"}) {
    const std::optional<absl::Time> from = SecondsIn(claims, name);
    if (from.has_value() && now < *from - kJwtLeeway) return Bad("the token is not valid yet");
  }
  return absl::OkStatus();
}

}  // namespace

struct JwtKeys::Key {
  ~Key() { cjose_jwk_release(jwk); }
  std::string algorithm;  // the only one that it verifies
  std::optional<std::string> kid;
  cjose_jwk_t* jwk = nullptr;
};

absl::StatusOr<JwtKeys> JwtKeys::Parse(absl::string_view name, absl::string_view text) {
  const auto bad = [name](absl::string_view what) { return Bad(absl::StrCat(name, ": ", what)); };
  if (text.size() > kJwksBytesMax) return bad("the file is larger than 1 MiB");
  const json set = ReadJson(text);
  if (!set.is_object() || !set.contains("keys") || !set["keys"].is_array()) {
    return bad("is no JSON Web Key Set: wanted {\"keys\": [...]}");
  }
  if (set["keys"].size() > kJwksKeysMax) return bad("has more than 100 keys");
  JwtKeys keys;
  for (const json& one : set["keys"]) {
    if (!one.is_object()) return bad("has a key that is no JSON object");
    if (one.contains("d") || one.contains("k")) return bad("has a secret key; it must hold public keys only");
    const std::string* const type = TextIn(one, "kty");
    const std::string* const curve = TextIn(one, "crv");
    const std::string* const use = TextIn(one, "use");
    const std::string* const algorithm = TextIn(one, "alg");
    auto key = std::make_shared<Key>();
    if (type != nullptr && *type == "RSA") key->algorithm = CJOSE_HDR_ALG_RS256;
    if (type != nullptr && *type == "EC" && curve != nullptr && *curve == "P-256") key->algorithm = CJOSE_HDR_ALG_ES256;
    const bool is_used = !key->algorithm.empty() && (use == nullptr || *use == "sig") &&
                         (algorithm == nullptr || *algorithm == key->algorithm);
    if (!is_used) continue;
    const std::string dumped = one.dump();
    key->jwk = cjose_jwk_import(dumped.data(), dumped.size(), nullptr);
    if (key->jwk == nullptr) return bad("has a key that cannot be read");
    if (*type == "RSA" && cjose_jwk_get_keysize(key->jwk, nullptr) < kRsaBitsMin) {
      return bad("has an RSA key of less than 2048 bits");
    }
    if (const std::string* const kid = TextIn(one, "kid")) key->kid = *kid;
    for (const auto& other : keys.keys_) {
      if (other->kid == key->kid) return bad("has two keys of one kid, or two without");
    }
    keys.keys_.push_back(std::move(key));
  }
  if (keys.keys_.empty()) return bad("has no key that can be used: RSA (RS256) or EC on P-256 (ES256)");
  return keys;
}

const JwtKeys::Key* JwtKeys::Find(const std::string& algorithm, const std::string* kid) const {
  for (const auto& key : keys_) {
    const bool is_it = kid == nullptr ? keys_.size() == 1 : key->kid == *kid;
    if (is_it && key->algorithm == algorithm) return key.get();
  }
  return nullptr;
}

absl::StatusOr<JwtKeys::Verified> JwtKeys::Verify(const std::string& token, const JwtExpectations& expected,
                                                  absl::Time now) const {
  if (token.size() > kBearerBytesMax) return Bad("the token is longer than 8 KiB");
  const Jws parsed(token);
  if (parsed.jws == nullptr) return Bad("the bearer token is neither known nor a signed JSON Web Token");
  const json header = HeaderOf(parsed);
  const std::string* const algorithm = header.is_object() ? TextIn(header, "alg") : nullptr;
  if (algorithm == nullptr) return Bad("the token names no algorithm");
  if (*algorithm != CJOSE_HDR_ALG_RS256 && *algorithm != CJOSE_HDR_ALG_ES256) {
    return Bad("the token is signed by an algorithm other than RS256 and ES256, or not at all");
  }
  if (header.contains("crit")) return Bad("the token demands extensions (crit)");
  const Key* const key = Find(*algorithm, TextIn(header, "kid"));
  if (key == nullptr) return Bad("the token is signed by a key that is not in the key set (kid and alg)");
  if (!cjose_jws_verify(parsed.jws, key->jwk, nullptr)) return Bad("the signature of the token is wrong");
  uint8_t* text = nullptr;
  size_t bytes = 0;
  if (!cjose_jws_get_plaintext(parsed.jws, &text, &bytes, nullptr)) return Bad("the token holds no claims");
  const json claims = ReadJson(absl::string_view(reinterpret_cast<const char*>(text), bytes));
  if (absl::Status status = CheckClaims(claims, expected, now); !status.ok()) return status;
  Verified verified{.claims = {}, .expires = *SecondsIn(claims, "exp") + kJwtLeeway};
  for (const auto& [name, value] : claims.items()) {
    if (value.is_string()) verified.claims[name] = value.get<std::string>();
  }
  return verified;
}

}  // namespace suppressd
