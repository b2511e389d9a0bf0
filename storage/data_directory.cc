#include "storage/data_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <sstream>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "storage/backup_directory.h"
#include "storage/small_file.h"

namespace suppressd {
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
         title == TitleOf(DirectoryKind::kOutbox) || title == kBackupTitle;
}

constexpr char kCreating[] = "creating";
constexpr char kReady[] = "ready";
constexpr char kRestoring[] = "restoring";
constexpr char kAcceptLoss[] = "ACCEPT_LOSS";

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

// Whether a backup may be restored into it: a file system of its own has lost+found.
bool IsEmpty(const std::string& path) {
  std::error_code error;
  for (const auto& item : std::filesystem::directory_iterator(path, error)) {
    if (item.path().filename() != "lost+found") return false;
  }
  return !error;
}

}  // namespace

absl::Status MakePrivateDirectory(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::create_directories(path, error)) {
    if (!error) return absl::OkStatus();
    return SystemError(error.value(), absl::StrCat("cannot create directory ", path));
  }
  std::filesystem::permissions(path, std::filesystem::perms::owner_all, error);
  return error ? SystemError(error.value(), absl::StrCat("cannot set the mode of ", path)) : absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<DataDirectory>> DataDirectory::Open(const std::string& path, DirectoryKind kind) {
  if (absl::Status made = MakePrivateDirectory(path); !made.ok()) return made;
  // Look before touching: another program's directory must stay as it is.
  struct stat format_stat;
  const bool has_format = stat(absl::StrCat(path, "/FORMAT").c_str(), &format_stat) == 0;
  if (!has_format && access(path.c_str(), R_OK | X_OK) != 0) {
    return SystemError(errno, absl::StrCat("cannot read data directory ", path));
  }
  if (!has_format && !HoldsNothingElse(path)) {
    return Refuse(path, "is not empty and not a suppressd data directory (no FORMAT file); choose another directory");
  }
  absl::StatusOr<std::unique_ptr<DataDirectory>> directory = Lock(path, kind);
  if (!directory.ok()) return directory;
  if (absl::Status status = (*directory)->ReadFormat(); !status.ok()) return status;
  (*directory)->accepts_loss_ = access(absl::StrCat(path, "/", kAcceptLoss).c_str(), F_OK) == 0;
  return directory;
}

absl::StatusOr<std::unique_ptr<DataDirectory>> DataDirectory::Lock(const std::string& path, DirectoryKind kind) {
  const std::string lock_path = absl::StrCat(path, "/LOCK");
  const int lock_fd = open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_fd < 0) return SystemError(errno, absl::StrCat("cannot open ", lock_path));
  std::unique_ptr<DataDirectory> directory(new DataDirectory(path, kind, lock_fd));
  if (flock(lock_fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return Refuse(path, "is in use by another process");
    return SystemError(errno, absl::StrCat("cannot lock ", lock_path));
  }
  return directory;
}

absl::StatusOr<std::unique_ptr<DataDirectory>> DataDirectory::MakeForRestore(const std::string& path) {
  if (absl::Status made = MakePrivateDirectory(path); !made.ok()) return made;
  if (!IsEmpty(path)) return Refuse(path, "is not empty; restore into a directory that is new or empty");
  absl::StatusOr<std::unique_ptr<DataDirectory>> directory = Lock(path, DirectoryKind::kStore);
  if (!directory.ok()) return directory;
  (*directory)->is_new_ = true;
  if (absl::Status status = (*directory)->WriteFormat(kRestoring); !status.ok()) {
    (*directory)->DropRestored();
    return status;
  }
  return directory;
}

// FORMAT goes last: what is left without the rest is refused.
void DataDirectory::DropRestored() {
  std::error_code error;
  std::filesystem::remove_all(database_path(), error);
  for (const char* name : {"/LOCK", "/FORMAT.tmp", "/FORMAT"}) {
    if (!error) std::filesystem::remove(path_ + name, error);
  }
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
    if (format != kStorageFormat) {
      return Refuse(path_, absl::StrCat("has format ", format, "; this program reads format ", kStorageFormat,
                                        format > kStorageFormat ? ": use a newer suppressd"
                                                                : " only: use the suppressd that wrote it"));
    }
  }
  if (state == kRestoring) {
    return Refuse(path_, "holds a backup whose restore did not end; delete what is in it and restore again");
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

absl::Status DataDirectory::NoteHead(uint64_t revision, int64_t at_micros) {
  const std::string time = at_micros == 0 ? "" : absl::StrCat("at_micros ", at_micros, "\n");
  return WriteCheckedFile(path_, "HEAD", absl::StrCat("revision ", revision, "\n", time));
}

absl::StatusOr<std::optional<DataDirectory::HeadNote>> DataDirectory::ReadHead() const {
  const std::string file = absl::StrCat(path_, "/HEAD");
  const absl::StatusOr<std::optional<std::string>> text = ReadCheckedFile(file);
  if (absl::IsDataLoss(text.status())) return Damaged(file, text.status().message());
  if (!text.ok()) return text.status();
  if (!text->has_value()) return std::optional<HeadNote>();
  HeadNote note;
  std::istringstream lines(**text);
  std::string line;
  bool named = false;
  while (std::getline(lines, line)) {
    absl::string_view rest = line;
    if (absl::ConsumePrefix(&rest, "revision ") && absl::SimpleAtoi(rest, &note.revision)) {
      named = true;
    } else if (!absl::ConsumePrefix(&rest, "at_micros ") || !absl::SimpleAtoi(rest, &note.at_micros)) {
      return Damaged(file, "it says something else than a revision and a time");
    }
  }
  if (!named) return Damaged(file, "it names no revision");
  return std::optional<HeadNote>(note);
}

absl::Status DataDirectory::EndLoss() {
  if (!accepts_loss_) return absl::OkStatus();
  const std::string file = absl::StrCat(path_, "/", kAcceptLoss);
  if (unlink(file.c_str()) != 0 && errno != ENOENT) return SystemError(errno, absl::StrCat("cannot remove ", file));
  accepts_loss_ = false;
  return absl::OkStatus();
}

absl::Status DataDirectory::Damaged(absl::string_view file, absl::string_view how) const {
  return absl::DataLossError(absl::StrCat(file, " is damaged or missing (", how, "); restore ", path_,
                                          " from a backup, or accept that what cannot be read is lost: make the file ",
                                          path_, "/", kAcceptLoss, " and start again"));
}

absl::Status DataDirectory::DamagedBeyondUse(absl::string_view file, absl::string_view how) const {
  return absl::DataLossError(
      absl::StrCat(file, " is damaged or missing (", how, "); restore ", path_, " from a backup"));
}

absl::Status DataDirectory::MarkReady() {
  if (!is_new_) return absl::OkStatus();
  absl::Status status = WriteFormat(kReady);
  if (status.ok()) is_new_ = false;
  return status;
}

}  // namespace suppressd
