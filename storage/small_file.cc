#include "storage/small_file.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace suppressd {
namespace {

absl::Status SystemError(int error, absl::string_view what) {
  return absl::ErrnoToStatus(error, what);
}

// The last line of a checked file.
std::string Seal(absl::string_view content) {
  const auto* bytes = reinterpret_cast<const Bytef*>(content.data());
  const uLong sum = crc32(0, bytes, static_cast<uInt>(content.size()));
  return absl::StrFormat("crc32 %08x of %d bytes\n", sum, content.size());
}

}  // namespace

absl::Status WriteSmallFile(const std::string& directory, const std::string& name, const std::string& content) {
  const std::string path = absl::StrCat(directory, "/", name);
  const std::string temporary = absl::StrCat(path, ".tmp");
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return SystemError(errno, absl::StrCat("cannot create ", temporary));
  const bool written = write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size());
  int error = written ? 0 : (errno == 0 ? ENOSPC : errno);
  if (error == 0 && fsync(fd) != 0) error = errno;
  if (close(fd) != 0 && error == 0) error = errno;
  if (error == 0 && rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) return SystemError(error, absl::StrCat("cannot write ", path));
  const int directory_fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory_fd < 0) return SystemError(errno, absl::StrCat("cannot open ", directory));
  const int synced = fsync(directory_fd) == 0 ? 0 : errno;
  close(directory_fd);
  return synced == 0 ? absl::OkStatus() : SystemError(synced, absl::StrCat("cannot sync ", directory));
}

absl::StatusOr<std::optional<std::string>> ReadSmallFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return std::optional<std::string>();
  if (fd < 0) return SystemError(errno, absl::StrCat("cannot open ", path));
  std::string text(kSmallFileBytesMax, '\0');
  const ssize_t bytes = read(fd, text.data(), text.size());
  const int error = errno;
  close(fd);
  if (bytes < 0) return SystemError(error, absl::StrCat("cannot read ", path));
  text.resize(static_cast<size_t>(bytes));
  return std::optional<std::string>(std::move(text));
}

absl::Status WriteCheckedFile(const std::string& directory, const std::string& name, const std::string& content) {
  return WriteSmallFile(directory, name, absl::StrCat(content, Seal(content)));
}

absl::StatusOr<std::optional<std::string>> ReadCheckedFile(const std::string& path) {
  absl::StatusOr<std::optional<std::string>> text = ReadSmallFile(path);
  if (!text.ok() || !text->has_value()) return text;
  const size_t seal_at = (**text).rfind("crc32 ");
  if (seal_at == std::string::npos) return absl::DataLossError("its checksum is missing");
  std::string content = (**text).substr(0, seal_at);
  if ((**text).substr(seal_at) != Seal(content)) return absl::DataLossError("its checksum does not match");
  return std::optional<std::string>(std::move(content));
}

}  // namespace suppressd
