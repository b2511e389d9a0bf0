// The sidecar: makes every part in order and takes them apart in reverse. Its socket is bound last, when it can answer.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "server/admin/admin_service.h"
#include "server/app/access.h"
#include "server/app/daemon.h"
#include "server/app/listener.h"
#include "server/app/management.h"
#include "server/app/options.h"
#include "server/app/storage_watch.h"
#include "server/list/rule_book.h"
#include "server/sidecar/sidecar_list.h"
#include "server/sidecar/sidecar_replication.h"
#include "storage/data_directory.h"
#include "storage/outbox.h"

namespace suppressd {

// Not thread-safe; the parts are.
class SidecarApp final : public Daemon {
 public:
  // Opens the data directory and begins to follow the server. Serves at once from a replica that is there already, or
  // without one (--on_empty unknown); else as soon as there is one. Null when there is nothing to run (--check_config).
  // An error is one clear sentence for the person who started it.
  static absl::StatusOr<std::unique_ptr<SidecarApp>> Start(const SidecarOptions& options);
  // Stops like Stop with no time, unless stopped before.
  ~SidecarApp() override;

  void Reload() override;
  // Asks the server for its head, serves when it is time to, closes replicas that were replaced. An error: --on_empty
  // fail and there is no replica in time, or the addresses cannot be bound.
  absl::Status Tick() override;
  // Goes on answering until the outbox is empty, at most for `timeout`; then stops like App.
  void Stop(absl::Duration timeout) override;

  // The addresses that were bound; none: not yet.
  std::vector<std::string> addresses() const;
  // How it is doing, as in GetSidecarStatus.
  v1::GetSidecarStatusResponse Status() const;
  // Whether its disk takes writes, for status pages and metrics.
  StorageState storage() const { return storage_->state(); }

 private:
  explicit SidecarApp(const SidecarOptions& options) : options_(options) {}
  absl::Status OpenDirectory();
  absl::Status MakeServices();
  // Tells the management port of all parts, and binds it.
  absl::Status Manage();
  void WatchStorage();
  // Binds the addresses, once, and tells the health service whether a check can be answered.
  absl::Status Serve(bool ready);
  // Whether one real lookup is answered from the replica.
  absl::Status LookUpOnce() const;
  // Called by the follower.
  void ReplicaAdvanced();
  void CaughtUp();
  // No replica is served any more.
  void Withdrawn();
  // Tells the disk how far the replica is, and when it was complete, unless that was told less than this ago.
  void NoteState(absl::Duration interval);

  const SidecarOptions options_;
  SteadyTime started_at_;
  std::unique_ptr<RuleBook> rules_;
  std::unique_ptr<Access> access_;
  std::unique_ptr<DataDirectory> directory_;
  std::unique_ptr<LocalBlocks> blocks_;
  std::unique_ptr<Outbox> outbox_;
  std::map<uint64_t, RevisionToken> delivered_;  // as Open found them in the outbox
  std::unique_ptr<Replica> replica_;
  std::unique_ptr<StorageWatch> storage_;
  std::shared_ptr<ReplicaView> no_replica_;  // see SidecarParts
  std::unique_ptr<HeadTimes> heads_;
  std::unique_ptr<Upstream> upstream_;
  std::unique_ptr<Delivery> delivery_;
  std::unique_ptr<Forwarded> forwarded_;
  std::unique_ptr<Follower> follower_;
  std::unique_ptr<SidecarList> service_;
  std::unique_ptr<SidecarReplication> replication_;
  std::unique_ptr<SidecarStatus> status_;
  std::unique_ptr<NoAdminService> no_admin_;

  mutable absl::Mutex mutex_;
  std::unique_ptr<Listener> listener_ ABSL_GUARDED_BY(mutex_);
  bool ready_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status failed_ ABSL_GUARDED_BY(mutex_);  // serving failed: ends the process
  Heartbeat tick_;
  ManagementPages pages_;  // after what they look at
  SteadyTime noted_at_;    // CURRENT tells of a complete replica since; used by storage_
};

// Runs a sidecar until it is told to stop; see RunDaemon.
int RunSidecar(const SidecarOptions& options);

}  // namespace suppressd
