#include "storage/entry_batch.h"

#include <algorithm>
#include <utility>

#include "storage/entry.h"
#include "storage/time_index.h"

namespace suppressd {

void EntryBatch::Put(ColumnFamily family, const std::string& key, const std::string& value) {
  // Fails only for a batch over 4 GiB or a column family that does not exist.
  batch_.Put(database_->family(family), key, value).PermitUncheckedError();
}

void EntryBatch::Delete(ColumnFamily family, const std::string& key) {
  batch_.Delete(database_->family(family), key).PermitUncheckedError();
}

void EntryBatch::Clear() {
  batch_.Clear();
  entries_.clear();
  domain_entries_.clear();
}

absl::Status EntryBatch::Load(const EntryName& name) {
  const std::string key = EntryKey(name);
  if (entries_.contains(key)) return absl::OkStatus();
  std::optional<stored::StoredEntry> entry;
  if (absl::Status status = ReadEntry(*database_->Use(), {}, name, &entry); !status.ok()) return status;
  Loaded& loaded = entries_[key];
  loaded.existed = entry.has_value();
  if (entry.has_value()) loaded.entry = *std::move(entry);
  SetTarget(name, loaded.entry.mutable_suppression());
  return absl::OkStatus();
}

void EntryBatch::Erase(const EntryName& name, uint64_t revision, Loaded* loaded) {
  if (!loaded->existed) return;
  LeaveIndex(name, revision, &loaded->entry);
  if (name.local_part.empty()) --DomainEntries(name);
  Delete(kEntries, EntryKey(name));
  loaded->existed = false;
  loaded->entry.Clear();
  SetTarget(name, loaded->entry.mutable_suppression());
  loaded->entry.set_revision(revision);
}

int64_t& EntryBatch::DomainEntries(const EntryName& name) {
  const std::string tenant(name.tenant);
  if (!domain_entries_.contains(tenant)) domain_entries_[tenant] = database_->DomainEntries(tenant);
  return domain_entries_[tenant];
}

EntryBatch::Loaded* EntryBatch::Find(const EntryName& name) {
  return &entries_.find(EntryKey(name))->second;
}

void EntryBatch::Write(const EntryName& name, uint64_t revision, Loaded* loaded) {
  loaded->entry.set_revision(revision);
  UpdateIndex(name, revision, &loaded->entry);
  if (!loaded->existed && name.local_part.empty()) ++DomainEntries(name);
  loaded->existed = true;
  Put(kEntries, EntryKey(name), EncodeEntry(loaded->entry));
}

void EntryBatch::LeaveIndex(const EntryName& name, uint64_t revision, stored::StoredEntry* entry) {
  for (const stored::IndexedUnder& under : entry->indexed_under()) {
    stored::IndexRow left;
    left.set_from_revision(under.from_revision());
    left.set_until_revision(revision);
    Put(kByTime, TimeKey(name, under.kind(), entry->indexed_at_micros()), left.SerializeAsString());
  }
  entry->clear_indexed_under();
}

void EntryBatch::UpdateIndex(const EntryName& name, uint64_t revision, stored::StoredEntry* entry) {
  if (!entry->suppression().has_listed_at()) return;
  const int64_t listed_at = ToMicros(entry->suppression().listed_at());
  if (entry->indexed_at_micros() != listed_at) {
    LeaveIndex(name, revision, entry);
    entry->set_indexed_at_micros(listed_at);
  }
  for (const v1::BounceReason kind : IndexKinds(entry->suppression(), database_->kind())) {
    const auto& held = entry->indexed_under();
    if (std::any_of(held.begin(), held.end(), [&](const auto& under) { return under.kind() == kind; })) continue;
    stored::IndexedUnder* under = entry->add_indexed_under();
    under->set_kind(kind);
    under->set_from_revision(revision);
    stored::IndexRow row;
    row.set_from_revision(revision);
    Put(kByTime, TimeKey(name, kind, listed_at), row.SerializeAsString());
  }
}

}  // namespace suppressd
