// Backups, read back: that every file is what it was when it was written, that the database in it can be read, and that
// it lacks nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "rocksdb/env.h"
#include "rocksdb/status.h"
#include "rocksdb/utilities/backup_engine.h"
#include "storage/database.h"

namespace suppressd {

// How backups are written and read in this directory, which is absolute. `env`: its file system; it must outlive the
// engine.
rocksdb::BackupEngineOptions EngineOptions(const std::string& path, rocksdb::Env* env);

// Whether RocksDB says that a file is missing or is not what it was: trying again does not help.
bool IsDamage(const rocksdb::Status& status);

// What went wrong with a backup: DATA_LOSS when it is damaged, UNAVAILABLE when the system refuses.
absl::Status BackupFailure(uint32_t id, const rocksdb::Status& status);

// Proves that the files of a backup are what they were. Reads all of them. Errors: BackupFailure.
absl::Status VerifyBackup(const rocksdb::BackupEngineReadOnlyBase& engine, uint32_t id);

// Whether all tables are read as well, to the last block, or only what a start would read.
enum class TableCheck { kNone, kAllBlocks };

// Proves that the database in a directory lacks nothing, as a start of the server does, and says what it holds. Changes
// nothing. DATA_LOSS when it is damaged or incomplete; UNAVAILABLE when the system refuses.
absl::StatusOr<DatabaseFacts> ProveDatabase(const std::string& path, rocksdb::Env* env, TableCheck tables);

// The same of a backup, all blocks.
absl::StatusOr<DatabaseFacts> ProveBackup(const rocksdb::BackupEngineReadOnlyBase& engine, uint32_t id);

}  // namespace suppressd
