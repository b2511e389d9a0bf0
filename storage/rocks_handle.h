// RocksDB as it is open at the moment: everyone who reads holds it, so that it is closed behind the last reader and
// never under one. When a database is opened again below a living process, another handle takes its place
// (Database::Recover).
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/steady_wait.h"
#include "rocksdb/db.h"
#include "storage/rocksdb_open.h"
#include "storage/rocksdb_settings.h"

namespace suppressd {

// Tells that a handle is closed. Thread-safe.
class ClosedSign {
 public:
  void Set();
  // Waits until it is set, at most this long by a clock that nobody can set; returns whether it is.
  bool AwaitFor(absl::Duration time);

 private:
  absl::Mutex mutex_;
  SteadyWait set_again_;
  bool set_ ABSL_GUARDED_BY(mutex_) = false;
};

// Thread-safe.
class RocksHandle {
 public:
  explicit RocksHandle(OpenedDatabase opened);
  // Releases its snapshots, closes, and sets the sign.
  ~RocksHandle();
  RocksHandle(const RocksHandle&) = delete;
  RocksHandle& operator=(const RocksHandle&) = delete;

  rocksdb::DB* db() const { return opened_.db.get(); }
  rocksdb::ColumnFamilyHandle* family(ColumnFamily family) const { return opened_.families[family]; }
  const std::vector<rocksdb::ColumnFamilyHandle*>& families() const { return opened_.families; }
  // It was opened for reading only: the disk refuses writes, or another handle is about to take its place.
  bool read_only() const { return opened_.read_only; }
  // A record of the meta family; empty when there is none. INTERNAL when it cannot be read.
  absl::StatusOr<std::string> GetMeta(const rocksdb::ReadOptions& read, const std::string& name) const;

  // A RocksDB snapshot that lives until Release, at most as long as the handle: whoever keeps one for longer than a
  // call keeps a weak pointer to the handle beside it.
  const rocksdb::Snapshot* TakeSnapshot() const;
  void Release(const rocksdb::Snapshot* snapshot) const;

  // Set once it is closed; may outlive it.
  const std::shared_ptr<ClosedSign>& closed() const { return closed_; }

 private:
  OpenedDatabase opened_;
  const std::shared_ptr<ClosedSign> closed_ = std::make_shared<ClosedSign>();
  mutable absl::Mutex mutex_;
  mutable std::set<const rocksdb::Snapshot*> snapshots_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace suppressd
