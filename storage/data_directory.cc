#include "storage/data_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/small_file.h"

namespace suppression {
namespace {

// The first line of FORMAT.
const char* TitleOf(DirectoryKind kind) {
  switch (kind) {
    case DirectoryKind::kStore:
      return "suppressd data directory";
    case DirectoryKind::kSidecar:
      return "suppressd sidecar directory";
    case DirectoryKind::kOutbox:
      return "suppressd outbox directory";
  }
  return "";
}

bool IsTitleOfOurs(const std::string& title) {
  return title == TitleOf(DirectoryKind::kStore) || title == TitleOf(DirectoryKind::kSidecar) ||
         title == TitleOf(DirectoryKind::kOutbox);
}

constexpr char kCreating[] = "creating";
constexpr char kReady[] = "ready";

absl::Status Refuse(const std::string& path, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat("data directory ", path, " ", why));
}

absl::Status SystemError(int error, absl::string_view what) {
  return absl::ErrnoToStatus(error, what);
}

// Whether a directory holds nothing but what an interrupted Open may have left.
bool HoldsNothingElse(const std::string& path) {
  std::error_code error;
  for (const auto& item : std::filesystem::directory_iterator(path, error)) {
    const std::string name = item.path().filename();
    if (name != "LOCK" && name != "FORMAT.tmp" && name != "HEAD.tmp" && name != "lost+found") return false;
  }
  return !error;
}

}  // namespace

absl::StatusOr<std::unique_ptr<DataDirectory>> DataDirectory::Open(const std::string& path, DirectoryKind kind) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return SystemError(error.value(), absl::StrCat("cannot create data directory ", path));
  // Look before touching: another program's directory must stay as it is.
  struct stat format_stat;
  const bool has_format = stat(absl::StrCat(path, "/FORMAT").c_str(), &format_stat) == 0;
  if (!has_format && access(path.c_str(), R_OK | X_OK) != 0) {
    return SystemError(errno, absl::StrCat("cannot read data directory ", path));
  }
  if (!has_format && !HoldsNothingElse(path)) {
    return Refuse(path, "is not empty and not a suppressd data directory (no FORMAT file); choose another directory");
  }
  const std::string lock_path = absl::StrCat(path, "/LOCK");
  const int lock_fd = open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (lock_fd < 0) return SystemError(errno, absl::StrCat("cannot open ", lock_path));
  std::unique_ptr<DataDirectory> directory(new DataDirectory(path, kind, lock_fd));
  if (flock(lock_fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return Refuse(path, "is in use by another process");
    return SystemError(errno, absl::StrCat("cannot lock ", lock_path));
  }
  if (absl::Status status = directory->ReadFormat(); !status.ok()) return status;
  return directory;
}

DataDirectory::~DataDirectory() {
  close(lock_fd_);
}

absl::Status DataDirectory::ReadFormat() {
  const absl::StatusOr<std::optional<std::string>> text = ReadSmallFile(absl::StrCat(path_, "/FORMAT"));
  if (!text.ok()) return text.status();
  const bool exists = text->has_value();
  if (!exists && !HoldsNothingElse(path_)) return Refuse(path_, "has lost its FORMAT file");
  std::istringstream file(exists ? **text : "");
  std::string title, format_word, state_word, state;
  int format = 0;
  if (exists) {
    std::getline(file, title);
    file >> format_word >> format >> state_word >> state;
    if (title != TitleOf(kind_) && IsTitleOfOurs(title)) {
      return Refuse(path_, absl::StrCat("is a ", title, ", not a ", TitleOf(kind_), "; choose another directory"));
    }
    if (title != TitleOf(kind_) || format_word != "format" || state_word != "state" || format < 1) {
      return Refuse(path_, "has a FORMAT file that is not ours or is damaged");
    }
    if (format > kStorageFormat) {
      return Refuse(path_, absl::StrCat("has format ", format, "; this program reads up to format ", kStorageFormat,
                                        ": use a newer suppressd"));
    }
  }
  if (!exists || state == kCreating) {
    is_new_ = true;
    std::error_code error;
    std::filesystem::remove_all(database_path(), error);  // left by an interrupted creation: nothing was acknowledged
    if (!error) std::filesystem::remove_all(load_path(), error);
    if (error) return SystemError(error.value(), absl::StrCat("cannot clear ", path_));
    return WriteFormat(kCreating);
  }
  if (state != kReady) return Refuse(path_, "has a FORMAT file that is not ours or is damaged");
  if (kind_ != DirectoryKind::kSidecar && !std::filesystem::exists(absl::StrCat(database_path(), "/CURRENT"))) {
    return Refuse(path_, "has lost its database (db/CURRENT is missing); restore it from a backup");
  }
  return absl::OkStatus();
}

absl::Status DataDirectory::WriteFormat(const char* state) {
  return WriteSmallFile(path_, "FORMAT",
                        absl::StrCat(TitleOf(kind_), "\nformat ", kStorageFormat, "\nstate ", state, "\n"));
}

absl::Status DataDirectory::NoteHead(uint64_t revision) {
  return WriteSmallFile(path_, "HEAD", absl::StrCat("revision ", revision, "\n"));
}

absl::StatusOr<std::optional<uint64_t>> DataDirectory::ReadHead() const {
  const absl::StatusOr<std::optional<std::string>> text = ReadSmallFile(absl::StrCat(path_, "/HEAD"));
  if (!text.ok()) return text.status();
  if (!text->has_value()) return std::optional<uint64_t>();
  std::istringstream file(**text);
  std::string word;
  uint64_t revision = 0;
  if (!(file >> word >> revision) || word != "revision") return Refuse(path_, "has a damaged HEAD file");
  return std::optional<uint64_t>(revision);
}

absl::Status DataDirectory::MarkReady() {
  if (!is_new_) return absl::OkStatus();
  absl::Status status = WriteFormat(kReady);
  if (status.ok()) is_new_ = false;
  return status;
}

}  // namespace suppression
