// The store: the state machine over RocksDB, and every way to read it.
//
//   absl::StatusOr<std::unique_ptr<Store>> store = Store::Open({.path = "/var/lib/suppressd"});
//   (*store)->Apply({command});                        // one WriteBatch, one fsync
//   (*store)->Get({"default", "example.com", "jo"}, &found);
//
// It knows keys, column families and batches; it knows no gRPC, no clock and no policy. Every read says which revision
// it was answered at. Thread-safe, but Apply is for one thread at a time (the commit log's).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "rocksdb/db.h"
#include "storage/change_pins.h"
#include "storage/data_directory.h"
#include "storage/head_signal.h"
#include "storage/keys.h"
#include "storage/listing.h"
#include "storage/rocksdb_settings.h"
#include "storage/snapshot.h"
#include "storage/stored.h"
#include "storage/timelines.h"

namespace suppression {

// Newest bounce events kept per address.
inline constexpr int kEventsPerEntryMax = 50;

class CommandBatch;
class SnapshotLoader;

struct StoreOptions {
  // The data directory; made when missing.
  std::string path;
  // Cache of uncompressed blocks, 8 to 1,048,576 MiB.
  int block_cache_mib = 256;
  // The change log keeps at most this many revisions (at least 1)...
  int64_t change_log_max_revisions = 5'000'000;
  // ... and none older than this (at least 1); except those that are pinned.
  int change_log_max_age_days = 7;
  // Bounce events are forgotten after this many days (at least 1).
  int bounce_retention_days = 400;
  // Idempotency records are forgotten after this many days (at least 7).
  int request_window_days = 8;
  // A replica: it takes over what another store holds (Load, Follow), with that store's lineage and revisions, and
  // refuses commands. A directory is one or the other for ever.
  bool replica = false;
  // Of a new replica, or one that never loaded a snapshot: the lineage of its source. Of one that exists: it must be of
  // this lineage; zero: of any.
  uint64_t source_lineage = 0;
  // The file system; null: the system's. Tests inject faults here.
  rocksdb::Env* env = nullptr;
};

// What is known of an address.
struct Lookup {
  // The revision this is exact at.
  uint64_t revision = 0;
  // The address's entry; the API's Suppression in it is complete (tenant and address set).
  std::optional<stored::StoredEntry> address;
  // The entry of its whole domain.
  std::optional<stored::StoredEntry> domain;
};

// One step of the change log.
struct RevisionChange {
  uint64_t revision = 0;
  stored::Change change;
  // For Follow: the run of the source that tells it (Store::timeline). Zero: not known.
  uint64_t timeline = 0;
};

class Store {
 public:
  // Opens or creates a data directory. FAILED_PRECONDITION and one clear sentence when it is not ours, newer than us,
  // in use or damaged; other codes when the system refuses.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const StoreOptions& options);
  ~Store();

  // Random number made with the directory, or the source's of a replica: revisions are comparable only within one
  // lineage.
  uint64_t lineage() const { return lineage_; }
  // The run that this store is in (timelines.h), to be told with each state that a copy may keep; zero: the disk
  // refuses to note it. Of a replica the run of its source that told the newest state; zero: not known. Read the head
  // before it.
  uint64_t timeline();
  // Whether a state that some copy got from that run of this store is one that the store had: false where a backup was
  // restored since that is older.
  bool Shares(uint64_t timeline, uint64_t revision) const;
  // The newest revision, and waiting for a later one.
  HeadSignal& head() { return *head_; }
  const HeadSignal& head() const { return *head_; }

  // Applies commands in order: one atomic, fsynced batch. One result per command; a refused command (error_reason set)
  // changes nothing but may leave an audit record. One that needs a damaged record is refused with INTERNAL_ERROR and
  // leaves none. UNAVAILABLE (STORAGE_UNAVAILABLE) when the disk refuses: from then
  // on every Apply fails so until the store is opened anew, while reads go on.
  absl::StatusOr<std::vector<stored::CommandResult>> Apply(absl::Span<const stored::Command> commands);
  // Replica only, INTERNAL_ERROR else; for one thread at a time, as Apply; UNAVAILABLE (STORAGE_UNAVAILABLE) as Apply.
  //
  // Loads the next entries of a snapshot of the source, complete and with their revisions, in octet order of their keys
  // (EntryKey), as Snapshot::Walk gives them. Entries out of order, twice, or without address are INVALID_ARGUMENT. The
  // head stays 0 and nothing is to be seen until FinishLoad. After a failure every Load fails so. What was loaded of a
  // snapshot is not kept when the store closes: a new replica begins with nothing until FinishLoad was OK. Holds some
  // 24 MiB of memory until then.
  absl::Status Load(absl::Span<const stored::StoredEntry> entries);
  // The snapshot was loaded (an empty one without Load), and was of this revision, made about this time by that run of
  // the source (zero: not known): that is the head now, and all of it is there, durably. Once in a replica's life:
  // INTERNAL_ERROR, as Load, when it holds a snapshot. Takes some seconds for some million entries. After a failure the
  // directory is of no use.
  absl::Status FinishLoad(uint64_t revision, int64_t at_micros, uint64_t timeline = 0);
  // Whether it holds a snapshot, and may follow; true for a store of its own. For the thread that loads.
  bool loaded() const { return !directory_->is_new(); }
  // Applies changes of the source, in order, durably; those up to the head were applied before and are passed over.
  // Gaps are changes that are none for this replica. INTERNAL_ERROR before FinishLoad. One without entries only moves
  // the head on. When it fails, the head tells how far it came. A change whose entries are of a later revision than its
  // own is a part of the change of that revision: it is kept in memory and applied together with the last part, which
  // comes under the revision itself; the first part again begins anew.
  absl::Status Follow(absl::Span<const RevisionChange> changes);
  // Notes beside the database how far it is durable, so that a damaged log cannot lose the end of it in silence:
  // RocksDB takes a damaged length in its log for the end of the log. Called now and then by one thread, and when the
  // store closes.
  absl::Status NoteHead();
  // OK, or why Apply refuses.
  absl::Status write_status() const;

  // One address and its domain, from one state. An address without entry is OK with nothing set. INTERNAL when a stored
  // value is damaged.
  absl::Status Get(const EntryName& name, Lookup* found) const;
  // Many addresses (of one tenant) and their domains, from one state. `hit` is called for each entry found, with the
  // index of the name, in the order of the names; `domain` tells that the entry is of the name's whole domain.
  // `damaged` is called in its place where the stored value is damaged.
  absl::Status MultiGet(absl::Span<const EntryName> names,
                        absl::FunctionRef<void(size_t index, bool domain, stored::StoredEntry entry)> hit,
                        absl::FunctionRef<void(size_t index)> damaged, uint64_t* revision) const;
  // The same; INTERNAL when any of the values is damaged.
  absl::Status MultiGet(absl::Span<const EntryName> names,
                        absl::FunctionRef<void(size_t index, bool domain, stored::StoredEntry entry)> hit,
                        uint64_t* revision) const;
  // The newest kept events of an entry, newest first, at most `max`. Events past the retention are left out.
  absl::StatusOr<std::vector<v1::BounceEvent>> ReadEvents(const EntryName& name, const stored::StoredEntry& entry,
                                                          int max) const;
  // One page of the list; see listing.h.
  absl::StatusOr<ListPage> List(const ListQuery& query) const;
  // Changes after a revision, in order, at most `max` and as many as fit into `max_octets`, but at least one.
  // OUT_OF_RANGE (HISTORY_GONE) when the log no longer reaches back.
  absl::StatusOr<std::vector<RevisionChange>> ReadChanges(uint64_t after, int max,
                                                          size_t max_octets = std::numeric_limits<size_t>::max()) const;
  // The oldest revision that ReadChanges can start after.
  uint64_t oldest_start() const { return horizon_.oldest_change.load() - 1; }
  // All entries as of the newest revision; see snapshot.h. `pin`, when given, then holds a pin on the changes after
  // that revision until this time, and none is lost in between. Waits for a write that is under way.
  absl::StatusOr<std::unique_ptr<Snapshot>> TakeSnapshot(ChangePin* pin = nullptr, int64_t pinned_until_micros = 0);
  // About how many entries all lists hold.
  uint64_t EstimateEntries() const;
  // Audit records after a revision, in order, at most `max`.
  absl::StatusOr<std::vector<stored::AuditRecord>> ReadAudit(uint64_t after, int max) const;

 private:
  friend class CommandBatch;
  friend class ListWalk;
  friend class Snapshot;

  explicit Store(const StoreOptions& options);
  absl::Status OpenDatabase();
  absl::Status InitialiseMeta();
  absl::Status ReadMeta();
  // DATA_LOSS when the database ends before a revision that was durable, or lacks one in between. Changes nothing.
  absl::Status ProveComplete();
  absl::Status CheckHead() const;
  absl::Status CheckChanges() const;
  absl::Status FlushRecovered();
  absl::Status AcceptLoss();
  rocksdb::Status CountDomainEntries(absl::flat_hash_map<std::string, int64_t>* counts) const;
  absl::Status CheckKind(absl::string_view replica);
  absl::Status CheckLoading() const;
  absl::Status RenewLineage();
  // Begins the timeline of this run, unless it has begun.
  absl::Status BeginTimeline() ABSL_LOCKS_EXCLUDED(timeline_mutex_);
  absl::Status GetEntry(const rocksdb::ReadOptions& read, const EntryName& name,
                        std::optional<stored::StoredEntry>* entry) const;
  absl::StatusOr<std::string> GetMeta(const rocksdb::ReadOptions& read, const std::string& name) const;
  bool HasDomainEntries(absl::string_view tenant) const;
  // Writes a batch of commands, of which the newest was made at this time.
  absl::Status Write(int64_t newest, CommandBatch* batch);
  // From now on all writes are refused, for this reason.
  absl::Status LatchWrites(const rocksdb::Status& failed);
  // Adds the trimming of the change log to a batch that ends at `last`. Returns the new oldest revision.
  uint64_t TrimChanges(uint64_t last, int64_t now_micros, rocksdb::WriteBatch* batch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(trim_mutex_);

  const StoreOptions options_;
  std::unique_ptr<DataDirectory> directory_;
  Horizon horizon_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
  uint64_t lineage_ = 0;
  // Not zero once this run has begun its timeline; of a replica what its source told.
  std::atomic<uint64_t> timeline_{0};
  mutable absl::Mutex timeline_mutex_;
  Timelines timelines_ ABSL_GUARDED_BY(timeline_mutex_);
  std::unique_ptr<HeadSignal> head_;
  uint64_t noted_head_ = 0;
  bool opened_ = false;                     // fully: only then may the note of the head be written
  std::unique_ptr<SnapshotLoader> loader_;  // while a snapshot is loaded
  absl::Status load_status_;
  ChangePins pins_;
  // Of a replica: the first parts of the next change, and who told them; for the thread that follows.
  std::vector<stored::StoredEntry> parts_;
  uint64_t parts_timeline_ = 0;
  // Held from the decision what to trim until it is done, so that no pin comes in between.
  absl::Mutex trim_mutex_;

  // How many whole-domain entries each list holds: lets a check skip the domain.
  std::atomic<bool> any_domain_entries_{false};
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, int64_t> domain_entries_ ABSL_GUARDED_BY(mutex_);
  absl::Status write_status_ ABSL_GUARDED_BY(mutex_);
};

// An absl::Status for a RocksDB failure while reading: INTERNAL_ERROR, without keys.
absl::Status ReadFailure(const rocksdb::Status& status);
// Reads a stored entry and fills in what its key says. INTERNAL (INTERNAL_ERROR) when damaged.
absl::Status DecodeEntry(const EntryName& name, absl::string_view value, stored::StoredEntry* entry);
// The value of an entry: without what its key says.
std::string EncodeEntry(const stored::StoredEntry& entry);

inline absl::Status Store::MultiGet(absl::Span<const EntryName> names,
                                    absl::FunctionRef<void(size_t, bool, stored::StoredEntry)> hit,
                                    uint64_t* revision) const {
  bool any_damaged = false;
  absl::Status status = MultiGet(
      names, hit, [&](size_t) { any_damaged = true; }, revision);
  return status.ok() && any_damaged ? ReadFailure(rocksdb::Status::Corruption()) : status;
}

// A random number that is not zero.
uint64_t RandomNumber();

inline rocksdb::Slice ToSlice(absl::string_view view) {
  return {view.data(), view.size()};
}
inline absl::string_view ToView(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

}  // namespace suppression
