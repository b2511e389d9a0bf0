// Backups of a list, made while it is served.
//
//   std::unique_ptr<Backups> backups = store->MakeBackups({.path = "/backup/suppressd"});
//   absl::StatusOr<CreatedBackup> made = backups->Create(now_micros);
//
// A backup holds all families as of one revision. Table files are shared between backups, so that each adds what is new
// only. It counts once it was read back and proved complete, and a note says so (backup_directory.h); until then it is
// deleted by the next one.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "rocksdb/env.h"
#include "storage/backup_directory.h"
#include "suppressd/v1/admin_service.pb.h"

namespace suppressd {

class Database;

struct BackupOptions {
  // The directory of backups; made when missing. Outside of the data directory.
  std::string path;
  // Only so many are kept, the newest (1 to kBackupsMax)...
  int keep_count = 7;
  // ... and none older than this (at least 1); but always the newest.
  int keep_days = 30;
  // The file system of the directory; null: the system's. Tests inject faults here.
  rocksdb::Env* env = nullptr;
};

struct CreatedBackup {
  BackupNote backup;
  // Older ones that were deleted.
  int deleted_count = 0;
  // Why some that are past their time could not be deleted; the next backup tries again.
  absl::Status pruned;
};

// Thread-safe.
class Backups {
 public:
  // Touches no disk. The database must outlive it.
  Backups(Database* database, const BackupOptions& options);
  ~Backups() = default;
  Backups(const Backups&) = delete;
  Backups& operator=(const Backups&) = delete;

  // Makes a backup of the newest state, reads it back, and deletes older ones that are past their time. It holds all
  // that was acknowledged before the call. Takes as long as the disks do; the list is read and written meanwhile.
  // `now_micros`: the time, in microseconds since 1970.
  //
  // After an error nothing is left that could be restored, and earlier backups are as they were, but for those that
  // were found damaged. UNAVAILABLE: STORAGE_UNAVAILABLE when a disk refuses, or another process uses the directory;
  // OVERLOADED when another backup is being made; SHUTTING_DOWN after Stop. INTERNAL (INTERNAL_ERROR) when what was
  // written cannot be read back, or the database is damaged.
  absl::StatusOr<CreatedBackup> Create(int64_t now_micros);
  // Deletes backups that are past their time, but the newest; returns how many. None while one is being made. Errors
  // as Create.
  absl::StatusOr<int> Prune(int64_t now_micros);
  // Reads the directory again; nothing while a backup is being made. Errors as Create: what was seen last still counts.
  absl::Status Look();

  // The complete backups as seen last, by Create, Prune or Look; the newest first, at most kBackupsMax.
  std::vector<BackupNote> List() const;
  // The newest of them; nothing: there is none.
  std::optional<BackupNote> newest() const;
  // How many times Create failed, those refused because another one was under way left out.
  uint64_t failures() const { return failures_.load(); }

  // A Create that is under way, and any later one, ends soon with an error. Before the process ends; may be repeated.
  void Stop() { stopping_ = true; }

 private:
  absl::StatusOr<CreatedBackup> CreateAlone(int64_t now_micros);
  // OK, or why no backup can be made now.
  absl::Status MayGoOn() const;
  void Show(std::vector<BackupNote> notes);

  Database* const database_;
  const BackupOptions options_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> copying_{false};  // the database is held open
  std::atomic<bool> creating_{false};
  std::atomic<uint64_t> failures_{0};
  const std::unique_ptr<rocksdb::Env> env_;
  std::mutex directory_mutex_;  // who uses the directory; absl's cannot be tried and released by scope
  mutable absl::Mutex mutex_;
  std::vector<BackupNote> notes_ ABSL_GUARDED_BY(mutex_);
};

// As the API tells of it.
v1::Backup BackupMessage(const BackupNote& note);

}  // namespace suppressd
