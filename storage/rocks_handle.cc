#include "storage/rocks_handle.h"

#include <utility>

#include "storage/database.h"

namespace suppressd {

void ClosedSign::Set() {
  {
    absl::MutexLock lock(&mutex_);
    set_ = true;
  }
  set_again_.Notify();
}

bool ClosedSign::AwaitFor(absl::Duration time) {
  absl::MutexLock lock(&mutex_);
  return set_again_.AwaitFor(&mutex_, time, [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return set_; });
}

RocksHandle::RocksHandle(OpenedDatabase opened) : opened_(std::move(opened)) {}

RocksHandle::~RocksHandle() {
  {
    absl::MutexLock lock(&mutex_);
    for (const rocksdb::Snapshot* snapshot : snapshots_) opened_.db->ReleaseSnapshot(snapshot);
  }
  CloseDatabase(std::move(opened_.db), opened_.families);
  closed_->Set();
}

absl::StatusOr<std::string> RocksHandle::GetMeta(const rocksdb::ReadOptions& read, const std::string& name) const {
  std::string value;
  const rocksdb::Status status = db()->Get(read, family(kMeta), name, &value);
  if (!status.ok() && !status.IsNotFound()) return ReadFailure(status);
  return value;
}

const rocksdb::Snapshot* RocksHandle::TakeSnapshot() const {
  const rocksdb::Snapshot* const snapshot = db()->GetSnapshot();
  absl::MutexLock lock(&mutex_);
  snapshots_.insert(snapshot);
  return snapshot;
}

void RocksHandle::Release(const rocksdb::Snapshot* snapshot) const {
  {
    absl::MutexLock lock(&mutex_);
    snapshots_.erase(snapshot);
  }
  db()->ReleaseSnapshot(snapshot);
}

}  // namespace suppressd
