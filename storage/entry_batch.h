// Entries on their way to disk: read once, changed in memory, and collected in one WriteBatch with their index.
#pragma once

#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "rocksdb/write_batch.h"
#include "storage/database.h"
#include "storage/keys.h"
#include "storage/stored.h"

namespace suppressd {

// Not thread-safe. The database must outlive it.
class EntryBatch {
 public:
  struct Loaded {
    stored::StoredEntry entry;
    bool existed = false;
  };

  explicit EntryBatch(const Database* database) : database_(database) {}

  // Reads an entry unless it was before. INTERNAL when it is damaged.
  absl::Status Load(const EntryName& name);
  // The entry, which was loaded, with tenant and target set. Valid until the next Load.
  Loaded* Find(const EntryName& name);
  // Writes an entry, which was loaded, as of this revision, with its index; counts a new whole-domain entry.
  void Write(const EntryName& name, uint64_t revision, Loaded* loaded);
  // Deletes an entry, which was loaded, as of this revision; rows of its index stay for listings that are under way.
  // One that is not there stays away.
  void Erase(const EntryName& name, uint64_t revision, Loaded* loaded);
  // Whole-domain entries that a list holds from now on.
  void SetDomainEntries(const std::string& tenant, int64_t count) { domain_entries_[tenant] = count; }

  void Put(ColumnFamily family, const std::string& key, const std::string& value);
  void Delete(ColumnFamily family, const std::string& key);
  // Adds a record to the meta family.
  void PutMeta(const std::string& name, const std::string& value) { Put(kMeta, name, value); }
  // Forgets what was added, which was written, and goes on from there.
  void Clear();

  rocksdb::WriteBatch* write_batch() { return &batch_; }
  // The new number of whole-domain entries of each list that got one.
  const absl::flat_hash_map<std::string, int64_t>& domain_entries() const { return domain_entries_; }

 private:
  // The number of whole-domain entries of a list, to be changed.
  int64_t& DomainEntries(const EntryName& name);
  // Leaves the entry's rows in the index behind: it stands there no longer.
  void LeaveIndex(const EntryName& name, uint64_t revision, stored::StoredEntry* entry);
  void UpdateIndex(const EntryName& name, uint64_t revision, stored::StoredEntry* entry);

  const Database* const database_;
  rocksdb::WriteBatch batch_;
  absl::flat_hash_map<std::string, Loaded> entries_;
  absl::flat_hash_map<std::string, int64_t> domain_entries_;
};

}  // namespace suppressd
