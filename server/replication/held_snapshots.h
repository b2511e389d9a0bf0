// The snapshots that replicas are loading, and the pins that keep the changes after them.
//
// A replica has at most one. While its snapshot is held a stream that broke off is resumed at the same revision. When
// the replica attaches, the snapshot is released; the pin stays until its Follow has caught up. All of it ends when the
// replica was not heard of for the hold time. There is no clock in here: the time is a parameter.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/rpc/stream_registry.h"
#include "storage/list_reader.h"

namespace suppressd {

// However busy its replica, a snapshot is released after this time: it keeps what has changed since on disk.
inline constexpr absl::Duration kSnapshotAgeMax = absl::Hours(6);
// Most replicas for which changes are pinned.
inline constexpr size_t kPinnedReplicasMax = 10'000;
// How long a caller is told to wait when there are as many snapshots as there may be: evenly spread between these.
inline constexpr absl::Duration kSnapshotRetryMin = absl::Seconds(1);
inline constexpr absl::Duration kSnapshotRetryMax = absl::Seconds(10);

struct HeldSnapshotsOptions {
  // Most snapshots at once, at least 1.
  int snapshots_max = 4;
  // For how long a snapshot or a pin outlives its last use.
  absl::Duration hold = absl::Minutes(10);
  // A random number, evenly from [0, 1).
  std::function<double()> random = [] { return 0.5; };
};

// Thread-safe. The list must outlive it; it must outlive the snapshots that it gave out.
class HeldSnapshots {
 public:
  HeldSnapshots(const ListReader* list, HeldSnapshotsOptions options) : list_(list), options_(std::move(options)) {}

  // Takes a snapshot for a replica, of these lists, in place of any that it has; a stream that still reads that one is
  // cut. `reader` is the stream that is going to read it. When there are as many as there may be, the one that has not
  // been read for longest is given up; UNAVAILABLE (OVERLOADED) when all of them are being read.
  absl::StatusOr<std::shared_ptr<const Snapshot>> Begin(const std::string& replica_id,
                                                        const std::set<std::string>& tenants,
                                                        const std::shared_ptr<ServedStream>& reader, absl::Time now);
  // The snapshot of a replica at this revision, for another stream. FAILED_PRECONDITION (SNAPSHOT_GONE) when it is not
  // held; INVALID_ARGUMENT (INVALID_FIELD) when it is of other lists.
  absl::StatusOr<std::shared_ptr<const Snapshot>> Resume(const std::string& replica_id, uint64_t revision,
                                                         const std::set<std::string>& tenants,
                                                         const std::shared_ptr<ServedStream>& reader, absl::Time now);
  // The replica's stream goes on, or has ended.
  void Reads(const std::string& replica_id, const ServedStream* reader, absl::Time now);
  void Leave(const std::string& replica_id, const ServedStream* reader, absl::Time now);

  // The replica watches what comes after this revision: its snapshot, when it is not newer, is released. Whether
  // changes are pinned for it; then KeepPin and Unpin are to be called. The pin stays where the Follow began while that
  // catches up: what is on its way to a replica may be lost.
  bool Attach(const std::string& replica_id, uint64_t revision, absl::Time now);
  void KeepPin(const std::string& replica_id, absl::Time now);
  void Unpin(const std::string& replica_id);

  // Lets go what has not been used for too long; streams that read it are stopped.
  void Sweep(absl::Time now);
  // How many snapshots there are.
  int count() const { return alive_.load(); }

 private:
  struct Held {
    std::shared_ptr<const Snapshot> snapshot;  // null: only the pin is left
    std::set<std::string> tenants;
    ChangePin pin;
    uint64_t pinned_revision = 0;
    std::weak_ptr<ServedStream> reader;
    const ServedStream* read_by = nullptr;  // the same, only for comparing; null: nobody reads it
    absl::Time taken_at;
    absl::Time used_at;
  };

  // Notes that it is used now, and pins accordingly.
  void Use(Held* held, absl::Time now) const;
  // When a snapshot or pin ends unless it is used.
  absl::Time EndOf(const Held& held) const;
  // Makes room for one more snapshot, of this replica, and takes it.
  absl::Status MakeRoom(const std::string& replica_id, std::shared_ptr<ServedStream>* replaced)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Overloaded() const;

  const ListReader* const list_;
  const HeldSnapshotsOptions options_;
  std::atomic<int> alive_{0};
  absl::Mutex mutex_;
  std::map<std::string, Held> held_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace suppressd
