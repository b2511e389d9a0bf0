// The outbox of a sidecar: reports that it took while the server was away, durable until they are delivered.
//
//   absl::StatusOr<std::unique_ptr<Outbox>> outbox = Outbox::Open({.path = "/var/lib/suppressd/outbox"}, visit);
//   (*outbox)->Add(report, [](absl::StatusOr<Outbox::Added> added) { ... });  // fsynced
//   (*outbox)->Read(from, ...);  // in the order in which they were taken
//   (*outbox)->Remove({number});
//
// One thread writes what callers add in one batch with one fsync. When the disk refuses, those adds fail and so do the
// next ones until Recover, which opens the database again. Every write says how many reports there are, and HEAD beside
// the database which write was durable: an outbox that lacks some is refused at open.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "common/work_times.h"
#include "rocksdb/db.h"
#include "storage/data_directory.h"
#include "storage/rocksdb_open.h"
#include "storage/stored.h"
#include "storage/stuck_work.h"

namespace suppressd {

// Most refused reports that are kept; the oldest makes room.
inline constexpr int64_t kRefusedReportsMax = 10'000;

struct OutboxOptions {
  // Its directory; made when missing.
  std::string path;
  // Most reports, at least 1, and most bytes of them; the next is refused (OUTBOX_FULL).
  int64_t reports_max = 50'000;
  int64_t bytes_max = 256 << 20;
  // Called, on the outbox's thread, when Read shows more than before.
  std::function<void()> shown = [] {};
  // The file system; null: the system's. Tests inject faults here.
  rocksdb::Env* env = nullptr;
};

// Thread-safe.
class Outbox {
 public:
  // What became of an added report.
  struct Added {
    uint64_t number = 0;     // its place: later reports have greater numbers
    bool duplicate = false;  // it was in the outbox already, under the same request key
  };
  using Done = std::function<void(absl::StatusOr<Added>)>;
  // `delivered`: as given to NoteDelivered; empty: not delivered yet.
  using Visit =
      absl::FunctionRef<void(uint64_t number, const stored::OutboxReport& report, const std::string& delivered)>;

  // Opens or creates it and gives every report in it to `visit`. Errors as Store::Open: an outbox that lacks reports is
  // DATA_LOSS. On a full disk it opens, and refuses Add until Recover.
  static absl::StatusOr<std::unique_ptr<Outbox>> Open(const OutboxOptions& options, Visit visit);
  // Closes as Close.
  ~Outbox();

  // Its thread. It has no heartbeat: see LocalCommitLog::work.
  NamedWork work() const { return {"outbox", &times_, nullptr}; }

  // Adds a report. `done` is called once: on the outbox's thread after it is durable and before Read shows it, or on
  // the caller's when it is refused at once. ALREADY_EXISTS (REQUEST_ID_REUSED): its request key is in the outbox with
  // another payload. UNAVAILABLE: OUTBOX_FULL, STORAGE_UNAVAILABLE, SHUTTING_DOWN.
  void Add(stored::OutboxReport report, Done done);
  // Finishes what was added, refuses the rest.
  void Close();

  // OK, or why nothing can be written until Recover: UNAVAILABLE (STORAGE_UNAVAILABLE).
  absl::Status trouble() const;
  // Gives up the batch that is being written when it is stuck (StuckWork): everyone who waits for Add is answered with
  // UNAVAILABLE (STORAGE_UNAVAILABLE), and so are the next ones until it is done; what it wrote is dropped then. Called
  // about once a second; `now` is of a clock that nobody can set. OK, or that error as long as the batch is not done.
  absl::Status GiveUpStuck(absl::Time now);
  // From now on Add is refused for this reason; OK: no longer. What was delivered is still forgotten.
  void Shed(const absl::Status& why);
  // Takes writes again after trouble: opens the database again and proves that no report is missing. A report that was
  // refused and is there all the same is dropped, since its reporter repeats it. Read waits meanwhile. OK when there
  // was no trouble. Else it may be tried again: UNAVAILABLE (the disk still refuses), DATA_LOSS (reports are missing).
  absl::Status Recover();

  // Reports with a number greater than `after`, in order: at most `count_max`, and no more than one beyond
  // `bytes_max`. INTERNAL when one is damaged.
  absl::StatusOr<std::vector<std::pair<uint64_t, stored::OutboxReport>>> Read(uint64_t after, int count_max,
                                                                              int64_t bytes_max) const;
  // Notes the state of the server that holds a delivered report, until it is removed. Not synced: after a power cut the
  // report may be undelivered again, and be delivered again.
  absl::Status NoteDelivered(uint64_t number, const std::string& state);
  // Forgets reports that were delivered. Those that are not there are passed over. Not synced: after a crash they may
  // be there again, and be delivered again.
  absl::Status Remove(absl::Span<const uint64_t> numbers);
  // Puts a report aside that the server will never take, durably: it no longer counts and is not shown by Read.
  absl::Status Refuse(uint64_t number, const std::string& reason);

  // How much there is.
  struct Summary {
    int64_t reports = 0;
    int64_t bytes = 0;
    int64_t refused = 0;
    uint64_t newest = 0;  // the number of the newest report that Read shows; that of the last one there was if none
  };
  Summary summary() const;
  // The number of the oldest report for which `leave_out` says false; zero when there is none.
  uint64_t OldestBut(absl::FunctionRef<bool(uint64_t number)> leave_out) const;
  // When a report was taken, in microseconds since 1970; zero when it is not there.
  int64_t TakenAt(uint64_t number) const;

 private:
  struct Waiting {
    stored::OutboxReport report;
    int64_t bytes = 0;
    Done done;
    WorkClock::time_point since = WorkClock::now();
  };
  // What is remembered of each report in the outbox.
  struct Known {
    int64_t bytes = 0;
    int64_t taken_at_micros = 0;
    std::string key;  // tenant, 0x00, request key; empty: none
  };
  // A request key in use.
  struct Keyed {
    uint64_t number = 0;
    std::string digest;
  };

  // The families of the database, in the order in which they are opened.
  enum Family { kWaitingFamily, kRefused, kDelivered, kOutboxMeta };

  explicit Outbox(const OutboxOptions& options) : options_(options) {}
  static void CountIn(uint64_t number, stored::OutboxState* state);
  static void CountOut(uint64_t number, stored::OutboxState* state);
  absl::Status OpenDatabase() ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_mutex_);
  // Opens the database again; `durable`: the serial of the last write that was acknowledged.
  absl::Status OpenAgain(uint64_t durable) ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_mutex_);
  // Drops the reports that are none of these, durably.
  absl::Status DropUnknown(const std::map<uint64_t, Known>& known) ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_mutex_);
  void Use(OpenedDatabase opened) ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_mutex_);
  // Learns what the database holds, and that all of it is there; `visit` sees each report.
  absl::Status Scan(Visit visit) ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_mutex_);
  using KnownReports = std::map<uint64_t, Known>;
  using KnownKeys = absl::flat_hash_map<std::string, Keyed>;
  static void Remember(uint64_t number, const stored::OutboxReport& report, int64_t bytes, KnownReports* known,
                       KnownKeys* keys);
  // What the database holds.
  struct Found {
    KnownReports known;
    KnownKeys keys;
    int64_t bytes = 0;
    int64_t refused = 0;
    uint64_t last = 0;  // the greatest number
  };
  absl::Status ScanWaiting(Visit visit, Found* found) ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_mutex_);
  absl::Status ScanRefused(Found* found) ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_mutex_);
  // Whether what was found is what the outbox says of itself; `last`: the greatest number there is.
  absl::Status CheckComplete(const stored::OutboxState& found, uint64_t last)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_mutex_);
  absl::Status ReadState(stored::OutboxState* state, bool* exists) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_mutex_);
  // Writes a batch together with what the outbox is afterwards.
  absl::Status Commit(const stored::OutboxState& next, bool sync, rocksdb::WriteBatch* writes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_mutex_);
  // Notes beside the database which write was durable.
  void NoteHead();
  void Learn(uint64_t number, const stored::OutboxReport& report, int64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Forget(uint64_t number) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Run();
  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return closed_ || !waiting_.empty(); }
  void WriteAll(std::vector<Waiting>* batch);
  // Gives the reports of a batch their numbers; one that is known gets that of the first, or is refused.
  void Number(const std::vector<Waiting>& batch, std::vector<Added>* added, std::vector<absl::Status>* refused)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_mutex_);
  // Those who wait for a batch, from its begin to its end; empty where they were answered meanwhile. Null: nobody
  // waits, but the disk is written to.
  void BeginBatch(std::vector<Waiting>* batch);
  std::vector<Done> EndBatch();
  // Writes reports under these numbers with one fsync.
  absl::Status Write(const std::vector<Waiting>& batch, const std::vector<Added>& added)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_mutex_);
  absl::Status RemoveThese(absl::Span<const uint64_t> numbers) ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_mutex_);
  absl::Status Fail(const rocksdb::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_mutex_);

  const OutboxOptions options_;
  std::unique_ptr<DataDirectory> directory_;

  // Held shared by whoever uses the database, exclusively while it is opened or closed. Before mutex_.
  mutable absl::Mutex database_mutex_;
  std::unique_ptr<rocksdb::DB> db_ ABSL_GUARDED_BY(database_mutex_);
  std::vector<rocksdb::ColumnFamilyHandle*> families_ ABSL_GUARDED_BY(database_mutex_);
  std::atomic<bool> broken_{false};                               // set by background work of the database, too
  stored::OutboxState state_ ABSL_GUARDED_BY(database_mutex_);    // as it was last written
  uint64_t durable_serial_ ABSL_GUARDED_BY(database_mutex_) = 0;  // of the last synced write

  mutable absl::Mutex mutex_ ABSL_ACQUIRED_AFTER(database_mutex_);
  std::vector<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  int64_t waiting_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, Known> known_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, Keyed> keys_ ABSL_GUARDED_BY(mutex_);
  int64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t refused_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t last_ ABSL_GUARDED_BY(mutex_) = 0;   // the last number given out
  uint64_t shown_ ABSL_GUARDED_BY(mutex_) = 0;  // Read shows numbers up to this
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_known_ ABSL_GUARDED_BY(mutex_) = false;  // what the database holds
  absl::Status shed_ ABSL_GUARDED_BY(mutex_);
  std::vector<Done> in_batch_ ABSL_GUARDED_BY(mutex_);  // who waits for the batch that is being written
  StuckWork writing_ ABSL_GUARDED_BY(mutex_);
  absl::Status stuck_ ABSL_GUARDED_BY(mutex_);  // why it was given up
  WorkTimes times_;
  std::thread thread_;
};

}  // namespace suppressd
