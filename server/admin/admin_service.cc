// Import, ListAudit, CreateBackup, ListBackups, and what the service is made of.
#include "server/admin/admin_service.h"

#include <memory>
#include <utility>

#include "absl/time/clock.h"
#include "common/error.h"
#include "server/admin/audit_reads.h"
#include "server/base/log.h"
#include "server/rpc/await_revision.h"
#include "server/rpc/digest.h"
#include "server/rpc/refused_stream.h"
#include "storage/revision_token.h"

namespace suppressd {
namespace {

absl::Status NotServedHere() {
  return MakeError(absl::StatusCode::kFailedPrecondition, v1::NOT_SERVED_HERE,
                   "this is a sidecar; ask the server that holds the list");
}

absl::Status BackupsOff() {
  return MakeError(absl::StatusCode::kFailedPrecondition, v1::BACKUPS_OFF,
                   "the server has no directory for backups; start it with --backup_dir");
}

}  // namespace

AdminService::AdminService(const ListReader* list, CommitLog* log, const RuleBook* rules, Clock clock,
                           const AdminOptions& options)
    : list_(list),
      log_(log),
      rules_(rules),
      clock_(std::move(clock)),
      options_(options),
      imports_(options.imports_in_flight_max, &drain_),
      listings_(options.listings_in_flight_max, &drain_),
      held_(list, options.exports),
      // HeldSnapshots counts exports; this only bounds what it has yet to refuse.
      exports_("exports", 4 * options.exports.snapshots_max),
      import_pool_(options.import_threads, kMailNice),
      export_pool_(options.export_threads, kListingNice),
      backup_pool_(1, kListingNice) {}

void AdminService::BeginDrain() {
  drain_.Begin();
  exports_.Drain();
}

grpc::ServerUnaryReactor* AdminService::Import(grpc::CallbackServerContext* context, const v1::ImportRequest* request,
                                               v1::ImportResponse* response) {
  return RunUnary(context, *request, options_.request_bytes_max, &imports_, [&](Done done) {
    const bool writes = !request->dry_run() && options_.may_write != nullptr;
    if (absl::Status refused = writes ? options_.may_write() : absl::OkStatus(); !refused.ok()) return done(refused);
    RunUnlessGone(
        &import_pool_, [context] { return context->IsCancelled(); },
        [this, request, response, actor = CallerName(*context)](const Done& taken) {
          Take(*request, actor, response, taken);
        },
        std::move(done));
  });
}

void AdminService::Take(const v1::ImportRequest& request, const std::string& actor, v1::ImportResponse* response,
                        const Done& done) {
  absl::StatusOr<ImportPlan> plan = PlanImport(request, clock_(), *rules_->classifier(), *rules_->policy());
  if (!plan.ok()) return done(plan.status());
  plan->command.set_actor(actor);
  absl::StatusOr<std::string> salt = NewAuditSalt();
  if (!salt.ok()) return done(salt.status());
  plan->command.set_audit_salt(*std::move(salt));
  if (plan->outcome_of_row.empty()) {
    Answer(*std::move(plan), {}, list_->head().head(), request.dry_run(), response);
    return done(absl::OkStatus());
  }
  if (request.dry_run()) {
    const absl::StatusOr<stored::CommandResult> result = options_.preview(plan->command);
    if (!result.ok()) return done(result.status());
    Answer(*std::move(plan), *result, list_->head().head(), true, response);
    return done(absl::OkStatus());
  }
  stored::Command command = std::move(plan->command);
  const auto planned = std::make_shared<ImportPlan>(*std::move(plan));
  log_->Append(std::move(command), [this, planned, response, done](const AppendResult& result) {
    if (!result.applied()) return done(result.status);
    Answer(std::move(*planned), result.result, result.result.revision(), false, response);
    done(absl::OkStatus());
  });
}

void AdminService::Answer(ImportPlan plan, const stored::CommandResult& result, uint64_t revision, bool is_dry,
                          v1::ImportResponse* response) const {
  CompleteImport(result, &plan);
  int64_t rejected = 0;
  for (v1::ImportOutcome& outcome : plan.outcomes) {
    rejected += outcome.result() == v1::ImportOutcome::REJECTED ? 1 : 0;
    *response->add_outcomes() = std::move(outcome);
  }
  response->set_revision_token(EncodeToken({list_->lineage(), revision}));
  if (is_dry) return;
  LogInfo("import", {{"tenant", plan.command.tenant()},
                     {"rows", std::to_string(plan.outcomes.size())},
                     {"rejected", std::to_string(rejected)},
                     {"revision", std::to_string(revision)}});
}

void AdminService::NoteExport(const std::string& actor, const std::string& tenant, int64_t entries, bool with_history) {
  stored::Command command;
  command.set_actor(actor);
  *command.mutable_at() = FromMicros(absl::ToUnixMicros(clock_()));
  stored::NoteOperation* note = command.mutable_note();
  note->set_action("export");
  note->set_tenant(tenant);
  note->set_count(entries);
  note->set_detail(with_history ? "with history" : "without history");
  log_->Append(std::move(command), [tenant, entries](const AppendResult& result) {
    if (result.applied()) return;
    LogWarning(
        "export_not_noted",
        {{"tenant", tenant}, {"entries", std::to_string(entries)}, {"error", std::string(result.status.message())}});
  });
}

grpc::ServerUnaryReactor* AdminService::ListAudit(grpc::CallbackServerContext* context,
                                                  const v1::ListAuditRequest* request,
                                                  v1::ListAuditResponse* response) {
  const auto list = [this, context, request, response](Done done) {
    const absl::Time give_up = GiveUpAt(absl::Now(), DeadlineOf(*context), options_.await_revision_max);
    AwaitRevision(
        list_, request->at_least(), give_up,
        [this, context, request, response, done = std::move(done)](const absl::Status& reached) {
          if (!reached.ok()) return done(reached);
          RunUnlessGone(
              &export_pool_, [context] { return context->IsCancelled(); },
              [this, request, response](const Done& end) { end(suppressd::ListAudit(*list_, *request, response)); },
              done);
        });
  };
  return RunUnary(context, *request, options_.request_bytes_max, &listings_, list,
                  new LargeAnswer(&unread_, context, response));
}

grpc::ServerUnaryReactor* AdminService::CreateBackup(grpc::CallbackServerContext* context,
                                                     const v1::CreateBackupRequest* request,
                                                     v1::CreateBackupResponse* response) {
  return RunUnary(context, *request, options_.request_bytes_max, &listings_, [&](Done done) {
    if (options_.backups == nullptr) return done(BackupsOff());
    // One that nobody waits for any more is made all the same.
    backup_pool_.Run([this, response, done = std::move(done)] {
      const absl::StatusOr<CreatedBackup> created = options_.backups->Create(absl::ToUnixMicros(clock_()));
      if (!created.ok()) return done(created.status());
      *response->mutable_backup() = BackupMessage(created->backup);
      response->set_deleted_count(created->deleted_count);
      done(absl::OkStatus());
    });
  });
}

grpc::ServerUnaryReactor* AdminService::ListBackups(grpc::CallbackServerContext* context,
                                                    const v1::ListBackupsRequest* request,
                                                    v1::ListBackupsResponse* response) {
  return RunUnary(context, *request, options_.request_bytes_max, &listings_, [&](const Done& done) {
    if (options_.backups == nullptr) return done(BackupsOff());
    for (const BackupNote& note : options_.backups->List()) *response->add_backups() = BackupMessage(note);
    done(absl::OkStatus());
  });
}

grpc::ServerUnaryReactor* NoAdminService::Import(grpc::CallbackServerContext* context, const v1::ImportRequest* request,
                                                 v1::ImportResponse*) {
  return RunUnary(context, *request, request_bytes_max_, &calls_, [](const Done& done) { done(NotServedHere()); });
}

grpc::ServerUnaryReactor* NoAdminService::ListAudit(grpc::CallbackServerContext* context,
                                                    const v1::ListAuditRequest* request, v1::ListAuditResponse*) {
  return RunUnary(context, *request, request_bytes_max_, &calls_, [](const Done& done) { done(NotServedHere()); });
}

grpc::ServerUnaryReactor* NoAdminService::CreateBackup(grpc::CallbackServerContext* context,
                                                       const v1::CreateBackupRequest* request,
                                                       v1::CreateBackupResponse*) {
  return RunUnary(context, *request, request_bytes_max_, &calls_, [](const Done& done) { done(NotServedHere()); });
}

grpc::ServerUnaryReactor* NoAdminService::ListBackups(grpc::CallbackServerContext* context,
                                                      const v1::ListBackupsRequest* request, v1::ListBackupsResponse*) {
  return RunUnary(context, *request, request_bytes_max_, &calls_, [](const Done& done) { done(NotServedHere()); });
}

grpc::ServerWriteReactor<v1::ExportResponse>* NoAdminService::Export(grpc::CallbackServerContext*,
                                                                     const v1::ExportRequest*) {
  return new RefusedStream<v1::ExportResponse>(NotServedHere());
}

}  // namespace suppressd
