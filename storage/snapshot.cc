#include "storage/snapshot.h"

#include <algorithm>
#include <memory>

#include "storage/store.h"

namespace suppression {
namespace {

// The first key behind this one.
std::string KeyAfter(const std::string& key) {
  return key + '\0';
}

// The first key behind all keys of a tenant: its prefix ends with the octet 0.
std::string TenantEnd(std::string prefix) {
  prefix.back() = '\1';
  return prefix;
}

}  // namespace

Snapshot::Snapshot(const Store* store) : store_(store), held_(store->db_.get()), view_(held_.snapshot()) {}

absl::Status Snapshot::Walk(const SnapshotRange& range, Visit visit) const {
  const std::string begin = range.after_key.empty() ? "" : KeyAfter(range.after_key);
  const std::string end = range.until_key.empty() ? "" : KeyAfter(range.until_key);
  bool stopped = false;
  if (range.tenants.empty()) return WalkKeys(begin, end, visit, &stopped);
  for (const std::string& tenant : range.tenants) {
    const std::string prefix = EntryPrefix(tenant);
    const std::string tenant_end = TenantEnd(prefix);
    if (!end.empty() && prefix >= end) break;
    if (tenant_end <= begin) continue;
    absl::Status status =
        WalkKeys(std::max(begin, prefix), end.empty() ? tenant_end : std::min(end, tenant_end), visit, &stopped);
    if (!status.ok() || stopped) return status;
  }
  return absl::OkStatus();
}

absl::Status Snapshot::WalkKeys(const std::string& begin, const std::string& end, Visit visit, bool* stopped) const {
  const rocksdb::Slice upper = end;
  rocksdb::ReadOptions read;
  read.snapshot = view_;
  if (!end.empty()) read.iterate_upper_bound = &upper;
  read.fill_cache = false;  // a walk over everything must not push out what checks need
  const std::unique_ptr<rocksdb::Iterator> it(store_->db_->NewIterator(read, store_->families_[kEntries]));
  for (it->Seek(begin); it->Valid(); it->Next()) {
    EntryName name;
    stored::StoredEntry entry;
    if (!ParseEntryKey(ToView(it->key()), &name)) return ReadFailure(rocksdb::Status::Corruption());
    if (absl::Status status = DecodeEntry(name, ToView(it->value()), &entry); !status.ok()) return status;
    if (!visit(ToView(it->key()), std::move(entry))) {
      *stopped = true;
      return absl::OkStatus();
    }
  }
  return it->status().ok() ? absl::OkStatus() : ReadFailure(it->status());
}

absl::StatusOr<std::unique_ptr<Snapshot>> Store::TakeSnapshot(ChangePin* pin, int64_t pinned_until_micros) {
  absl::MutexLock trim_lock(&trim_mutex_);
  std::unique_ptr<Snapshot> snapshot(new Snapshot(this));
  rocksdb::ReadOptions read;
  read.snapshot = snapshot->view_;
  const absl::StatusOr<std::string> revision = GetMeta(read, "last_revision");
  if (!revision.ok()) return revision.status();
  snapshot->revision_ = ParseRevisionKey(*revision);
  if (pin != nullptr) *pin = pins_.Add(snapshot->revision_, pinned_until_micros);
  return snapshot;
}

uint64_t Store::EstimateEntries() const {
  uint64_t count = 0;
  return db_->GetIntProperty(families_[kEntries], rocksdb::DB::Properties::kEstimateNumKeys, &count) ? count : 0;
}

}  // namespace suppression
