// Who calls, and whether they may: the access file, the token file and the keys of JSON Web Tokens, each replaced as a
// whole when it changes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/access/access_file.h"
#include "server/access/authorize.h"
#include "server/access/jwt_keys.h"
#include "server/access/permissions.h"
#include "server/access/token_table.h"

namespace suppressd {

// JSON Web Tokens that were verified and are remembered until they expire, so that a check does not pay for it each
// time.
inline constexpr size_t kVerifiedTokensMax = 10'000;

struct AccessOptions {
  std::string access_file;  // empty: everyone may do everything
  std::string token_file;
  std::string jwks_file;
  std::string jwt_issuer;
  std::string jwt_audience;
  std::function<absl::Time()> clock;
};

// What the transport has proved of a caller, and what the call brings.
struct PeerFacts {
  // Of a verified client certificate: "uri:..." and "dns:..." of its subjectAltNames.
  std::vector<std::string> certificate_names;
  // What follows "Bearer " in `authorization`; nothing: there is no such header.
  std::optional<std::string> bearer;
  // `authorization` is there and is no bearer token.
  bool bad_authorization = false;
  // The other end of a Unix socket.
  std::optional<uint32_t> uid;
  std::optional<uint32_t> gid;
  // The address as text; empty on a Unix socket.
  std::string ip;
};

// Thread-safe. No call waits for a reload.
class AccessControl {
 public:
  // Reads the files. INVALID_ARGUMENT, in one sentence, when they cannot be used together.
  static absl::StatusOr<std::unique_ptr<AccessControl>> Open(const AccessOptions& options);

  // Who calls. A token decides where there is one, then the certificate, then the Unix peer. UNAUTHENTICATED:
  // IDENTITY_REQUIRED, IDENTITY_REFUSED.
  absl::StatusOr<std::shared_ptr<const Identity>> Authenticate(const PeerFacts& facts) const;

  // How reading a file again went.
  struct Reloaded {
    std::string file;  // its path
    absl::Status status;
  };
  // Reads the files that have changed, or all of them when `all`. One that cannot be used is refused: what is in force
  // stays. Returns what was read, or refused for the first time.
  std::vector<Reloaded> Reload(bool all);

  size_t identities() const { return Current()->file.size(); }

 private:
  // JSON Web Tokens that were verified under one set of rules. Thread-safe.
  class VerifiedTokens;
  // All that is in force. Immutable, but for what is remembered.
  struct Rules {
    AccessFile file;
    TokenTable tokens;
    std::optional<JwtKeys> keys;
    std::shared_ptr<VerifiedTokens> verified;
  };

  explicit AccessControl(const AccessOptions& options) : options_(options) {}
  std::shared_ptr<const Rules> Current() const {
    absl::MutexLock lock(&mutex_);
    return rules_;
  }
  absl::StatusOr<std::shared_ptr<const Identity>> ByBearer(const Rules& rules, const std::string& bearer) const;
  absl::StatusOr<std::shared_ptr<const Identity>> ByJwt(const Rules& rules, const std::string& bearer,
                                                        const TokenDigest& digest) const;

  const AccessOptions options_;
  absl::Mutex reloading_;
  std::map<std::string, std::string> looked_at_ ABSL_GUARDED_BY(reloading_);  // path to the state of the file
  mutable absl::Mutex mutex_ ABSL_ACQUIRED_AFTER(reloading_);
  std::shared_ptr<const Rules> rules_ ABSL_GUARDED_BY(mutex_);
};

// Reads a file of at most `bytes_max` bytes. INVALID_ARGUMENT. `is_secret`: it must not be readable by everyone.
absl::StatusOr<std::string> ReadAccessFile(const std::string& path, size_t bytes_max, bool is_secret);

}  // namespace suppressd
