// Point lookups, events and the change log; lists: listing.cc, snapshots: snapshot.cc, the audit trail:
// audit_listing.cc.
#include "storage/list_reader.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/error.h"
#include "storage/database.h"

namespace suppressd {
namespace {

absl::Status HistoryGone() {
  return MakeError(absl::StatusCode::kOutOfRange, v1::HISTORY_GONE,
                   "the change log no longer reaches back to this token");
}

}  // namespace

uint64_t ListReader::lineage() const {
  return database_->lineage();
}

uint64_t ListReader::timeline() const {
  return database_->timeline();
}

bool ListReader::HasState(uint64_t timeline, uint64_t revision) const {
  return database_->HasState(timeline, revision);
}

HeadSignal& ListReader::head() const {
  return database_->head();
}

uint64_t ListReader::oldest_start() const {
  return database_->oldest_change() - 1;
}

uint64_t ListReader::EstimateEntries() const {
  uint64_t count = 0;
  const auto property = rocksdb::DB::Properties::kEstimateNumKeys;
  const std::shared_ptr<const RocksHandle> rocks = database_->Use();
  return rocks->db()->GetIntProperty(rocks->family(kEntries), property, &count) ? count : 0;
}

RocksFigures ListReader::Figures() const {
  return FiguresOf(database_->Use()->db());
}

// Why the revision is exact: the head is read first, and is moved on only after a write is visible; so what is seen is
// the state of `head`, or of a later write to the very entry, which then tells its own revision. Entries read together
// come from one RocksDB snapshot.
absl::Status ListReader::Get(const EntryName& name, Lookup* found) const {
  if (!name.local_part.empty() && database_->HasDomainEntries(name.tenant)) {
    return MultiGet(
        {name},
        [&](size_t, bool domain, stored::StoredEntry entry) {
          (domain ? found->domain : found->address) = std::move(entry);
        },
        &found->revision);
  }
  found->revision = head().head();
  absl::Status status =
      ReadEntry(*database_->Use(), {}, name, name.local_part.empty() ? &found->domain : &found->address);
  if (!status.ok()) return status;
  const auto& entry = name.local_part.empty() ? found->domain : found->address;
  if (entry.has_value()) found->revision = std::max(found->revision, entry->revision());
  return absl::OkStatus();
}

absl::Status ListReader::MultiGet(absl::Span<const EntryName> names,
                                  absl::FunctionRef<void(size_t, bool, stored::StoredEntry)> hit,
                                  absl::FunctionRef<void(size_t)> damaged, uint64_t* revision) const {
  *revision = head().head();
  if (names.empty()) return absl::OkStatus();
  const bool domains = database_->HasDomainEntries(names[0].tenant);
  const size_t per_name = domains ? 2 : 1;
  const size_t count = names.size() * per_name;
  std::vector<std::string> keys(count);
  std::vector<rocksdb::Slice> slices(count);
  for (size_t i = 0; i < names.size(); ++i) {
    EntryKeyTo(names[i], &keys[i * per_name]);
    if (domains) EntryKeyTo({names[i].tenant, names[i].domain, ""}, &keys[i * per_name + 1]);
  }
  for (size_t i = 0; i < count; ++i) slices[i] = keys[i];
  const std::shared_ptr<const RocksHandle> rocks = database_->Use();  // outlives what it pins
  std::vector<rocksdb::PinnableSlice> values(count);
  std::vector<rocksdb::Status> statuses(count);
  rocks->db()->MultiGet({}, rocks->family(kEntries), count, slices.data(), values.data(), statuses.data());
  for (size_t i = 0; i < count; ++i) {
    if (statuses[i].IsNotFound()) continue;
    if (!statuses[i].ok() && !statuses[i].IsCorruption()) return ReadFailure(statuses[i]);
    const EntryName& name = names[i / per_name];
    const bool domain = (domains && i % 2 == 1) || name.local_part.empty();
    const EntryName found{name.tenant, name.domain, domain ? "" : name.local_part};
    stored::StoredEntry entry;
    if (!statuses[i].ok() || !DecodeEntry(found, ToView(values[i]), &entry).ok()) {
      damaged(i / per_name);
      continue;
    }
    *revision = std::max(*revision, entry.revision());
    hit(i / per_name, domain, std::move(entry));
  }
  return absl::OkStatus();
}

absl::Status ListReader::MultiGet(absl::Span<const EntryName> names,
                                  absl::FunctionRef<void(size_t, bool, stored::StoredEntry)> hit,
                                  uint64_t* revision) const {
  bool any_damaged = false;
  absl::Status status = MultiGet(
      names, hit, [&](size_t) { any_damaged = true; }, revision);
  return status.ok() && any_damaged ? ReadFailure(rocksdb::Status::Corruption()) : status;
}

absl::StatusOr<std::vector<v1::BounceEvent>> ListReader::ReadEvents(const EntryName& name,
                                                                    const stored::StoredEntry& entry, int max) const {
  std::vector<v1::BounceEvent> events;
  const std::shared_ptr<const RocksHandle> rocks = database_->Use();
  const int64_t after = database_->cutoffs().bounces_after_micros.load();
  for (int i = entry.event_revisions_size() - 1; i >= 0 && static_cast<int>(events.size()) < max; --i) {
    std::string value;
    const std::string key = BounceKey(name, entry.event_revisions(i));
    const rocksdb::Status status = rocks->db()->Get({}, rocks->family(kBounces), key, &value);
    if (status.IsNotFound()) continue;  // past its retention
    if (!status.ok()) return ReadFailure(status);
    v1::BounceEvent event;
    if (!event.ParseFromString(value)) return ReadFailure(rocksdb::Status::Corruption());
    if (ToMicros(event.received_at()) > after) events.push_back(std::move(event));
  }
  return events;
}

absl::StatusOr<std::vector<RevisionChange>> ListReader::ReadChanges(uint64_t after, int max, size_t bytes_max) const {
  std::vector<RevisionChange> changes;
  size_t bytes = 0;
  const std::string first = RevisionKey(after + 1);
  const std::string end = RevisionKey(head().head() + 1);
  const rocksdb::Slice upper = end;
  rocksdb::ReadOptions read;
  read.iterate_upper_bound = &upper;
  const std::shared_ptr<const RocksHandle> rocks = database_->Use();
  std::unique_ptr<rocksdb::Iterator> it(rocks->db()->NewIterator(read, rocks->family(kChanges)));
  // Asked after the iterator was made: it sees all that was there then, so a trim from now on does no harm.
  if (after < oldest_start()) return HistoryGone();
  for (it->Seek(first); it->Valid() && static_cast<int>(changes.size()) < max; it->Next()) {
    bytes += it->value().size();
    if (bytes > bytes_max && !changes.empty()) break;
    RevisionChange& next = changes.emplace_back();
    next.revision = ParseRevisionKey(ToView(it->key()));
    // Revisions have no gaps: one would be a trim under way between its write and what oldest_start says.
    if (next.revision != after + changes.size()) return HistoryGone();
    if (!next.change.ParseFromArray(it->value().data(), static_cast<int>(it->value().size()))) {
      return ReadFailure(rocksdb::Status::Corruption());
    }
  }
  if (!it->status().ok()) return ReadFailure(it->status());
  return changes;
}

}  // namespace suppressd
