// The service of those who run a list: import and export of all of it.
//
//   admin_service.cc   Import, ListAudit, CreateBackup, ListBackups
//   export_stream.cc   Export
//
// What an import means: import_plan.h. How rows are merged: storage/row_merge.h.
#pragma once

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/work_times.h"
#include "server/admin/import_plan.h"
#include "server/list/rule_book.h"
#include "server/replication/held_snapshots.h"
#include "server/rpc/call.h"
#include "server/rpc/drain.h"
#include "server/rpc/service_options.h"
#include "server/rpc/stream_call.h"
#include "server/rpc/stream_registry.h"
#include "server/rpc/unread_answers.h"
#include "server/rpc/unreadable_request.h"
#include "storage/backup.h"
#include "storage/list_reader.h"
#include "storage/log/commit_log.h"
#include "storage/worker_pool.h"
#include "suppressd/v1/admin_service.grpc.pb.h"

namespace suppressd {

// A message of an export ends with the entry that takes it to this size.
inline constexpr size_t kExportMessageBytes = 256 << 10;

struct AdminOptions {
  // Largest request taken, in bytes.
  size_t request_bytes_max = 4 << 20;
  // Most calls of Import in flight at once; the next is UNAVAILABLE (OVERLOADED).
  int imports_in_flight_max = 8;
  // Threads that their rows are read on.
  int import_threads = 2;
  // Exports: how many at once, and for how long the state of one that was cut is held.
  HeldSnapshotsOptions exports = {};
  // Most calls of ListAudit in flight at once.
  int listings_in_flight_max = 64;
  // Threads that exports and listings are read on.
  int export_threads = 2;
  // When slow readers are cut.
  StreamTimes times = {};
  // OK, or why no write is taken now; null: always OK.
  std::function<absl::Status()> may_write = {};
  // Null: there is no directory for backups. Must outlive the service.
  Backups* backups = nullptr;
  // What applying a command now would give.
  std::function<absl::StatusOr<stored::CommandResult>(const stored::Command&)> preview;
  // Longest wait for the state that a call demands, whatever its deadline.
  absl::Duration await_revision_max = absl::Seconds(10);
};

// Thread-safe. Everything passed in must outlive it; BeginDrain must be called before the commit log closes.
class AdminService final : public AdminServiceWithReasons {
 public:
  using Clock = std::function<absl::Time()>;

  AdminService(const ListReader* list, CommitLog* log, const RuleBook* rules, Clock clock, const AdminOptions& options);

  // From now on every call is UNAVAILABLE (SHUTTING_DOWN); exports end with OK and without their proof.
  void BeginDrain();
  // Waits until no import is in flight; see Drain::Await.
  void AwaitDrained(absl::Time deadline) { drain_.Await(deadline); }
  // Lets go the states of exports that nobody has resumed. Called now and then.
  void Sweep() { held_.Sweep(clock_()); }
  // Exports under way.
  int exports() const { return exports_.size(); }
  // How long the thread of the exports has been at what it runs now.
  absl::Duration exports_busy() { return exports_.pump().busy(); }
  // Its pools of threads.
  std::vector<NamedWork> work() const {
    return {{"imports", &import_pool_.times(), [this] { return import_pool_.busy(); }},
            {"exports", &export_pool_.times(), [this] { return export_pool_.busy(); }}};
  }

  grpc::ServerUnaryReactor* Import(grpc::CallbackServerContext* context, const v1::ImportRequest* request,
                                   v1::ImportResponse* response) override;
  grpc::ServerWriteReactor<v1::ExportResponse>* Export(grpc::CallbackServerContext* context,
                                                       const v1::ExportRequest* request) override;
  grpc::ServerUnaryReactor* ListAudit(grpc::CallbackServerContext* context, const v1::ListAuditRequest* request,
                                      v1::ListAuditResponse* response) override;
  grpc::ServerUnaryReactor* CreateBackup(grpc::CallbackServerContext* context, const v1::CreateBackupRequest* request,
                                         v1::CreateBackupResponse* response) override;
  grpc::ServerUnaryReactor* ListBackups(grpc::CallbackServerContext* context, const v1::ListBackupsRequest* request,
                                        v1::ListBackupsResponse* response) override;

 private:
  friend class ExportCall;

  // Notes in the audit trail who got how many entries, also of an export that was cut.
  void NoteExport(const std::string& actor, const std::string& tenant, int64_t entries, bool with_history);
  // Reads the rows of a call, and appends what they say.
  void Take(const v1::ImportRequest& request, const std::string& actor, v1::ImportResponse* response, const Done& done);
  void Answer(ImportPlan plan, const stored::CommandResult& result, uint64_t revision, bool is_dry,
              v1::ImportResponse* response) const;

  const ListReader* const list_;
  CommitLog* const log_;
  const RuleBook* const rules_;
  const Clock clock_;
  const AdminOptions options_;
  Drain drain_;
  Admission imports_;
  Admission listings_;
  UnreadAnswers unread_;  // before the pools, which use it
  HeldSnapshots held_;
  StreamRegistry exports_;
  // Last, so that their work ends before what it uses is gone.
  WorkerPool import_pool_;
  WorkerPool export_pool_;
  WorkerPool backup_pool_;  // one at a time
};

// The admin service of a sidecar, which has none: FAILED_PRECONDITION (NOT_SERVED_HERE). Thread-safe.
class NoAdminService final : public AdminServiceWithReasons {
 public:
  explicit NoAdminService(const AdminOptions& options)
      : request_bytes_max_(options.request_bytes_max), calls_(options.imports_in_flight_max, &drain_) {}

  grpc::ServerUnaryReactor* Import(grpc::CallbackServerContext* context, const v1::ImportRequest* request,
                                   v1::ImportResponse* response) override;
  grpc::ServerWriteReactor<v1::ExportResponse>* Export(grpc::CallbackServerContext* context,
                                                       const v1::ExportRequest* request) override;
  grpc::ServerUnaryReactor* ListAudit(grpc::CallbackServerContext* context, const v1::ListAuditRequest* request,
                                      v1::ListAuditResponse* response) override;
  grpc::ServerUnaryReactor* CreateBackup(grpc::CallbackServerContext* context, const v1::CreateBackupRequest* request,
                                         v1::CreateBackupResponse* response) override;
  grpc::ServerUnaryReactor* ListBackups(grpc::CallbackServerContext* context, const v1::ListBackupsRequest* request,
                                        v1::ListBackupsResponse* response) override;

 private:
  const size_t request_bytes_max_;
  Drain drain_;
  Admission calls_;
};

}  // namespace suppressd
