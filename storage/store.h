// A data directory, opened: the list, read by ListReader and written by CommandApplier, or a replica of it, written by
// ReplicaWriter.
//
//   absl::StatusOr<std::unique_ptr<Store>> store = Store::Open({.path = "/var/lib/suppressd"});
//   (*store)->applier().Apply(records);                       // one WriteBatch, one fsync
//   (*store)->reader().Get({"default", "example.com", "jo"}, &found);
//
// It knows keys, column families and batches; it knows no gRPC, no clock and no policy.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "storage/command_applier.h"
#include "storage/list_reader.h"
#include "storage/replica_writer.h"
#include "storage/store_options.h"

namespace suppressd {

class Backups;
struct BackupOptions;
class Database;

// The list. Thread-safe; the applier is for one thread at a time.
class Store {
 public:
  // Opens or creates a data directory. FAILED_PRECONDITION and one clear sentence when it is not ours, newer than us,
  // a replica or in use; DATA_LOSS when something acknowledged is missing or damaged; other codes when the system
  // refuses.
  //
  // `lineage`: that of the log, where it is not the store's own; FAILED_PRECONDITION when the store is of another.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const StoreOptions& options, uint64_t lineage = 0);
  ~Store();

  const ListReader& reader() const { return *reader_; }
  CommandApplier& applier() { return *applier_; }
  HeadSignal& head() const { return reader_->head(); }
  uint64_t lineage() const { return reader_->lineage(); }
  // Notes beside the database how far it is durable, so that a damaged log cannot lose the end of it in silence:
  // RocksDB takes a damaged length in its log for the end of the log. Called now and then by one thread, and when the
  // store closes. `now_micros`: the time, noted with it now and then; zero: not known.
  absl::Status NoteHead(int64_t now_micros = 0);
  // The newest time that the store knows, in microseconds since 1970: of a record, or noted with the head; nothing:
  // none.
  std::optional<int64_t> newest_micros() const;
  // Whether the time was noted with the head: then the store was in use until about then. Else it may have been put
  // away for any time, as a backup is.
  bool time_is_noted() const;
  // See clock_repair.h. Before anything else is done with the store.
  absl::Status MoveTimesBack(int64_t now_micros);
  // OK, or why writes are refused: UNAVAILABLE (STORAGE_UNAVAILABLE). Any thread, as all of the rest.
  absl::Status write_status() const;
  // The same, where the disk refused a write, or work of the database in the background: only Recover ends it.
  absl::Status trouble() const;
  // From now on writes are refused for this reason, which is UNAVAILABLE (STORAGE_UNAVAILABLE); OK: no longer.
  void Shed(const absl::Status& why);
  // Takes writes again after trouble: opens the database again, below those who read it, and proves as at a start that
  // nothing acknowledged is missing. Takes seconds. Reads go on meanwhile; the head may have moved on when it is done,
  // for a write whose outcome was unknown may be there; snapshots are gone (Snapshot::Walk). By one thread at a time.
  //
  // OK when there was no trouble. Else nothing is changed, and it may be tried again: UNAVAILABLE (the disk still
  // refuses, or reads of before are under way), DATA_LOSS (something acknowledged is missing; reads go on from what is
  // open).
  absl::Status Recover();
  // A Recover that is under way, and any later one, returns soon: UNAVAILABLE. Before the process ends.
  void EndRecovery();
  // Backups of this list (backup.h). Touches no disk. The store must outlive them.
  std::unique_ptr<Backups> MakeBackups(const BackupOptions& options);

 private:
  explicit Store(std::unique_ptr<Database> database);

  const std::unique_ptr<Database> database_;
  const std::unique_ptr<ListReader> reader_;
  const std::unique_ptr<CommandApplier> applier_;
};

// A replica of a list. Thread-safe; the writer is for one thread at a time.
class ReplicaStore {
 public:
  // Opens a replica of a list of this lineage, or makes a new one; lineage zero: one that exists, of any list. Errors
  // as Store::Open; FAILED_PRECONDITION too when it is of another lineage.
  static absl::StatusOr<std::unique_ptr<ReplicaStore>> Open(const StoreOptions& options, uint64_t lineage);
  ~ReplicaStore();

  const ListReader& reader() const { return *reader_; }
  ReplicaWriter& writer() { return *writer_; }
  HeadSignal& head() const { return reader_->head(); }
  uint64_t lineage() const { return reader_->lineage(); }
  // As Store.
  absl::Status NoteHead();
  absl::Status write_status() const;
  absl::Status trouble() const;
  void Shed(const absl::Status& why);
  absl::Status Recover();
  void EndRecovery();
  // Recover found that something is missing: only another snapshot of the source helps.
  bool is_damaged() const;

 private:
  explicit ReplicaStore(std::unique_ptr<Database> database);

  const std::unique_ptr<Database> database_;
  const std::unique_ptr<ListReader> reader_;
  const std::unique_ptr<ReplicaWriter> writer_;
};

}  // namespace suppressd
