// Opens a RocksDB database with what a crash, a loss of power or a full disk may have left, and says in one sentence
// which file keeps it from opening, and what to do.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "rocksdb/db.h"
#include "rocksdb/listener.h"
#include "storage/data_directory.h"

namespace suppressd {

struct OpenedDatabase {
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  // The disk is full, or refuses writes in another way: it can be read only.
  bool read_only = false;
};

// Opens the database of a directory to read it, so that it can be proved complete before anything on disk is changed;
// only a record at the end of the newest log, or of the manifest, that a loss of power left half written is cut off.
//
// DATA_LOSS: a file is damaged or missing; it is named. UNAVAILABLE: the system refuses, which says nothing of the
// data.
absl::StatusOr<OpenedDatabase> OpenReadOnly(const DataDirectory& directory, rocksdb::DBOptions settings,
                                            const std::vector<rocksdb::ColumnFamilyDescriptor>& families);

// Opens the database of a directory, or creates it where the directory is new. Where the directory accepts a loss
// (DataDirectory::accepts_loss), all that can be read of the logs is kept and the rest dropped.
//
// Errors as OpenReadOnly; RESOURCE_EXHAUSTED: no room to create it, or to accept the loss.
absl::StatusOr<OpenedDatabase> OpenDatabase(const DataDirectory& directory, rocksdb::DBOptions settings,
                                            const std::vector<rocksdb::ColumnFamilyDescriptor>& families);

// Closes it. Null is passed over.
void CloseDatabase(std::unique_ptr<rocksdb::DB> db, const std::vector<rocksdb::ColumnFamilyHandle*>& families);

// A listener (rocksdb::DBOptions) that calls `failed` with each error of RocksDB's own work in the background: a flush,
// a compaction, the manifest. Any thread; RocksDB does nothing more in the background then.
std::shared_ptr<rocksdb::EventListener> WatchBackgroundErrors(std::function<void(const rocksdb::Status&)> failed);

// Whether a write failed for want of room, or because the disk takes no writes: reads may well go on.
bool IsWriteRefused(const rocksdb::Status& status);

}  // namespace suppressd
