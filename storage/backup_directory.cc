#include "storage/backup_directory.h"

#include <fcntl.h>
#include <openssl/sha.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "storage/data_directory.h"
#include "storage/small_file.h"

namespace suppressd {
namespace {

namespace fs = std::filesystem;

// RocksDB's list of the files of a backup: some 100 bytes for each.
constexpr size_t kFileListBytesMax = 64 << 20;
constexpr char kSumName[] = "files_sha256";

absl::Status Refuse(const std::string& path, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat("backup directory ", path, " ", why));
}

absl::Status SystemError(int error, absl::string_view what) {
  return absl::ErrnoToStatus(error, what);
}

// Whether it holds nothing but what an interrupted Open may have left.
bool HoldsNothing(const std::string& path) {
  std::error_code error;
  for (const auto& item : fs::directory_iterator(path, error)) {
    const std::string name = item.path().filename();
    const bool ours = name == "LOCK" || name == "FORMAT.tmp" || (name == "notes" && fs::is_empty(item.path(), error));
    if (!ours && name != "lost+found") return false;
  }
  return !error;
}

// Whether the FORMAT file is ours and not newer than us; NOT_FOUND: there is none.
absl::Status CheckFormat(const std::string& path) {
  const absl::StatusOr<std::optional<std::string>> text = ReadSmallFile(path + "/FORMAT");
  if (!text.ok()) return text.status();
  if (!text->has_value()) return absl::NotFoundError(absl::StrCat("backup directory ", path, " has no FORMAT file"));
  std::istringstream file(**text);
  std::string title, format_word;
  int format = 0;
  std::getline(file, title);
  file >> format_word >> format;
  if (title != kBackupTitle || format_word != "format" || format < 1) {
    return Refuse(path, "has a FORMAT file that is not of backups or is damaged; choose another directory");
  }
  if (format <= kBackupFormat) return absl::OkStatus();
  return Refuse(path, absl::StrCat("has format ", format, "; this program reads format ", kBackupFormat,
                                   ": use a newer suppressd"));
}

absl::Status RefuseStrange(const std::string& path) {
  return Refuse(path, "is not empty and has no FORMAT file of backups; choose another directory");
}

absl::Status MakeFormat(const std::string& path) {
  if (!HoldsNothing(path)) return RefuseStrange(path);
  return WriteSmallFile(path, "FORMAT", absl::StrCat(kBackupTitle, "\nformat ", kBackupFormat, "\n"));
}

std::string HexSha256(absl::string_view bytes) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return absl::BytesToHexString(digest);
}

std::string TextOf(const BackupNote& note, const std::string& files_sha256) {
  return absl::StrCat("created_micros ", note.created_micros, "\nlineage ", note.state.lineage, "\nrevision ",
                      note.state.revision, "\nlog_time_micros ", note.log_time_micros, "\nsize_bytes ", note.size_bytes,
                      "\nmeta_sha256 ", absl::BytesToHexString(note.meta_sha256), "\n", kSumName, " ", files_sha256,
                      "\n");
}

// Reads what TextOf wrote; false: it is something else. Lines that are not known are passed over.
bool ReadNote(const std::string& text, BackupNote* note, std::string* files_sha256) {
  std::istringstream lines(text);
  std::string name, value;
  int known = 0;
  while (lines >> name >> value) {
    if (name == kSumName) {
      *files_sha256 = value;
      ++known;
    } else if (name == "meta_sha256") {
      note->meta_sha256 = absl::HexStringToBytes(value);
      ++known;
    } else if ((name == "created_micros" && absl::SimpleAtoi(value, &note->created_micros)) ||
               (name == "lineage" && absl::SimpleAtoi(value, &note->state.lineage)) ||
               (name == "revision" && absl::SimpleAtoi(value, &note->state.revision)) ||
               (name == "log_time_micros" && absl::SimpleAtoi(value, &note->log_time_micros)) ||
               (name == "size_bytes" && absl::SimpleAtoi(value, &note->size_bytes))) {
      ++known;
    }
  }
  constexpr int kLines = 7;
  return known == kLines && note->meta_sha256.size() == SHA256_DIGEST_LENGTH;
}

// The lock of one who writes, or of those who read; of the latter it must be there.
absl::StatusOr<int> Lock(const std::string& path, BackupDirectory::Use use) {
  const bool write = use == BackupDirectory::Use::kWrite;
  const std::string lock_path = absl::StrCat(path, "/LOCK");
  const int fd = open(lock_path.c_str(), write ? O_RDWR | O_CREAT | O_CLOEXEC : O_RDONLY | O_CLOEXEC, 0600);
  if (fd < 0) return SystemError(errno, absl::StrCat("cannot open ", lock_path));
  if (flock(fd, (write ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0) return fd;
  const int error = errno;
  close(fd);
  if (error == EWOULDBLOCK) return Refuse(path, "is in use by another process; try again when it is done");
  return SystemError(error, absl::StrCat("cannot lock ", lock_path));
}

}  // namespace

absl::Status BackupDirectory::Check(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return absl::OkStatus();
  absl::Status format = CheckFormat(path);
  if (absl::IsFailedPrecondition(format)) return format;
  if (!absl::IsNotFound(format) || fs::is_empty(path, error) || error || HoldsNothing(path)) return absl::OkStatus();
  return RefuseStrange(path);
}

absl::StatusOr<std::unique_ptr<BackupDirectory>> BackupDirectory::Open(const std::string& path, Use use) {
  if (use == Use::kWrite) {
    if (absl::Status made = MakePrivateDirectory(path); !made.ok()) return made;
  }
  std::error_code error;
  const std::string absolute = fs::canonical(path, error);
  if (error) return SystemError(error.value(), absl::StrCat("cannot read backup directory ", path));
  // Look before touching: another program's directory must stay as it is.
  absl::Status format = CheckFormat(absolute);
  const bool is_new = absl::IsNotFound(format) && use == Use::kWrite;
  if (is_new && !HoldsNothing(absolute)) return RefuseStrange(absolute);
  if (!format.ok() && !is_new) return format;
  const absl::StatusOr<int> lock = Lock(absolute, use);
  if (!lock.ok()) return lock.status();
  std::unique_ptr<BackupDirectory> directory(new BackupDirectory(absolute, *lock));
  if (is_new) {  // FORMAT last: what it is written with makes the rest durable
    if (absl::Status made = MakePrivateDirectory(directory->notes_path()); !made.ok()) return made;
    if (absl::Status made = MakeFormat(absolute); !made.ok()) return made;
  }
  return directory;
}

BackupDirectory::~BackupDirectory() {
  close(lock_fd_);
}

absl::StatusOr<std::string> BackupDirectory::FilesSha256(uint32_t id) const {
  const std::string path = absl::StrCat(path_, "/meta/", id);
  std::error_code error;
  const uintmax_t size = fs::file_size(path, error);
  if (error == std::errc::no_such_file_or_directory) return std::string();
  if (error) return SystemError(error.value(), absl::StrCat("cannot read ", path));
  if (size > kFileListBytesMax) return std::string();
  std::ifstream file(path, std::ios::binary);
  std::string bytes(size, '\0');
  if (!file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) {
    return SystemError(EIO, absl::StrCat("cannot read ", path));
  }
  return HexSha256(bytes);
}

absl::StatusOr<std::vector<BackupNote>> BackupDirectory::ReadNotes() const {
  std::vector<BackupNote> notes;
  std::error_code error;
  fs::directory_iterator item(notes_path(), error);
  if (error == std::errc::no_such_file_or_directory) return notes;
  std::vector<uint32_t> ids;
  for (; !error && item != fs::directory_iterator(); item.increment(error)) {
    uint32_t id = 0;
    if (absl::SimpleAtoi(item->path().filename().string(), &id)) ids.push_back(id);
  }
  if (error) return SystemError(error.value(), absl::StrCat("cannot read ", notes_path()));
  std::sort(ids.rbegin(), ids.rend());
  for (const uint32_t id : ids) {
    if (notes.size() >= kBackupsMax) break;
    const absl::StatusOr<std::optional<std::string>> text = ReadCheckedFile(absl::StrCat(notes_path(), "/", id));
    if (!text.ok() && !absl::IsDataLoss(text.status())) return text.status();
    if (!text.ok() || !text->has_value()) continue;
    std::string noted;
    BackupNote note;
    note.id = id;
    const bool is_note = ReadNote(**text, &note, &noted);
    const absl::StatusOr<std::string> files = FilesSha256(id);
    if (!files.ok()) return files.status();
    if (is_note && !files->empty() && noted == *files) notes.push_back(std::move(note));
  }
  return notes;
}

absl::Status BackupDirectory::WriteNote(const BackupNote& note) const {
  const absl::StatusOr<std::string> files = FilesSha256(note.id);
  if (!files.ok()) return files.status();
  if (files->empty()) return absl::InternalError(absl::StrCat("backup ", note.id, " has no list of files"));
  return WriteCheckedFile(notes_path(), absl::StrCat(note.id), TextOf(note, *files));
}

absl::Status BackupDirectory::RemoveNote(uint32_t id) const {
  const std::string path = absl::StrCat(notes_path(), "/", id);
  if (unlink(path.c_str()) != 0) {
    return errno == ENOENT ? absl::OkStatus() : SystemError(errno, absl::StrCat("cannot remove ", path));
  }
  const int fd = open(notes_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return SystemError(errno, absl::StrCat("cannot open ", notes_path()));
  const int synced = fsync(fd) == 0 ? 0 : errno;
  close(fd);
  return synced == 0 ? absl::OkStatus() : SystemError(synced, absl::StrCat("cannot sync ", notes_path()));
}

}  // namespace suppressd
