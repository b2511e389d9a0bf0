// suppressctl backup and backups: have the server make a backup, and see those that there are.
#include <google/protobuf/timestamp.pb.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "client/internal/channel.h"
#include "client/suppressctl/commands.h"
#include "client/suppressctl/json.h"
#include "client/suppressctl/parse.h"
#include "client/suppressctl/replication_calls.h"
#include "client/suppressctl/text.h"
#include "common/from_grpc.h"
#include "suppressd/v1/admin_service.grpc.pb.h"

namespace suppressd::suppressctl {
namespace {

using Stub = v1::AdminService::StubInterface;

JsonObject ToJson(const v1::Backup& backup) {
  JsonObject json;
  json.Add("id", backup.id());
  if (backup.has_created_at()) json.Add("createdAt", std::optional<absl::Time>(ToTime(backup.created_at())));
  json.Add("revisionToken", backup.revision_token()).Add("sizeBytes", backup.size_bytes());
  return json.Add("metaSha256", absl::Base64Escape(backup.meta_sha256()));
}

void PrintTable(const std::vector<v1::Backup>& backups, Session& session) {
  Table table({"ID", "CREATED", "STATE", "BYTES", "META SHA-256"});
  for (const v1::Backup& backup : backups) {
    table.Add({absl::StrCat(backup.id()), backup.has_created_at() ? TimeText(ToTime(backup.created_at())) : "",
               backup.revision_token(), absl::StrCat(backup.size_bytes()),
               absl::BytesToHexString(backup.meta_sha256())});
  }
  table.Print(session.out());
}

// One call, made once: a backup that was begun goes on at the server, and another one would only be added to it.
template <typename Request, typename Response>
absl::StatusOr<Response> CallOnce(const ClientOptions& options, absl::Duration timeout,
                                  grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*)) {
  const absl::StatusOr<std::shared_ptr<SecureChannel>> channel = client_internal::MakeChannel(options);
  if (!channel.ok()) return channel.status();
  const std::unique_ptr<v1::AdminService::Stub> stub = v1::AdminService::NewStub((*channel)->Get());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(timeout));
  (*channel)->AddToken(&context);
  Response response;
  const grpc::Status status = (stub.get()->*method)(&context, Request(), &response);
  if (!status.ok()) return FromGrpc(status);
  return response;
}

int MakeBackup(const std::string& give_up_after, Session& session) {
  const absl::StatusOr<ClientOptions> options = session.MakeClientOptions();
  if (!options.ok()) return session.Fail(options.status());
  const absl::StatusOr<absl::Duration> within = ParseDuration(give_up_after);
  if (!within.ok()) return session.Fail("--give_up_after", within.status());
  const auto response =
      CallOnce<v1::CreateBackupRequest, v1::CreateBackupResponse>(*options, *within, &Stub::CreateBackup);
  if (!response.ok()) return session.Fail(response.status());
  if (session.json()) {
    JsonObject json;
    json.Add("backup", ToJson(response->backup())).Add("deletedCount", response->deleted_count());
    session.out() << json.ToString() << "\n";
    return kDone;
  }
  PrintTable({response->backup()}, session);
  if (response->deleted_count() > 0) session.out() << response->deleted_count() << " older deleted\n";
  return kDone;
}

int ListBackups(Session& session) {
  const absl::StatusOr<ClientOptions> options = session.MakeClientOptions();
  if (!options.ok()) return session.Fail(options.status());
  const auto response =
      CallOnce<v1::ListBackupsRequest, v1::ListBackupsResponse>(*options, options->deadline, &Stub::ListBackups);
  if (!response.ok()) return session.Fail(response.status());
  const std::vector<v1::Backup> backups(response->backups().begin(), response->backups().end());
  if (session.json()) {
    JsonObject json;
    json.AddAll("backups", backups, [](const v1::Backup& backup) { return ToJson(backup); });
    session.out() << json.ToString() << "\n";
    return kDone;
  }
  PrintTable(backups, session);
  return kDone;
}

}  // namespace

void AddBackups(CLI::App& app, Session& session, int* exit_code) {
  auto give_up_after = std::make_shared<std::string>("1h");
  CLI::App* make = app.add_subcommand("backup", "Have the server make a backup now, and wait until it is read back");
  make->add_option("--give_up_after", *give_up_after, "How long to wait for it; --timeout does not count")
      ->capture_default_str();
  make->footer(
      "The server needs --backup_dir. A backup that is not waited for any longer goes on: see suppressctl backups.\n"
      "Exit codes: 0 done, 2 error.");
  make->callback([give_up_after, &session, exit_code] { *exit_code = MakeBackup(*give_up_after, session); });
  CLI::App* list = app.add_subcommand("backups", "The server's backups, the newest first");
  list->footer(
      "Where no server runs: suppressd backups --from DIR. To restore one: suppressd restore.\n"
      "Exit codes: 0 done, 2 error.");
  list->callback([&session, exit_code] { *exit_code = ListBackups(session); });
}

}  // namespace suppressd::suppressctl
