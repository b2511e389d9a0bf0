// Keyed hashes of addresses: what logs hold instead of an address. Who has the key can hash an address and find its
// lines; nobody else can tell which address a line is about. Programs with one key give equal hashes.
//
//   absl::StatusOr<LogKey> key = LogKey::FromFile("/etc/suppressd/log_key/key");
//   key->Hash("jo@example.com");  // "0f3b6c1d2e4a5978"
//   key->id();                    // "9c2e41d7": which key it was
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace suppressd {

// Length of a key in bytes. The shortest is as long as what `openssl rand 32` gives, raw.
inline constexpr size_t kLogKeyBytesMin = 32;
inline constexpr size_t kLogKeyBytesMax = 1024;
// Digits of a hash (64 bits: among a hundred million addresses two share one with a chance of 1 in 3,700) and of a
// key's id.
inline constexpr size_t kAddressHashDigits = 16;
inline constexpr size_t kLogKeyIdDigits = 8;

// A key. Immutable, so safe to use from several threads.
class LogKey {
 public:
  // A key of random bytes, for a run that nothing is compared with.
  static LogKey Random();

  // The bytes of a file, as they are, but for one line end at its end. INVALID_ARGUMENT: shorter or longer than a key
  // may be, no regular file, or others than its owner and group may read or write it. NOT_FOUND, PERMISSION_DENIED or
  // another code when it cannot be read. The message names the file and what to do, never the key.
  static absl::StatusOr<LogKey> FromFile(const std::string& path);

  // The same for the content of a file; `name` is what the message calls it.
  static absl::StatusOr<LogKey> FromContent(absl::string_view name, absl::string_view content);

  // The hash of a normalised address, "@domain" for a whole domain: the first 64 bits of HMAC-SHA-256 of its bytes, in
  // lower-case hexadecimal digits. The tenant is not part of it.
  std::string Hash(absl::string_view address) const;

  // Tells keys apart without giving anything of them away: the first 32 bits of SHA-256 of "suppressd log key id", a
  // zero byte and the key, in lower-case hexadecimal digits.
  const std::string& id() const { return id_; }

 private:
  explicit LogKey(std::string bytes);

  std::string bytes_;
  std::string id_;
};

}  // namespace suppressd
