#include "common/address_hash.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace suppressd {
namespace {

// Keeps ids apart from all else that SHA-256 of a key may be used for. Its zero byte is part of it.
constexpr char kIdDomainBytes[] = "suppressd log key id";
constexpr absl::string_view kIdDomain(kIdDomainBytes, sizeof(kIdDomainBytes));

using Digest = std::array<unsigned char, EVP_MAX_MD_SIZE>;

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Without a digest or random bytes there is nothing that could be logged in their place.
void Require(bool done) {
  if (!done) std::abort();
}

std::string FirstDigits(const Digest& digest, size_t digits) {
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest.data()), digits / 2));
}

std::string IdOf(absl::string_view key) {
  const std::string text = absl::StrCat(kIdDomain, key);
  Digest digest{};
  Require(EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1);
  return FirstDigits(digest, kLogKeyIdDigits);
}

absl::string_view WithoutLineEnd(absl::string_view content) {
  if (content.empty() || content.back() != '\n') return content;
  content.remove_suffix(1);
  if (!content.empty() && content.back() == '\r') content.remove_suffix(1);
  return content;
}

// What is wrong with the file itself; OK: nothing.
absl::Status CheckFile(const std::string& path, int fd) {
  struct stat facts = {};
  if (fstat(fd, &facts) != 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read log key file ", path));
  if (!S_ISREG(facts.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat("log key file ", path, " is no regular file"));
  }
  if ((facts.st_mode & (S_IROTH | S_IWOTH)) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("log key file ", path, " may be read or written by others than its owner and group: chmod o= it"));
  }
  return absl::OkStatus();
}

}  // namespace

LogKey::LogKey(std::string bytes) : bytes_(std::move(bytes)), id_(IdOf(bytes_)) {}

LogKey LogKey::Random() {
  std::array<unsigned char, kLogKeyBytesMin> made{};
  Require(RAND_bytes(made.data(), static_cast<int>(made.size())) == 1);
  return LogKey(std::string(made.begin(), made.end()));
}

absl::StatusOr<LogKey> LogKey::FromFile(const std::string& path) {
  // Not to wait for a pipe that nobody writes to.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read log key file ", path));
  absl::Status status = CheckFile(path, fd);
  std::string content(kLogKeyBytesMax + 3, '\0');  // a line end, and one byte that shows that there is more
  const ssize_t bytes = status.ok() ? read(fd, content.data(), content.size()) : 0;
  if (bytes < 0) status = absl::ErrnoToStatus(errno, absl::StrCat("cannot read log key file ", path));
  close(fd);
  if (!status.ok()) return status;
  content.resize(static_cast<size_t>(bytes));
  return FromContent(absl::StrCat("log key file ", path), content);
}

absl::StatusOr<LogKey> LogKey::FromContent(absl::string_view name, absl::string_view content) {
  const absl::string_view key = WithoutLineEnd(content);
  if (key.size() < kLogKeyBytesMin || key.size() > kLogKeyBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, " must hold ", kLogKeyBytesMin, " to ", kLogKeyBytesMax, " bytes of key and has ",
        key.size() > kLogKeyBytesMax ? "more" : absl::StrCat(key.size()), ": make one with openssl rand -hex 32"));
  }
  return LogKey(std::string(key));
}

std::string LogKey::Hash(absl::string_view address) const {
  Digest digest{};
  Require(HMAC(EVP_sha256(), bytes_.data(), static_cast<int>(bytes_.size()), Bytes(address), address.size(),
               digest.data(), nullptr) != nullptr);
  return FirstDigits(digest, kAddressHashDigits);
}

}  // namespace suppressd
