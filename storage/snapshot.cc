#include "storage/snapshot.h"

#include <algorithm>
#include <memory>

#include "common/error.h"
#include "storage/database.h"
#include "storage/list_reader.h"

namespace suppressd {
namespace {

// The first key behind this one.
std::string KeyAfter(const std::string& key) {
  return key + '\0';
}

// The first key behind all keys of a tenant: its prefix ends with the byte 0.
std::string TenantEnd(std::string prefix) {
  prefix.back() = '\1';
  return prefix;
}

absl::Status Gone() {
  return MakeError(absl::StatusCode::kFailedPrecondition, v1::SNAPSHOT_GONE,
                   "the storage was opened again since this snapshot was taken; take another");
}

}  // namespace

Snapshot::Snapshot(const Database& database, const std::shared_ptr<const RocksHandle>& rocks)
    : rocks_(rocks), view_(rocks->TakeSnapshot()), database_(database) {}

Snapshot::~Snapshot() {
  if (const std::shared_ptr<const RocksHandle> rocks = rocks_.lock(); rocks != nullptr) rocks->Release(view_);
}

absl::Status Snapshot::Walk(const SnapshotRange& range, Visit visit) const {
  const std::shared_ptr<const RocksHandle> rocks = rocks_.lock();
  if (rocks == nullptr) return Gone();
  const std::string begin = range.after_key.empty() ? "" : KeyAfter(range.after_key);
  const std::string end = range.until_key.empty() ? "" : KeyAfter(range.until_key);
  bool stopped = false;
  if (range.tenants.empty()) return WalkKeys(*rocks, begin, end, visit, &stopped);
  for (const std::string& tenant : range.tenants) {
    const std::string prefix = EntryPrefix(tenant);
    const std::string tenant_end = TenantEnd(prefix);
    if (!end.empty() && prefix >= end) break;
    if (tenant_end <= begin) continue;
    absl::Status status = WalkKeys(*rocks, std::max(begin, prefix),
                                   end.empty() ? tenant_end : std::min(end, tenant_end), visit, &stopped);
    if (!status.ok() || stopped) return status;
  }
  return absl::OkStatus();
}

absl::Status Snapshot::WalkKeys(const RocksHandle& rocks, const std::string& begin, const std::string& end, Visit visit,
                                bool* stopped) const {
  const rocksdb::Slice upper = end;
  rocksdb::ReadOptions read;
  read.snapshot = view_;
  if (!end.empty()) read.iterate_upper_bound = &upper;
  read.fill_cache = false;  // a walk over everything must not push out what checks need
  const std::unique_ptr<rocksdb::Iterator> it(rocks.db()->NewIterator(read, rocks.family(kEntries)));
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

absl::StatusOr<std::vector<v1::BounceEvent>> Snapshot::ReadEvents(const EntryName& name,
                                                                  const stored::StoredEntry& entry) const {
  const std::shared_ptr<const RocksHandle> rocks = rocks_.lock();
  if (rocks == nullptr) return Gone();
  rocksdb::ReadOptions read;
  read.snapshot = view_;
  read.fill_cache = false;
  const int64_t after = database_.cutoffs().bounces_after_micros.load();
  std::vector<v1::BounceEvent> events;
  for (const uint64_t number : entry.event_revisions()) {
    std::string value;
    const rocksdb::Status status = rocks->db()->Get(read, rocks->family(kBounces), BounceKey(name, number), &value);
    if (status.IsNotFound()) continue;  // past its retention
    v1::BounceEvent event;
    if (!status.ok()) return ReadFailure(status);
    if (!event.ParseFromString(value)) return ReadFailure(rocksdb::Status::Corruption());
    if (ToMicros(event.received_at()) > after) events.push_back(std::move(event));
  }
  return events;
}

absl::StatusOr<std::unique_ptr<Snapshot>> Snapshot::Take(Database* database, ChangePin* pin,
                                                         int64_t pinned_until_micros) {
  absl::MutexLock trim_lock(&database->trim_mutex());
  const std::shared_ptr<const RocksHandle> rocks = database->Use();
  std::unique_ptr<Snapshot> snapshot(new Snapshot(*database, rocks));
  rocksdb::ReadOptions read;
  read.snapshot = snapshot->view_;
  const absl::StatusOr<std::string> revision = rocks->GetMeta(read, kRevisionName);
  if (!revision.ok()) return revision.status();
  snapshot->revision_ = ParseRevisionKey(*revision);
  if (pin != nullptr) *pin = database->pins().Add(snapshot->revision_, pinned_until_micros);
  return snapshot;
}

absl::StatusOr<std::unique_ptr<Snapshot>> ListReader::TakeSnapshot(ChangePin* pin, int64_t pinned_until_micros) const {
  return Snapshot::Take(database_, pin, pinned_until_micros);
}

}  // namespace suppressd
