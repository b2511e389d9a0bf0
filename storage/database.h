// The database of a list or of a replica of one: its families, what it remembers of itself, and how it is written.
//
// For storage/ alone: everyone else sees ListReader, CommandApplier or ReplicaWriter (store.h), which stand on it.
// Thread-safe; but who commits holds write_mutex() from the first thing it reads until Commit has returned, so that the
// database is not opened again (Recover) below it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "rocksdb/db.h"
#include "storage/change_pins.h"
#include "storage/data_directory.h"
#include "storage/head_signal.h"
#include "storage/keys.h"
#include "storage/rocks_handle.h"
#include "storage/rocksdb_settings.h"
#include "storage/store_options.h"
#include "storage/stored.h"
#include "storage/timelines.h"

namespace suppressd {

class EntryBatch;

// Names of records of the meta family.
inline constexpr char kLineageName[] = "lineage";
inline constexpr char kRevisionName[] = "last_revision";
inline constexpr char kLogTimeName[] = "newest_command_micros";
inline constexpr char kNormaliserName[] = "normaliser";
inline constexpr char kReplicaName[] = "replica";
inline constexpr char kTenantPrefix[] = "tenant/";
inline constexpr char kOldestChangeName[] = "oldest_change";
inline constexpr char kTimelinesName[] = "timelines";
inline constexpr char kSettingsName[] = "settings";
inline constexpr char kLastRecordName[] = "last_record";
inline constexpr char kWritersName[] = "writers";
inline constexpr char kAuditHeadName[] = "audit_head";

// What a database says of itself, as of its newest record.
struct DatabaseFacts {
  uint64_t lineage = 0;
  uint64_t revision = 0;
  // Microseconds since 1970.
  int64_t log_time_micros = 0;
  // SHA-256 (32 bytes) over the names and values of its meta family, in the order of their bytes, each with its length
  // (8 bytes, big-endian) before it.
  std::string meta_sha256;
};

class Database {
 public:
  // Opens or creates what is in a data directory. A new one, or a replica that never loaded a snapshot, gets this
  // lineage; of a database that exists it is checked. Zero: a new one gets one of its own, any is taken.
  //
  // FAILED_PRECONDITION and one clear sentence when the directory is not ours, newer than us, of the other kind or in
  // use; DATA_LOSS when something acknowledged is missing or damaged; other codes when the system refuses.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const StoreOptions& options, DatabaseKind kind,
                                                        uint64_t lineage);
  // Notes the head, and closes.
  ~Database();
  // Proves of a list that is open for reading, and of which nobody holds the data directory, what Open proves: that it
  // lacks none of its own revisions. DATA_LOSS when it does; other codes as Open.
  static absl::StatusOr<DatabaseFacts> Prove(const StoreOptions& options, const RocksHandle& rocks);

  // See ListReader.
  uint64_t lineage() const { return lineage_; }
  uint64_t timeline();
  bool HasState(uint64_t timeline, uint64_t revision) const;
  HeadSignal& head() const { return *head_; }
  // See Store.
  absl::Status NoteHead(int64_t now_micros = 0);
  std::optional<int64_t> noted_micros() const { return noted_micros_; }
  absl::Status write_status() const;
  absl::Status trouble() const;
  void Shed(const absl::Status& why);
  absl::Status Recover();
  void EndRecovery() { ending_ = true; }
  bool is_damaged() const { return damaged_.load(); }

  DatabaseKind kind() const { return kind_; }
  absl::Mutex& write_mutex() ABSL_LOCK_RETURNED(write_mutex_) { return write_mutex_; }
  // RocksDB, for a reader: whoever holds this may read for as long as it likes, but Recover waits for it.
  std::shared_ptr<const RocksHandle> Use() const;
  // The same for who commits.
  rocksdb::DB* rocks() const { return writing_->db(); }
  rocksdb::ColumnFamilyHandle* family(ColumnFamily family) const { return writing_->family(family); }
  DataDirectory& directory() { return *directory_; }
  const RetentionCutoffs& cutoffs() const { return cutoffs_; }
  // Log time: that of the newest record applied, in microseconds since 1970.
  int64_t log_time() const { return log_time_micros_.load(); }
  // The oldest revision that the change log still holds.
  uint64_t oldest_change() const { return cutoffs_.oldest_change.load(); }

  bool HasDomainEntries(absl::string_view tenant) const { return DomainEntries(tenant) > 0; }
  // How many whole-domain entries a list holds.
  int64_t DomainEntries(absl::string_view tenant) const;

  // From now on states are given out in this run of the log (timelines.h); not zero. Before the first Commit.
  void UseTimeline(uint64_t timeline);
  // Writes what the batch holds, as of this revision and log time, durably. Then the caller lets the head move on. Not
  // when write_status() is an error.
  // UNAVAILABLE (STORAGE_UNAVAILABLE) when the disk refuses: from then on it always does, until Recover; whether this
  // batch is there then is unknown.
  absl::Status Commit(uint64_t revision, int64_t log_time_micros, EntryBatch* batch);
  // A replica: the run of its source that told its newest state.
  void TakeTimeline(uint64_t timeline) { timeline_ = timeline; }
  // A replica that has loaded a snapshot: nothing before `revision` is in the change log.
  void StartChangesAt(uint64_t revision);
  // What decides results, as of the newest record. Changed by the thread that commits, before it does.
  stored::LogSettings settings() const;
  void UseSettings(const stored::LogSettings& settings);
  // Starts the change log again behind the head, under a lineage of its own, at this log time, with what the batch
  // holds: nobody who knows another state is told that it is the same. Before the list is written or read.
  absl::Status RestartChanges(int64_t log_time_micros, EntryBatch* batch);
  // From now on all writes are refused, for this reason, until Recover; returns it. Any thread.
  absl::Status FailFurtherWrites(const rocksdb::Status& failed);

  // Held from the decision what to trim until it is done, so that no pin comes in between.
  absl::Mutex& trim_mutex() { return trim_mutex_; }
  ChangePins& pins() { return pins_; }

 private:
  Database(const StoreOptions& options, DatabaseKind kind) : options_(options), kind_(kind) {}
  // What a database says of itself.
  struct Meta {
    uint64_t lineage = 0;
    uint64_t revision = 0;
    uint64_t oldest_change = 0;
    int64_t log_time_micros = 0;
    stored::LogSettings settings;
    Timelines timelines;
    absl::flat_hash_map<std::string, int64_t> domain_entries;
  };
  using Handle = std::shared_ptr<const RocksHandle>;

  // database_open.cc
  absl::Status OpenDatabase(uint64_t lineage);
  absl::Status InitialiseMeta(uint64_t lineage);
  absl::StatusOr<Meta> ReadMeta(const RocksHandle& rocks, uint64_t lineage) const;
  absl::StatusOr<stored::LogSettings> ReadSettings(const RocksHandle& rocks) const;
  // Goes on from what a database says of itself.
  void UseMeta(Meta meta);
  // RocksDB, to be read, with nothing missing. DATA_LOSS when the database ends before a revision that was durable, or
  // lacks one in between. Changes nothing.
  absl::StatusOr<Handle> OpenProved(uint64_t lineage) const;
  absl::StatusOr<Handle> OpenToWrite();
  absl::Status CheckHead(uint64_t revision) const;
  // DATA_LOSS: the database is damaged in this way.
  absl::Status Damaged(absl::string_view how) const;
  absl::Status DamagedBeyondUse(absl::string_view how) const;
  absl::Status CheckChanges(const RocksHandle& rocks, const Meta& meta) const;
  absl::Status CheckKind(absl::string_view replica, uint64_t held, uint64_t lineage) const;
  absl::Status FlushRecovered();
  absl::Status AcceptLoss();
  rocksdb::Status CountDomainEntries(absl::flat_hash_map<std::string, int64_t>* counts) const;
  absl::Status RenewLineage();
  // database_recover.cc: from now on this is read; the handle before it is closed behind its last reader.
  void Install(Handle rocks) ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  absl::Status AwaitReaders() ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  absl::Status CheckNotEnding() const;
  void DistrustShown(uint64_t revision) ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  absl::Status ReadThroughStandIn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  absl::Status WriteAgain() ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mutex_);
  // Begins the timeline of this run, unless it has begun.
  absl::Status BeginTimeline() ABSL_LOCKS_EXCLUDED(timeline_mutex_);
  // Adds the trimming of the change log to a batch that ends at `last`. Returns the new oldest revision.
  uint64_t TrimChanges(uint64_t last, int64_t now_micros, rocksdb::WriteBatch* batch)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(trim_mutex_);
  void CountDomains(EntryBatch* batch);
  void PublishDomains(const EntryBatch& batch, bool written);
  // Adds to a batch that the change log starts again behind the head.
  void ForgetChanges(uint64_t head, rocksdb::WriteBatch* batch) const;
  void MoveCutoffs(int64_t log_time_micros);

  const StoreOptions options_;
  const DatabaseKind kind_;
  std::unique_ptr<DataDirectory> directory_;
  RetentionCutoffs cutoffs_;
  absl::Mutex write_mutex_;
  mutable absl::Mutex rocks_mutex_ ABSL_ACQUIRED_AFTER(write_mutex_);
  Handle rocks_ ABSL_GUARDED_BY(rocks_mutex_);
  const RocksHandle* writing_ = nullptr;                               // the same, for who holds write_mutex_
  std::shared_ptr<ClosedSign> closing_ ABSL_GUARDED_BY(write_mutex_);  // of the handle that was replaced last
  bool stands_in_ ABSL_GUARDED_BY(write_mutex_) = false;               // the stand-in is read, and holds all there is
  uint64_t shown_revision_ ABSL_GUARDED_BY(write_mutex_) = 0;  // what stand-ins have shown since the trouble began
  uint64_t lineage_ = 0;
  std::atomic<int64_t> log_time_micros_{0};
  std::atomic<uint64_t> timeline_{0};  // zero until it has begun; of a replica what its source told
  mutable absl::Mutex timeline_mutex_;
  uint64_t next_timeline_ ABSL_GUARDED_BY(timeline_mutex_) = 0;
  Timelines timelines_ ABSL_GUARDED_BY(timeline_mutex_);
  std::unique_ptr<HeadSignal> head_;
  uint64_t noted_head_ = 0;              // used, as the next, by one thread at a time
  std::optional<int64_t> noted_micros_;  // by the note that was found, or the one written last
  bool opened_ = false;                  // fully: only then may the note of the head be written
  // What a killed process had written and not synced is on disk; else a loss of power may still take it.
  std::atomic<bool> recovered_is_durable_{false};
  std::atomic<bool> ending_{false};   // Recover gives up
  std::atomic<bool> damaged_{false};  // Recover found that something acknowledged is missing
  ChangePins pins_;
  absl::Mutex trim_mutex_;

  // How many whole-domain entries each list holds: lets a check skip the domain.
  std::atomic<bool> any_domain_entries_{false};
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, int64_t> domain_entries_ ABSL_GUARDED_BY(mutex_);
  stored::LogSettings settings_ ABSL_GUARDED_BY(mutex_);
  absl::Status trouble_ ABSL_GUARDED_BY(mutex_);
  uint64_t failures_ ABSL_GUARDED_BY(mutex_) = 0;  // counts what FailFurtherWrites was told
  absl::Status shed_ ABSL_GUARDED_BY(mutex_);
};

// An absl::Status for a RocksDB failure while reading: INTERNAL_ERROR, without keys.
absl::Status ReadFailure(const rocksdb::Status& status);
// Reads an entry: nothing when there is none. INTERNAL (INTERNAL_ERROR) when it is damaged.
absl::Status ReadEntry(const RocksHandle& rocks, const rocksdb::ReadOptions& read, const EntryName& name,
                       std::optional<stored::StoredEntry>* entry);
// Reads a stored entry and fills in what its key says. INTERNAL (INTERNAL_ERROR) when damaged.
absl::Status DecodeEntry(const EntryName& name, absl::string_view value, stored::StoredEntry* entry);
// The value of an entry: without what its key says.
std::string EncodeEntry(const stored::StoredEntry& entry);

inline rocksdb::Slice ToSlice(absl::string_view view) {
  return {view.data(), view.size()};
}
inline absl::string_view ToView(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

}  // namespace suppressd
