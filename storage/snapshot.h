// A snapshot: all entries as of one revision, to be walked in key order, in pieces, while the store is written.
//
//   ChangePin pin;   // keeps the changes after the snapshot's revision
//   auto snapshot = reader.TakeSnapshot(&pin, until_micros);
//   (*snapshot)->Walk({.after_key = last_key}, [&](absl::string_view key, stored::StoredEntry entry) { ...; return
//   true; });
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rocksdb/snapshot.h"
#include "storage/keys.h"
#include "storage/stored.h"

namespace suppressd {

class ChangePin;
class Database;
class RocksHandle;

// Which entries of a snapshot.
struct SnapshotRange {
  // Only these lists; empty: all.
  std::set<std::string> tenants = {};
  // Only keys (EntryKey) behind this one; empty: from the first on.
  std::string after_key = {};
  // Only keys up to and with this one; empty: to the last.
  std::string until_key = {};
};

// Holds a RocksDB snapshot: what it sees takes room on disk for as long as it lives, so its holder limits its time.
// When the database is opened again below the process it is gone. Thread-safe. The database must outlive it.
class Snapshot {
 public:
  // Called with each entry, complete, and its key. False: stop here.
  using Visit = absl::FunctionRef<bool(absl::string_view key, stored::StoredEntry entry)>;

  // Takes one; see ListReader::TakeSnapshot.
  static absl::StatusOr<std::unique_ptr<Snapshot>> Take(Database* database, ChangePin* pin,
                                                        int64_t pinned_until_micros);
  ~Snapshot();
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  // The revision: it holds what this and all revisions before it made, and nothing of any later one.
  uint64_t revision() const { return revision_; }

  // Visits the entries of a range in byte order of their keys. Costs one seek for each tenant named, and nothing for
  // what lies before. INTERNAL when a stored value is damaged: the entries before it were visited. FAILED_PRECONDITION
  // (SNAPSHOT_GONE): the database was opened again since the snapshot was taken; take another.
  absl::Status Walk(const SnapshotRange& range, Visit visit) const;
  // The kept events of an entry that Walk showed, oldest first; those past the retention are left out. Errors of Walk.
  absl::StatusOr<std::vector<v1::BounceEvent>> ReadEvents(const EntryName& name,
                                                          const stored::StoredEntry& entry) const;

 private:
  Snapshot(const Database& database, const std::shared_ptr<const RocksHandle>& rocks);
  // The same between two keys; `end` itself is left out, empty: no end. `stopped` tells that the visitor had enough.
  absl::Status WalkKeys(const RocksHandle& rocks, const std::string& begin, const std::string& end, Visit visit,
                        bool* stopped) const;

  const std::weak_ptr<const RocksHandle> rocks_;  // a snapshot must not keep the database from being opened again
  const rocksdb::Snapshot* const view_;           // the handle's
  const Database& database_;
  uint64_t revision_ = 0;
};

}  // namespace suppressd
