#include "client/suppressctl/checkpoint.h"

#include <fcntl.h>
#include <google/protobuf/util/json_util.h>
#include <openssl/sha.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "suppressd/internal/v1/import_checkpoint.pb.h"

namespace suppressd::suppressctl {
namespace {

constexpr size_t kSummedBytes = 1 << 20;
constexpr size_t kCheckpointBytesMax = 4 << 10;

std::string SumOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(kSummedBytes, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<size_t>(file.gcount()), digest);
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest), sizeof(digest)});
}

absl::Status SystemError(const std::string& what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", what, " ", path));
}

}  // namespace

absl::StatusOr<Checkpoint> Checkpoint::Open(const std::string& path, const std::string& input_path) {
  Checkpoint checkpoint;
  checkpoint.path_ = path;
  if (path.empty()) return checkpoint;
  std::error_code error;
  const auto size = std::filesystem::file_size(input_path, error);
  if (error) return absl::InvalidArgumentError("--checkpoint needs a file, not a pipe or standard input");
  checkpoint.size_bytes_ = static_cast<int64_t>(size);
  checkpoint.sha256_ = SumOf(input_path);
  std::ifstream file(path, std::ios::binary);
  if (!file) return checkpoint;
  std::string text(kCheckpointBytesMax, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  internal::v1::ImportCheckpoint held;
  if (!google::protobuf::util::JsonStringToMessage(text, &held).ok() || held.rows() < 0) {
    return absl::FailedPreconditionError(absl::StrCat(path, " is no checkpoint of an import; name another file"));
  }
  if (held.sha256() != checkpoint.sha256_ || held.size_bytes() != checkpoint.size_bytes_) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is the checkpoint of another file; remove it, or name another"));
  }
  checkpoint.rows_ = held.rows();
  return checkpoint;
}

absl::Status Checkpoint::Note(int64_t rows) {
  if (path_.empty()) return absl::OkStatus();
  internal::v1::ImportCheckpoint next;
  next.set_sha256(sha256_);
  next.set_size_bytes(size_bytes_);
  next.set_rows(rows);
  std::string text;
  google::protobuf::util::MessageToJsonString(next, &text);
  return ReplaceFile(path_, text + "\n");
}

void Checkpoint::Remove() {
  if (!path_.empty()) std::remove(path_.c_str());
}

absl::Status ReplaceFile(const std::string& path, const std::string& content) {
  const std::string next = path + ".new";
  const int fd = open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return SystemError("write", next);
  size_t written = 0;
  while (written < content.size()) {
    const ssize_t count = write(fd, content.data() + written, content.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) break;
    written += static_cast<size_t>(count);
  }
  const bool is_whole = written == content.size() && fsync(fd) == 0;
  absl::Status failed = is_whole ? absl::OkStatus() : SystemError("write", next);
  close(fd);
  if (!failed.ok()) return failed;
  return std::rename(next.c_str(), path.c_str()) == 0 ? absl::OkStatus() : SystemError("write", path);
}

}  // namespace suppressd::suppressctl
