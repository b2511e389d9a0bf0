// Watches the disk under a data directory: sheds writes before it is full, or once it refused one, and takes them again
// by itself, after it was well for a time.
//
//            low space, a failed write                 well for the quiet time
//   kOk ─────────────────────────────► kShedding ─────────────────────────────► kRecovering ─► kOk
//                                          ▲        storage cannot be opened        │
//                                          └────────────────────────────────────────┘
//
// There is no clock and no thread in here: Look is called about once a second.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "storage/store_options.h"

namespace suppressd {

// How long there must be space, and each probe must succeed, before writes are taken again. It doubles, up to the
// longest, with each attempt that fails and each time that trouble comes back within kSettledAfter.
inline constexpr absl::Duration kQuietTime = absl::Seconds(5);
inline constexpr absl::Duration kQuietTimeMax = absl::Seconds(60);
inline constexpr absl::Duration kSettledAfter = absl::Seconds(60);

enum class StoragePhase {
  kOk,          // writes are taken
  kShedding,    // writes are refused at once
  kRecovering,  // the same, and the storage is being opened again
};

struct StorageState {
  StoragePhase phase = StoragePhase::kOk;
  // When this phase began, by the clock that Look is given.
  absl::Time since = absl::InfinitePast();
  // Why writes are refused: a sentence; empty: they are not.
  std::string cause;
  // Free space as it was seen last, in bytes; negative: not known.
  int64_t free_bytes = -1;
  // How often writes were shed since the start.
  uint64_t shed_count = 0;
};

// What is guarded: a store, a replica, an outbox, a log. Called by the thread that calls Look.
struct GuardedStorage {
  // OK, or why it takes no writes until it has recovered.
  std::function<absl::Status(absl::Time now)> trouble;
  // From now on writes are refused for this reason; OK: no longer.
  std::function<void(const absl::Status& why)> shed;
  // Takes writes again after trouble; OK where there was none.
  std::function<absl::Status()> recover;
};

// Free space of the file system that a directory lies in, for a process that is not privileged, in bytes.
absl::StatusOr<int64_t> FreeBytes(const std::string& directory);

struct StorageGuardOptions {
  // The directory that is watched, and probed with a small file PROBE; it exists.
  std::string path;
  // Writes are refused while less than this is free, and taken again with a fourth more; 0: however little is free.
  int min_free_mib = 0;
  absl::Duration quiet_time = kQuietTime;
  std::function<absl::StatusOr<int64_t>(const std::string& directory)> free_bytes = FreeBytes;
  // The file system of the probes; null: the system's.
  rocksdb::Env* env = nullptr;
  // Called by Look when the phase changes.
  std::function<void(const StorageState&)> changed = [](const StorageState&) {};
};

// Look is for one thread at a time; the rest is thread-safe.
class StorageGuard {
 public:
  StorageGuard(StorageGuardOptions options, std::vector<GuardedStorage> guarded)
      : options_(std::move(options)), guarded_(std::move(guarded)) {}

  // Looks at the disk and at what is guarded, and does what follows. May take as long as the disk does. `now` is of a
  // clock that nobody can set.
  void Look(absl::Time now);
  StorageState state() const;
  // OK, or why writes are refused: UNAVAILABLE (STORAGE_UNAVAILABLE).
  absl::Status status() const;

 private:
  // Why writes must be refused; OK: nothing that is known of.
  absl::Status Cause(absl::Time now, int64_t free_bytes) const;
  absl::Status LowSpace(int64_t free_bytes) const;
  // Writes a small file and has it made durable.
  bool Probe() const;
  void BeginShedding(const absl::Status& why, absl::Time now);
  void Recover(absl::Time now);
  void ShedAll(const absl::Status& why);
  void Enter(StoragePhase phase, const absl::Status& why, absl::Time now);
  void DoubleQuietTime();

  const StorageGuardOptions options_;
  const std::vector<GuardedStorage> guarded_;
  // Used by Look.
  absl::Duration quiet_time_ = options_.quiet_time;
  std::optional<absl::Time> well_since_;
  std::optional<absl::Time> recovered_at_;

  mutable absl::Mutex mutex_;
  StorageState state_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace suppressd
