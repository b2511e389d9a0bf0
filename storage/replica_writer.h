// The write side of a replica: takes over what another list holds, with that list's lineage and revisions.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "storage/list_reader.h"
#include "storage/stored.h"

namespace suppressd {

// The form of what a replica reads: the entries, their states and the kinds of changes. A server sends the oldest form
// that reads its stream right (min_reader in replication.proto); a replica of an older one must not answer from it.
inline constexpr int kReplicaForm = 1;

class Database;
class EntryBatch;
class SnapshotLoader;

// For one thread at a time. All errors of the disk are UNAVAILABLE (STORAGE_UNAVAILABLE), and last until
// ReplicaStore::Recover; those while a snapshot is loaded, until the replica is made again.
class ReplicaWriter {
 public:
  // The database must outlive it.
  explicit ReplicaWriter(Database* database);
  ~ReplicaWriter();

  // Whether it holds a snapshot, and may follow.
  bool loaded() const;
  // Loads the next entries of a snapshot of the source, complete and with their revisions, in byte order of their keys
  // (EntryKey), as Snapshot::Walk gives them. Entries out of order, twice, or without address are INVALID_ARGUMENT. The
  // head stays 0 and nothing is to be seen until FinishLoad. After a failure every Load fails so. What was loaded of a
  // snapshot is not kept when the replica closes: it begins with nothing until FinishLoad was OK. Holds some 24 MiB of
  // memory until then.
  absl::Status Load(absl::Span<const stored::StoredEntry> entries);
  // The snapshot was loaded (an empty one without Load), and was of this revision, made about this time by that run of
  // the source (zero: not known): that is the head now, and all of it is there, durably. Once in a replica's life:
  // INTERNAL_ERROR, as Load, when it holds a snapshot. Takes some seconds for some million entries. After a failure the
  // directory is of no use.
  absl::Status FinishLoad(uint64_t revision, int64_t at_micros, uint64_t timeline = 0);
  // Applies changes of the source, in order, durably; those up to the head were applied before and are passed over.
  // Missing revisions did not affect this replica's tenants. INTERNAL_ERROR before FinishLoad. One without entries only
  // moves the head on. When it fails, the head tells how far it came. An entry that was erased is deleted.
  absl::Status Follow(absl::Span<const RevisionChange> changes);

 private:
  // One call of Follow.
  class Following;

  absl::Status CheckLoading() const;

  Database* const database_;
  std::unique_ptr<SnapshotLoader> loader_;  // while a snapshot is loaded
  absl::Status load_status_;
};

}  // namespace suppressd
