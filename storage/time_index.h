// The index by time: under which kinds an entry stands, and reading it in order.
//
// A store of its own keeps a row among all entries (kind 0) and one under each reason. A replica, which is to be small,
// keeps only those under the reasons, and reads all of them at once where it is asked for all entries.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "rocksdb/db.h"
#include "storage/keys.h"
#include "storage/store_options.h"
#include "storage/stored.h"
#include "suppressd/v1/suppression.pb.h"

namespace suppressd {

// The kinds under which an entry that is listed stands, ascending.
std::vector<v1::BounceReason> IndexKinds(const v1::Suppression& suppression, DatabaseKind database);
// Whether a replica's kinds are the same to every program: none of the reasons is one that a newer source made up. Else
// an entry must say itself where it stands, for a newer program would look for it elsewhere.
bool IndexIsPlain(const v1::Suppression& suppression);

// Writes into a replica's entry where it stands, unless it says so: one that came with a snapshot does not, and stands
// under the reasons it came with, since before all.
void SpellOutIndex(stored::StoredEntry* entry);

// The first key behind all keys that begin with `prefix`, whose last byte is never 0xff.
std::string PrefixEnd(std::string prefix);

// Which rows.
struct TimeRange {
  absl::string_view tenant;
  // Only rows under this reason; unspecified: each entry once.
  v1::BounceReason reason = v1::BOUNCE_REASON_UNSPECIFIED;
  // Only what was listed before this time; zero: up to the newest.
  int64_t listed_before_micros = 0;
  // Only what comes behind this key(); empty: from the newest on.
  absl::string_view after_key;
};

// Reads rows, the newest first. Not thread-safe. The database must outlive it.
class TimeRows {
 public:
  TimeRows(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* by_time, const rocksdb::ReadOptions& read,
           DatabaseKind database, const TimeRange& range);
  ~TimeRows();

  bool Valid() const { return !place_.empty(); }
  void Next();
  // Where the row stands: its key under the reason asked for.
  std::string Key() const;
  // Reads the row: whose it is and since when, in views that Next ends, and whether the entry stood here at a revision.
  // INTERNAL (INTERNAL_ERROR) when it is damaged.
  absl::Status Read(uint64_t revision, EntryName* name, int64_t* listed_at_micros, bool* stood_here) const;
  // Why there is no next row: OK at the end, INTERNAL (INTERNAL_ERROR) when reading failed.
  absl::Status status() const;

 private:
  struct Kind;

  // Finds the newest of the rows that the kinds stand at.
  void FindPlace();

  const std::string prefix_;
  std::vector<std::unique_ptr<Kind>> kinds_;
  std::string place_;  // the row's key behind its prefix; empty: no row
};

}  // namespace suppressd
