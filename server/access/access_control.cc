#include "server/access/access_control.h"

#include <sys/stat.h>

#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "common/tls_files.h"
#include "server/bounces/rules/yaml_reader.h"

namespace suppressd {
namespace {

absl::Status Required(absl::string_view what) {
  return MakeError(absl::StatusCode::kUnauthenticated, v1::IDENTITY_REQUIRED, what);
}
absl::Status Refused(absl::string_view what) {
  return MakeError(absl::StatusCode::kUnauthenticated, v1::IDENTITY_REFUSED, what);
}
absl::Status Wrong(absl::string_view what) {
  return absl::InvalidArgumentError(what);
}

absl::Status CheckOptions(const AccessOptions& options) {
  const bool jwt = !options.jwks_file.empty() || !options.jwt_issuer.empty() || !options.jwt_audience.empty();
  if (jwt && (options.jwks_file.empty() || options.jwt_issuer.empty() || options.jwt_audience.empty())) {
    return Wrong("jwks_file, jwt_issuer and jwt_audience need each other");
  }
  if (options.access_file.empty()) return Wrong("token_file and jwks_file mean nothing without access_file");
  return absl::OkStatus();
}

}  // namespace

class AccessControl::VerifiedTokens {
 public:
  // Null: not known, or no longer valid.
  std::shared_ptr<const Identity> Find(const TokenDigest& digest, absl::Time now) const {
    absl::MutexLock lock(&mutex_);
    const auto found = tokens_.find(digest);
    return found == tokens_.end() || now >= found->second.expires ? nullptr : found->second.identity;
  }
  void Add(const TokenDigest& digest, std::shared_ptr<const Identity> identity, absl::Time expires) {
    absl::MutexLock lock(&mutex_);
    if (tokens_.size() >= kVerifiedTokensMax) tokens_.clear();
    tokens_[digest] = {std::move(identity), expires};
  }

 private:
  struct Token {
    std::shared_ptr<const Identity> identity;
    absl::Time expires;
  };
  mutable absl::Mutex mutex_;
  std::map<TokenDigest, Token> tokens_ ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<std::string> ReadAccessFile(const std::string& path, size_t bytes_max, bool is_secret) {
  struct stat found {};
  std::ifstream file(path, std::ios::binary);
  if (!file || stat(path.c_str(), &found) != 0 || S_ISDIR(found.st_mode)) {
    return Wrong(absl::StrCat("cannot read ", path));
  }
  if (is_secret && (found.st_mode & S_IRWXO) != 0) {
    return Wrong(absl::StrCat(path, " can be read by everyone; take that away: chmod o= ", path));
  }
  std::string text(bytes_max + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return Wrong(absl::StrCat("cannot read ", path));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > bytes_max) return Wrong(absl::StrCat(path, " is larger than ", bytes_max >> 20, " MiB"));
  return text;
}

absl::StatusOr<std::unique_ptr<AccessControl>> AccessControl::Open(const AccessOptions& options) {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  std::unique_ptr<AccessControl> control(new AccessControl(options));
  for (const Reloaded& reloaded : control->Reload(true)) {
    if (!reloaded.status.ok()) return reloaded.status;
  }
  const std::shared_ptr<const Rules> rules = control->Current();
  if (rules->file.uses_tokens() && options.token_file.empty()) {
    return Wrong("the access file names tokens, and there is no token_file");
  }
  if (rules->file.uses_jwt() && options.jwks_file.empty()) {
    return Wrong("the access file names claims of JSON Web Tokens (jwt), and there is no jwks_file");
  }
  return control;
}

std::vector<AccessControl::Reloaded> AccessControl::Reload(bool all) {
  absl::MutexLock reloading(&reloading_);
  const std::shared_ptr<const Rules> before = Current();
  auto rules = std::make_shared<Rules>(before == nullptr ? Rules() : *before);
  std::vector<Reloaded> reloaded;
  const auto look = [&](const std::string& path, size_t bytes_max, bool is_secret, const auto& take) {
    reloading_.AssertHeld();
    if (path.empty()) return;
    std::string state = StateOfFiles({path});
    if (!all && looked_at_[path] == state) return;
    const absl::StatusOr<std::string> text = ReadAccessFile(path, bytes_max, is_secret);
    if (StateOfFiles({path}) != state && before != nullptr) return;  // somebody writes; the next look sees the rest
    looked_at_[path] = std::move(state);
    reloaded.push_back({path, text.ok() ? take(*text) : text.status()});
  };
  const auto take_into = [](auto read, auto* into) {
    if (!read.ok()) return read.status();
    *into = *std::move(read);
    return absl::OkStatus();
  };
  look(options_.access_file, kYamlMaxBytes, false,
       [&](const std::string& text) { return take_into(AccessFile::Parse(options_.access_file, text), &rules->file); });
  look(options_.token_file, kTokenFileBytesMax, true, [&](const std::string& text) {
    return take_into(TokenTable::Parse(options_.token_file, text), &rules->tokens);
  });
  look(options_.jwks_file, kJwksBytesMax, false,
       [&](const std::string& text) { return take_into(JwtKeys::Parse(options_.jwks_file, text), &rules->keys); });
  bool taken = false;
  for (const Reloaded& one : reloaded) taken |= one.status.ok();
  if (!taken && before != nullptr) return reloaded;
  rules->verified = std::make_shared<VerifiedTokens>();  // what other rules have let in is looked at again
  absl::MutexLock lock(&mutex_);
  rules_ = std::move(rules);
  return reloaded;
}

absl::StatusOr<std::shared_ptr<const Identity>> AccessControl::Authenticate(const PeerFacts& facts) const {
  const std::shared_ptr<const Rules> rules = Current();
  if (facts.bad_authorization) return Refused("authorization must be one header of the form: Bearer TOKEN");
  if (facts.bearer.has_value()) return ByBearer(*rules, *facts.bearer);
  for (const std::string& name : facts.certificate_names) {
    if (auto identity = rules->file.ByCertificate(name)) return identity;
  }
  if (facts.uid.has_value()) {
    if (auto identity = rules->file.ByUser(*facts.uid)) return identity;
  }
  if (facts.gid.has_value()) {
    if (auto identity = rules->file.ByGroup(*facts.gid)) return identity;
  }
  if (!facts.certificate_names.empty()) return Refused("the access file names no identity for this certificate");
  if (facts.uid.has_value()) return Refused("the access file names no identity for this user or group of the machine");
  return Required("who calls must be known: by a client certificate, a bearer token or a Unix socket");
}

absl::StatusOr<std::shared_ptr<const Identity>> AccessControl::ByBearer(const Rules& rules,
                                                                        const std::string& bearer) const {
  if (bearer.size() > kBearerBytesMax) return Refused("the token is longer than 8 KiB");
  const TokenDigest digest = DigestOf(bearer);
  const TokenTable::Token* const token = rules.tokens.Find(digest);
  if (token == nullptr) return ByJwt(rules, bearer, digest);
  if (options_.clock() >= token->expires) return Refused("the token has expired");
  if (auto identity = rules.file.ByToken(token->name)) return identity;
  return Refused("the access file names no identity for this token");
}

absl::StatusOr<std::shared_ptr<const Identity>> AccessControl::ByJwt(const Rules& rules, const std::string& bearer,
                                                                     const TokenDigest& digest) const {
  if (!rules.keys.has_value()) return Refused("the token is unknown");
  const absl::Time now = options_.clock();
  if (auto identity = rules.verified->Find(digest, now)) return identity;
  const absl::StatusOr<JwtKeys::Verified> verified =
      rules.keys->Verify(bearer, {options_.jwt_issuer, options_.jwt_audience}, now);
  if (!verified.ok()) return Refused(verified.status().message());
  auto identity = rules.file.ByClaims(verified->claims);
  if (identity == nullptr) return Refused("the access file names no identity for the claims of this token");
  rules.verified->Add(digest, identity, verified->expires);
  return identity;
}

}  // namespace suppressd
