#include "storage/torn_tail.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

namespace suppressd {
namespace {

// RocksDB's log format: blocks of this size, in them records with a header of checksum (4 bytes), length (2) and type
// (1); a record that does not fit is written in parts.
// https://github.com/facebook/rocksdb/wiki/Write-Ahead-Log-File-Format
constexpr uint64_t kBlockBytes = 32 << 10;
constexpr uint64_t kHeaderBytes = 7;
constexpr uint8_t kMiddlePart = 3;
constexpr uint8_t kLastPart = 4;
// Fewer zeros at the end may be the end of a record.
constexpr uint64_t kZerosMin = 16;
// No log is longer than this; it bounds the memory that a look at one takes.
constexpr uint64_t kLogBytesMax = uint64_t{1} << 30;

absl::Status Failure(const std::string& what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", what, " ", path));
}

absl::StatusOr<std::string> ReadAll(int fd, const std::string& path) {
  struct stat file;
  if (fstat(fd, &file) != 0) return Failure("look at", path);
  if (static_cast<uint64_t>(file.st_size) > kLogBytesMax)
    return absl::OutOfRangeError(absl::StrCat(path, " is too large"));
  std::string content(static_cast<size_t>(file.st_size), '\0');
  for (size_t at = 0; at < content.size();) {
    const ssize_t bytes = pread(fd, content.data() + at, content.size() - at, static_cast<off_t>(at));
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return Failure("read", path);
    if (bytes == 0) return absl::AbortedError(absl::StrCat(path, " was cut while it was read"));
    at += static_cast<size_t>(bytes);
  }
  return content;
}

// Where the record begins that reaches into the zeros at the end; nothing: no record does.
std::optional<uint64_t> BeginOfTornRecord(const std::string& log, uint64_t zeros_at) {
  const auto byte = [&log](uint64_t at) { return static_cast<uint8_t>(log[at]); };
  uint64_t begin = 0;  // of the record that the part at `at` belongs to
  for (uint64_t at = 0; at < zeros_at;) {
    const uint64_t left = kBlockBytes - at % kBlockBytes;
    if (left < kHeaderBytes) {
      at += left;
      continue;
    }
    if (at + kHeaderBytes > log.size()) return std::nullopt;  // cut short: RocksDB takes that for the end
    const uint8_t type = byte(at + 6);
    if (type != kMiddlePart && type != kLastPart) begin = at;
    const uint64_t length = kHeaderBytes + byte(at + 4) + (uint64_t{byte(at + 5)} << 8);
    if (length > left) return std::nullopt;  // a damaged length: not what a loss of power leaves
    if (at + length > zeros_at) return begin;
    at += length;
  }
  return std::nullopt;
}

absl::Status Sync(int fd, const std::string& path) {
  return fsync(fd) == 0 ? absl::OkStatus() : Failure("sync", path);
}

}  // namespace

absl::StatusOr<std::optional<TornTail>> CutTornTail(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return Failure("open", path);
  const absl::Cleanup close_it = [fd] { close(fd); };
  const absl::StatusOr<std::string> log = ReadAll(fd, path);
  if (!log.ok()) return log.status();
  const uint64_t zeros_at = log->find_last_not_of('\0') + 1;  // 0 when there is nothing else
  if (log->size() - zeros_at < kZerosMin) return std::optional<TornTail>();
  const std::optional<uint64_t> begin = BeginOfTornRecord(*log, zeros_at);
  if (!begin.has_value()) return std::optional<TornTail>();
  TornTail tail{.path = path, .begin = *begin, .size = log->size(), .content = log->substr(*begin, zeros_at - *begin)};
  if (ftruncate(fd, static_cast<off_t>(*begin)) != 0) return Failure("cut", path);
  if (absl::Status synced = Sync(fd, path); !synced.ok()) return synced;
  return std::optional<TornTail>(std::move(tail));
}

absl::Status PutBack(const TornTail& tail) {
  const int fd = open(tail.path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return Failure("open", tail.path);
  const absl::Cleanup close_it = [fd] { close(fd); };
  const auto bytes = static_cast<ssize_t>(tail.content.size());
  if (pwrite(fd, tail.content.data(), tail.content.size(), static_cast<off_t>(tail.begin)) != bytes) {
    return Failure("write", tail.path);
  }
  if (ftruncate(fd, static_cast<off_t>(tail.size)) != 0) return Failure("extend", tail.path);
  return Sync(fd, tail.path);
}

}  // namespace suppressd
