// Restores a backup into a data directory, and lists backups, without a server.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "rocksdb/env.h"
#include "storage/backup_directory.h"

namespace suppressd {

struct RestoreRequest {
  // The directory of backups. It is only read.
  std::string from;
  // The data directory to make; missing or empty.
  std::string data_dir;
  // Which backup; 0: the newest.
  uint32_t backup_id = 0;
  // The file system of both; null: the system's. Tests inject faults here.
  rocksdb::Env* env = nullptr;
};

struct RestoredBackup {
  BackupNote backup;
  // What the data directory holds: the revision of the backup, under a lineage of its own.
  RevisionToken state;
};

// Verifies a backup, copies it, makes the copy durable, proves it complete, and begins a new lineage: revisions after
// that of the backup are given out again, so tokens of before must not fit. Takes as long as the disks do.
//
// FAILED_PRECONDITION and one clear sentence when the data directory holds anything, or the backup directory is not
// ours or in use by who writes it; NOT_FOUND when there is no such backup, or it is not complete; DATA_LOSS when it is
// damaged; other codes when the system refuses. After an error the data directory is empty again; or complete, where
// only the new lineage could not begin, which the next Store::Open begins. When the process is killed meanwhile, or the
// directory cannot be emptied, Store::Open refuses it.
absl::StatusOr<RestoredBackup> RestoreBackup(const RestoreRequest& request);

// The complete backups of a directory, the newest first. Errors as RestoreBackup.
absl::StatusOr<std::vector<BackupNote>> ListBackups(const std::string& from);

}  // namespace suppressd
