// The replicas in a sidecar's data directory, and the one that is served.
//
//   DIR/CURRENT     text: which replica is served, of which lists, and when it was known to be complete
//   DIR/replica-N/  a store (storage/store.h) that follows the server
//
// A new replica is made beside the one that is served and takes its place in one step, in memory and on disk. The old
// one is closed and removed once nobody reads it any more.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/steady_time.h"
#include "server/list/list_reads.h"
#include "server/list/watch_streams.h"
#include "storage/revision_token.h"
#include "storage/store.h"

namespace suppressd {

struct ReplicaOptions {
  // The sidecar's data directory, which must exist and be ours.
  std::string path;
  // The lists that are followed, sorted; empty: all. A replica on disk of other lists is given up.
  std::vector<std::string> tenants;
  // Of each store; path and lineage are set here.
  StoreOptions store;
  // Most watches at once.
  int watches_max = 1'000;
  // No replica is loaded that would leave less than this free.
  int min_free_mib = 0;
  std::function<absl::Time()> clock;
};

// A replica as it is read. It lives for as long as anybody holds it.
struct ReplicaView {
  // Without a store: there is no replica yet (--on_empty unknown).
  ReplicaView(std::unique_ptr<ReplicaStore> opened, std::string directory, const ReplicaOptions& options);

  const std::string path;
  const std::unique_ptr<ReplicaStore> store;
  const ListReads reads;
  WatchStreams watches;  // none are started without a store

  // The newest state; without a store that of no list.
  RevisionToken state() const {
    return store == nullptr ? RevisionToken() : RevisionToken{store->lineage(), store->head().head()};
  }
};

// UNAVAILABLE (REPLICA_OUTDATED): the server sends what this program is too old to read.
absl::Status OutdatedReplica();

// Thread-safe; but Begin, Adopt and Withdraw are for one thread.
class Replica {
 public:
  // Opens the replica that was served last, if there is one that can be used, and removes all others.
  static absl::StatusOr<std::unique_ptr<Replica>> Open(const ReplicaOptions& options);
  ~Replica();

  // The replica that is served; null: there is none yet.
  std::shared_ptr<ReplicaView> view() const;
  // When the replica that Open found was known to be complete; nothing: not known.
  std::optional<SteadyTime> complete_at() const { return complete_at_; }

  // A new, empty store for a snapshot of this lineage, beside the one that is served.
  absl::StatusOr<std::shared_ptr<ReplicaView>> Begin(uint64_t lineage);
  // Serves a loaded replica from now on. The watches of the one before end with OK.
  absl::Status Adopt(std::shared_ptr<ReplicaView> view);
  // Serves none from now on, also after a restart. The watches end with OK.
  void Withdraw();
  // Closes and removes a replica that was begun and is not to be served, with its last holder here.
  static void Discard(std::shared_ptr<ReplicaView> view);

  // Notes on disk that the replica that is served was complete at this time.
  absl::Status NoteComplete(SteadyTime complete_at);
  // Closes and removes replicas that are no longer served nor read. Called now and then.
  void Sweep();
  // Whether the disk has room for one more replica like the one that is served; without one, whether it has any.
  // RESOURCE_EXHAUSTED when it has not.
  absl::Status CheckRoom() const;

 private:
  explicit Replica(const ReplicaOptions& options) : options_(options) {}
  absl::StatusOr<std::shared_ptr<ReplicaView>> OpenStore(const std::string& name, uint64_t source_lineage);
  // Writes CURRENT for the replica of this name.
  absl::Status WriteCurrent(const std::string& name, std::optional<SteadyTime> complete_at) const;

  const ReplicaOptions options_;
  std::optional<SteadyTime> complete_at_;
  int next_ = 1;               // the number of the next replica
  absl::Mutex current_mutex_;  // held while CURRENT is written or removed
  mutable absl::Mutex mutex_ ABSL_ACQUIRED_AFTER(current_mutex_);
  std::shared_ptr<ReplicaView> view_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<ReplicaView>> retired_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace suppressd
