#include "client/suppressctl/audit_checkpoint.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/suppressctl/read_file.h"

namespace suppressd::suppressctl {
namespace {

constexpr char kTitle[] = "suppressd audit checkpoint";
constexpr size_t kHashBytes = 32;

bool ParseMark(const std::string& text, AuditMark* mark) {
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  if (lines.size() != 3 || lines[0] != kTitle) return false;
  absl::string_view count = lines[1];
  absl::string_view hash = lines[2];
  if (!absl::ConsumePrefix(&count, "count ") || !absl::SimpleAtoi(count, &mark->count)) return false;
  if (!absl::ConsumePrefix(&hash, "sha256")) return false;
  absl::ConsumePrefix(&hash, " ");
  for (const char digit : hash) {
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(digit))) return false;
  }
  const size_t bytes = mark->count == 0 ? 0 : kHashBytes;
  if (hash.size() != 2 * bytes) return false;
  mark->hash = absl::HexStringToBytes(hash);
  return true;
}

absl::Status Refused(const std::string& path) {
  return absl::UnavailableError(absl::StrCat("cannot write ", path, ": ", std::strerror(errno)));
}

// Writes a new file and syncs it.
absl::Status WriteSynced(const std::string& path, const std::string& text) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return Refused(path);
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(file) == 0;
  absl::Status status = written ? absl::OkStatus() : Refused(path);
  if (close(file) != 0) status.Update(Refused(path));
  return status;
}

absl::Status SyncDirectory(const std::string& path) {
  const int directory = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return Refused(path);
  const absl::Cleanup closing = [directory] { close(directory); };
  return fsync(directory) == 0 ? absl::OkStatus() : Refused(path);
}

}  // namespace

absl::StatusOr<std::optional<AuditMark>> ReadCheckpoint(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error) return std::nullopt;
  const absl::StatusOr<std::string> text = ReadAll(path);
  if (!text.ok()) return text.status();
  AuditMark mark;
  if (!ParseMark(*text, &mark)) return absl::InvalidArgumentError(absl::StrCat(path, " is no checkpoint of a trail"));
  return std::optional<AuditMark>(std::move(mark));
}

absl::Status WriteCheckpoint(const std::string& path, const AuditMark& mark) {
  const std::string next = path + ".new";
  absl::Status status = WriteSynced(
      next, absl::StrCat(kTitle, "\ncount ", mark.count, "\nsha256 ", absl::BytesToHexString(mark.hash), "\n"));
  if (status.ok() && std::rename(next.c_str(), path.c_str()) != 0) status = Refused(path);
  if (!status.ok()) {
    unlink(next.c_str());
    return status;
  }
  const std::string directory = std::filesystem::path(path).parent_path().string();
  return SyncDirectory(directory.empty() ? "." : directory);
}

}  // namespace suppressd::suppressctl
