// The server that holds the list: makes every part in order and takes them apart in reverse.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/admin/admin_service.h"
#include "server/app/access.h"
#include "server/app/backup_watch.h"
#include "server/app/clock_guard.h"
#include "server/app/daemon.h"
#include "server/app/listener.h"
#include "server/app/management.h"
#include "server/app/options.h"
#include "server/app/storage_watch.h"
#include "server/list/rule_book.h"
#include "server/list/service.h"
#include "server/replication/replication.h"
#include "server/rpc/denied_calls.h"
#include "storage/log/local_commit_log.h"
#include "storage/store.h"

namespace suppressd {

// Not thread-safe; the parts are.
class App final : public Daemon {
 public:
  // Opens the store, binds the addresses and serves. Null when there is nothing to run (--check_config). An error is
  // one clear sentence for the person who started it.
  static absl::StatusOr<std::unique_ptr<App>> Start(const ServeOptions& options);
  // Stops like Stop with no time to drain, unless stopped before.
  ~App() override;

  void Reload() override;
  // Tells the health service whether writes are taken; lets go what replicas no longer use.
  absl::Status Tick() override;
  // Turns unready, ends streams, turns new calls away (SHUTTING_DOWN), finishes those in flight (at most for
  // `timeout`), notes what was denied, makes everything durable, closes.
  void Stop(absl::Duration timeout) override;

  // The addresses that were bound, see Listener.
  const std::vector<std::string>& addresses() const { return listener_->addresses(); }
  Store& store() { return *store_; }
  LocalCommitLog& log() { return *log_; }
  // Whether writes are taken, for status pages and metrics.
  const StorageWatch& storage() const { return *storage_; }
  // Null: there is no directory for backups.
  Backups* backups() { return backups_.get(); }
  SuppressionService& service() { return *service_; }
  ReplicationService& replication() { return *replication_; }
  const ManagementPages& pages() const { return pages_; }
  const Guard& guard() const { return access_->guard(); }

 private:
  App() = default;

  absl::Status StartClock(const ServeOptions& options);
  // Notes how far the store is durable, and the time.
  void NoteHead();
  // Tells of a clock that is not believed, once, and of one that is again.
  void WatchClock();
  // Tells the management port of all parts, and binds it.
  absl::Status Manage(const ServeOptions& options);
  // Tells when writes are refused because of the clock, once, and when they are no longer.
  void WatchWrites();
  // Appends the options that differ from what the log says, once it takes them.
  void AppendSettings();
  void WatchStorage(const ServeOptions& options);
  void MakeServices(const ServeOptions& options);
  // From now on calls that no role allows are noted in the audit trail.
  void WatchDenied();
  // Begins to make backups, where there is a directory for them.
  void StartBackups(const ServeOptions& options);
  // OK, or why no write is taken now.
  absl::Status MayWrite() const;

  std::unique_ptr<RuleBook> rules_;
  std::unique_ptr<Access> access_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<ClockGuard> clock_;
  std::unique_ptr<LocalCommitLog> log_;
  std::unique_ptr<DeniedCalls> denied_calls_;
  std::unique_ptr<StorageWatch> storage_;
  std::unique_ptr<Backups> backups_;  // null, as the next: no directory for them
  std::unique_ptr<BackupWatch> backup_watch_;
  std::unique_ptr<SuppressionService> service_;
  std::unique_ptr<ReplicationService> replication_;
  std::unique_ptr<AdminService> admin_;
  std::unique_ptr<NoSidecarService> no_sidecar_;
  std::unique_ptr<Listener> listener_;
  Heartbeat tick_;
  ManagementPages pages_;  // after what they look at
  int request_window_days_ = 0;
  int bounce_retention_days_ = 0;
  std::atomic<bool> settings_due_{true};
  bool writes_served_ = true;
  bool clock_believed_ = true;
  bool clock_refuses_ = false;
};

// Runs a server until it is told to stop; see RunDaemon.
int Serve(const ServeOptions& options);

}  // namespace suppressd
