#include "storage/rocksdb_open.h"

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "storage/torn_tail.h"

namespace suppressd {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLogLineBytesMax = 1'024;

// RocksDB's own log goes nowhere: it could hold keys, and Debian's library ends the process when it cannot write it,
// which a full disk would bring about. What goes wrong shows in the status of each operation. Only which file was
// damaged while the database was opened is said nowhere else.
class QuietLogger : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    if (std::strstr(format, "dropping") == nullptr) return;  // "FILE: dropping N bytes; WHY"
    char line[kLogLineBytesMax];
    std::vsnprintf(line, sizeof(line), format, arguments);
    const std::string text(line);
    const size_t end = text.find(": dropping");
    const size_t begin = text.rfind(' ', end);
    if (end == std::string::npos) return;
    absl::MutexLock lock(&mutex_);
    damaged_ =
        text.substr(begin == std::string::npos ? 0 : begin + 1, end - (begin == std::string::npos ? 0 : begin + 1));
  }
  // The file that something was dropped from; empty: none.
  std::string damaged() {
    absl::MutexLock lock(&mutex_);
    return damaged_;
  }

 private:
  absl::Mutex mutex_;
  std::string damaged_ ABSL_GUARDED_BY(mutex_);
};

class BackgroundErrors : public rocksdb::EventListener {
 public:
  explicit BackgroundErrors(std::function<void(const rocksdb::Status&)> failed) : failed_(std::move(failed)) {}
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* error) override { failed_(*error); }
  // Who opens the database again must not meet one that recovers by itself meanwhile.
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* auto_recovery) override {
    *auto_recovery = false;
  }

 private:
  const std::function<void(const rocksdb::Status&)> failed_;
};

// The newest write-ahead log; empty: there is none.
std::string NewestLog(const std::string& path) {
  std::string newest;
  uint64_t newest_number = 0;
  std::error_code error;
  for (const auto& item : fs::directory_iterator(path, error)) {
    uint64_t number = 0;
    const std::string name = item.path().filename();
    if (!absl::EndsWith(name, ".log") ||
        !absl::SimpleAtoi(absl::string_view(name).substr(0, name.size() - 4), &number)) {
      continue;
    }
    if (number >= newest_number) {
      newest_number = number;
      newest = item.path();
    }
  }
  return newest;
}

// The manifest that CURRENT names; empty: it names none.
std::string Manifest(const std::string& path) {
  std::string name;
  std::ifstream(path + "/CURRENT") >> name;
  return absl::StartsWith(name, "MANIFEST-") ? absl::StrCat(path, "/", name) : "";
}

// The file that RocksDB complains of, as far as it can be told.
std::string DamagedFile(const std::string& path, const std::string& complaint, const std::string& dropped_from) {
  if (!dropped_from.empty()) return dropped_from;
  // "Missing WAL with log number: 4.", "Size mismatch: WAL (log number: 4) in MANIFEST is ..."
  const size_t number_at = complaint.find("log number: ");
  uint64_t number = 0;
  if (number_at != std::string::npos) {
    const std::string digits = complaint.substr(number_at + std::strlen("log number: "));
    if (absl::SimpleAtoi(digits.substr(0, digits.find_first_not_of("0123456789")), &number)) {
      return absl::StrFormat("%s/%06d.log", path, number);
    }
  }
  // RocksDB names it, of a table that is missing by the name that LevelDB once gave it.
  if (const size_t at = complaint.find(path + "/"); at != std::string::npos) {
    std::string file = complaint.substr(at, complaint.find_first_of(" :", at) - at);
    return absl::EndsWith(file, ".ldb") ? absl::StrCat(absl::StripSuffix(file, ".ldb"), ".sst") : file;
  }
  const std::string manifest = Manifest(path);
  return manifest.empty() ? path + "/CURRENT" : manifest;
}

absl::Status Refusal(const DataDirectory& directory, const rocksdb::Status& status, const std::string& dropped_from) {
  const std::string path = directory.database_path();
  const std::string complaint = status.ToString();
  if (IsWriteRefused(status)) {
    return absl::ResourceExhaustedError(absl::StrCat("cannot open the database in ", path, ": ", complaint));
  }
  const bool damaged = status.IsCorruption() || status.IsInvalidArgument() || status.IsPathNotFound() ||
                       absl::StrContains(complaint, "No such file");
  if (!damaged) {
    // What the system refuses now (too many open files, no permission) says nothing of the data.
    return absl::UnavailableError(absl::StrCat("cannot open the database in ", path, ": ", complaint));
  }
  const std::string file = DamagedFile(path, complaint, dropped_from);
  const bool in_log = absl::EndsWith(file, ".log") && !directory.accepts_loss();
  return in_log ? directory.Damaged(file, complaint) : directory.DamagedBeyondUse(file, complaint);
}

// One database: what RocksDB's own ways of opening it need.
class Opening {
 public:
  Opening(const DataDirectory& directory, rocksdb::DBOptions settings,
          const std::vector<rocksdb::ColumnFamilyDescriptor>& families)
      : directory_(directory), settings_(std::move(settings)), families_(families) {
    settings_.info_log = logger_;
  }

  rocksdb::Status Open() {
    rocksdb::DB* db = nullptr;
    rocksdb::Status status =
        rocksdb::DB::Open(settings_, directory_.database_path(), families_, &opened_.families, &db);
    opened_.db.reset(db);
    return status;
  }
  // Changes nothing on disk.
  rocksdb::Status OpenReadOnly() {
    rocksdb::DB* db = nullptr;
    rocksdb::Status status =
        rocksdb::DB::OpenForReadOnly(settings_, directory_.database_path(), families_, &opened_.families, &db);
    opened_.db.reset(db);
    opened_.read_only = true;
    return status;
  }
  // Cuts a half-written record off the newest log, or the manifest, and opens again; as before when that does not help.
  rocksdb::Status OpenWithoutTornTail(const rocksdb::Status& before) {
    for (const std::string& file : {NewestLog(directory_.database_path()), Manifest(directory_.database_path())}) {
      if (file.empty()) continue;
      const absl::StatusOr<std::optional<TornTail>> cut = CutTornTail(file);
      if (!cut.ok() || !cut->has_value()) continue;
      rocksdb::Status status = OpenReadOnly();
      if (status.ok()) return status;
      PutBack(**cut).IgnoreError();  // it was not that; the file is damaged all the same
    }
    return before;
  }
  // Keeps whatever can be read of the logs.
  rocksdb::Status OpenWithLoss() {
    settings_.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
    settings_.track_and_verify_wals_in_manifest = false;
    settings_.avoid_flush_during_recovery = false;  // else the damaged log would be met again
    return Open();
  }

  OpenedDatabase Take() { return std::move(opened_); }
  std::string dropped_from() { return logger_->damaged(); }

 private:
  const DataDirectory& directory_;
  rocksdb::DBOptions settings_;
  const std::vector<rocksdb::ColumnFamilyDescriptor>& families_;
  const std::shared_ptr<QuietLogger> logger_ = std::make_shared<QuietLogger>();
  OpenedDatabase opened_;
};

}  // namespace

std::shared_ptr<rocksdb::EventListener> WatchBackgroundErrors(std::function<void(const rocksdb::Status&)> failed) {
  return std::make_shared<BackgroundErrors>(std::move(failed));
}

bool IsWriteRefused(const rocksdb::Status& status) {
  if (status.IsNoSpace()) return true;
  if (!status.IsIOError()) return false;
  const std::string text = status.ToString();
  for (const int error : {ENOSPC, EDQUOT, EFBIG, EIO, EROFS}) {
    if (absl::StrContains(text, std::strerror(error))) return true;
  }
  return false;
}

absl::StatusOr<OpenedDatabase> OpenReadOnly(const DataDirectory& directory, rocksdb::DBOptions settings,
                                            const std::vector<rocksdb::ColumnFamilyDescriptor>& families) {
  Opening opening(directory, std::move(settings), families);
  rocksdb::Status status = opening.OpenReadOnly();
  if (status.IsCorruption()) status = opening.OpenWithoutTornTail(status);
  if (!status.ok()) return Refusal(directory, status, opening.dropped_from());
  return opening.Take();
}

absl::StatusOr<OpenedDatabase> OpenDatabase(const DataDirectory& directory, rocksdb::DBOptions settings,
                                            const std::vector<rocksdb::ColumnFamilyDescriptor>& families) {
  settings.create_if_missing = settings.create_missing_column_families = directory.is_new();
  Opening opening(directory, std::move(settings), families);
  rocksdb::Status status = directory.accepts_loss() ? opening.OpenWithLoss() : opening.Open();
  if (IsWriteRefused(status) && !directory.is_new() && !directory.accepts_loss()) status = opening.OpenReadOnly();
  if (!status.ok()) return Refusal(directory, status, opening.dropped_from());
  return opening.Take();
}

void CloseDatabase(std::unique_ptr<rocksdb::DB> db, const std::vector<rocksdb::ColumnFamilyHandle*>& families) {
  if (db == nullptr) return;
  for (rocksdb::ColumnFamilyHandle* family : families) db->DestroyColumnFamilyHandle(family).PermitUncheckedError();
  db->Close().PermitUncheckedError();
}

}  // namespace suppressd
