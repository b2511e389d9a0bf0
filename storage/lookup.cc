// Point lookups: what is known of an address.
#include <algorithm>
#include <string>
#include <utility>

#include "protos/error.h"
#include "storage/store.h"

namespace suppression {

absl::Status ReadFailure(const rocksdb::Status& status) {
  // The text of a corruption may quote a key: only its kind goes out.
  return MakeError(absl::StatusCode::kInternal, v1::INTERNAL_ERROR,
                   status.IsCorruption() ? "stored data is damaged" : "stored data cannot be read");
}

absl::Status DecodeEntry(const EntryName& name, absl::string_view value, stored::StoredEntry* entry) {
  if (!entry->ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return ReadFailure(rocksdb::Status::Corruption());
  }
  entry->mutable_suppression()->set_tenant(std::string(name.tenant));
  entry->mutable_suppression()->set_address(name.Address());
  return absl::OkStatus();
}

std::string EncodeEntry(const stored::StoredEntry& entry) {
  stored::StoredEntry value = entry;
  value.mutable_suppression()->clear_tenant();
  value.mutable_suppression()->clear_address();
  return value.SerializeAsString();
}

bool Store::HasDomainEntries(absl::string_view tenant) const {
  if (!any_domain_entries_.load(std::memory_order_acquire)) return false;
  absl::ReaderMutexLock lock(&mutex_);
  const auto found = domain_entries_.find(tenant);
  return found != domain_entries_.end() && found->second > 0;
}

absl::Status Store::GetEntry(const rocksdb::ReadOptions& read, const EntryName& name,
                             std::optional<stored::StoredEntry>* entry) const {
  rocksdb::PinnableSlice value;
  thread_local std::string key;
  EntryKeyTo(name, &key);
  const rocksdb::Status status = db_->Get(read, families_[kEntries], key, &value);
  if (status.IsNotFound()) return absl::OkStatus();
  if (!status.ok()) return ReadFailure(status);
  return DecodeEntry(name, ToView(value), &entry->emplace());
}

// Why the revision is exact: the head is read first, and is moved on only after a write is visible; so what is seen is
// the state of `head`, or of a later write to the very entry, which then tells its own revision. Entries read together
// come from one RocksDB snapshot.
absl::Status Store::Get(const EntryName& name, Lookup* found) const {
  if (!name.local_part.empty() && HasDomainEntries(name.tenant)) {
    return MultiGet(
        {name},
        [&](size_t, bool domain, stored::StoredEntry entry) {
          (domain ? found->domain : found->address) = std::move(entry);
        },
        &found->revision);
  }
  found->revision = head_->head();
  absl::Status status = GetEntry({}, name, name.local_part.empty() ? &found->domain : &found->address);
  if (!status.ok()) return status;
  const auto& entry = name.local_part.empty() ? found->domain : found->address;
  if (entry.has_value()) found->revision = std::max(found->revision, entry->revision());
  return absl::OkStatus();
}

absl::Status Store::MultiGet(absl::Span<const EntryName> names,
                             absl::FunctionRef<void(size_t, bool, stored::StoredEntry)> hit,
                             absl::FunctionRef<void(size_t)> damaged, uint64_t* revision) const {
  *revision = head_->head();
  if (names.empty()) return absl::OkStatus();
  const bool domains = HasDomainEntries(names[0].tenant);
  const size_t per_name = domains ? 2 : 1;
  const size_t count = names.size() * per_name;
  std::vector<std::string> keys(count);
  std::vector<rocksdb::Slice> slices(count);
  for (size_t i = 0; i < names.size(); ++i) {
    EntryKeyTo(names[i], &keys[i * per_name]);
    if (domains) EntryKeyTo({names[i].tenant, names[i].domain, ""}, &keys[i * per_name + 1]);
  }
  for (size_t i = 0; i < count; ++i) slices[i] = keys[i];
  std::vector<rocksdb::PinnableSlice> values(count);
  std::vector<rocksdb::Status> statuses(count);
  db_->MultiGet({}, families_[kEntries], count, slices.data(), values.data(), statuses.data());
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

absl::StatusOr<std::vector<v1::BounceEvent>> Store::ReadEvents(const EntryName& name, const stored::StoredEntry& entry,
                                                               int max) const {
  std::vector<v1::BounceEvent> events;
  const int64_t oldest = horizon_.newest_command_micros.load() - horizon_.bounce_retention_micros;
  for (int i = entry.event_revisions_size() - 1; i >= 0 && static_cast<int>(events.size()) < max; --i) {
    std::string value;
    const rocksdb::Status status = db_->Get({}, families_[kBounces], BounceKey(name, entry.event_revisions(i)), &value);
    if (status.IsNotFound()) continue;  // past its retention
    if (!status.ok()) return ReadFailure(status);
    v1::BounceEvent event;
    if (!event.ParseFromString(value)) return ReadFailure(rocksdb::Status::Corruption());
    if (ToMicros(event.received_at()) >= oldest) events.push_back(std::move(event));
  }
  return events;
}

}  // namespace suppression
