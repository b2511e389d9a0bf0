// suppressctl status: is the service up, does it take writes, how far is it?
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/internal/channel.h"
#include "client/internal/health.h"
#include "client/suppressctl/commands.h"
#include "client/suppressctl/render.h"
#include "client/suppressctl/replication_calls.h"

namespace suppressd::suppressctl {
namespace {

constexpr char kService[] = "suppressd.v1.SuppressionService";
constexpr char kServing[] = "SERVING";

struct ServerStatus {
  std::string target;
  std::string server;  // the server as a whole
  std::string reads;
  std::string writes;
  std::string revision_token;
  std::optional<v1::GetSidecarStatusResponse> replica;  // of a sidecar

  bool healthy() const { return server == kServing && reads == kServing && writes == kServing; }
};

absl::StatusOr<ServerStatus> Ask(const ClientOptions& options) {
  const auto channel = client_internal::MakeChannel(options);
  if (!channel.ok()) return channel.status();
  ServerStatus status;
  status.target = options.target;
  const std::pair<std::string, std::string*> services[] = {
      {"", &status.server}, {kService, &status.reads}, {std::string(kService) + "/write", &status.writes}};
  for (const auto& [service, state] : services) {
    absl::StatusOr<std::string> answer = client_internal::CheckHealth((*channel)->Get(), service, options.deadline);
    if (!answer.ok()) return answer.status();
    *state = *std::move(answer);
  }
  return status;
}

// What a sidecar says of itself; nothing when the server is none, or older than the question.
absl::StatusOr<std::optional<v1::GetSidecarStatusResponse>> AskReplica(const ClientOptions& options) {
  const absl::StatusOr<ReplicationCalls> calls = ReplicationCalls::Make(options);
  if (!calls.ok()) return calls.status();
  absl::StatusOr<v1::GetSidecarStatusResponse> answer = calls->GetSidecarStatus(options.deadline);
  if (answer.ok()) return *std::move(answer);
  if (ErrorReason(answer.status()) == "NOT_SERVED_HERE" || absl::IsUnimplemented(answer.status())) return std::nullopt;
  return answer.status();
}

JsonObject ToJson(const v1::GetSidecarStatusResponse& replica) {
  JsonObject json;
  json.Add("replicaId", replica.replica_id()).Add("upstream", replica.upstream());
  json.Add("state", v1::Replica::State_Name(replica.state())).Add("revisionToken", replica.revision_token());
  if (replica.has_staleness()) json.Add("staleness", DurationText(ToDuration(replica.staleness())));
  json.Add("estimatedEntryCount", replica.estimated_entry_count())
      .Add("outboxReportCount", replica.outbox_report_count());
  if (replica.has_outbox_oldest_at()) {
    json.Add("outboxOldestAt", std::optional<absl::Time>(ToTime(replica.outbox_oldest_at())));
  }
  return json.Add("outboxRefusedCount", replica.outbox_refused_count()).Add("lastError", replica.last_error());
}

void PrintReplica(const v1::GetSidecarStatusResponse& replica, std::ostream& out) {
  Table table({"REPLICA", "UPSTREAM", "STATE", "STALENESS", "ENTRIES", "OUTBOX", "OLDEST", "REFUSED"});
  table.Add(
      {replica.replica_id(), replica.upstream(), v1::Replica::State_Name(replica.state()),
       replica.has_staleness() ? DurationText(absl::Ceil(ToDuration(replica.staleness()), absl::Milliseconds(1))) : "",
       absl::StrCat(replica.estimated_entry_count()), absl::StrCat(replica.outbox_report_count()),
       replica.has_outbox_oldest_at() ? TimeText(ToTime(replica.outbox_oldest_at())) : "",
       absl::StrCat(replica.outbox_refused_count())});
  out << "\n";
  table.Print(out);
  if (!replica.last_error().empty()) out << "last error: " << Escape(replica.last_error()) << "\n";
}

void Print(const ServerStatus& status, Session& session) {
  if (session.json()) {
    JsonObject json;
    json.Add("target", status.target).Add("server", status.server).Add("reads", status.reads);
    json.Add("writes", status.writes).Add("revisionToken", status.revision_token);
    if (status.replica) json.Add("replica", ToJson(*status.replica));
    session.out() << json.ToString() << "\n";
    return;
  }
  Table table({"TARGET", "SERVER", "READS", "WRITES", "TOKEN"});
  table.Add({status.target, status.server, status.reads, status.writes, status.revision_token});
  table.Print(session.out());
  if (status.replica) PrintReplica(*status.replica, session.out());
}

int ShowStatus(Session& session) {
  const absl::StatusOr<ClientOptions> options = session.MakeClientOptions();
  if (!options.ok()) return session.Fail(options.status());
  absl::StatusOr<ServerStatus> status = Ask(*options);
  if (!status.ok()) return session.Fail(status.status());
  // A batch of none is the cheapest read that carries the token. A server that does not serve has none.
  const absl::StatusOr<Client> client = Client::Create(*options);
  if (!client.ok()) return session.Fail(client.status());
  const absl::StatusOr<BatchResult> head = client->BatchIsSuppressed(BatchRequest());
  if (head.ok()) status->revision_token = head->revision_token;
  const auto replica = AskReplica(*options);
  if (replica.ok()) status->replica = *replica;
  Print(*status, session);
  if (!head.ok()) return session.Fail(head.status());
  if (!replica.ok()) return session.Fail(replica.status());
  return status->healthy() ? kDone : kFinding;
}

}  // namespace

void AddStatus(CLI::App& app, Session& session, int* exit_code) {
  CLI::App* command = app.add_subcommand("status", "Is the service up, and how far is it?");
  command->footer(
      "Of a sidecar also its replica and its outbox.\n"
      "Exit codes: 0 it serves reads and writes, 1 something does not serve, 2 error or not reachable.");
  command->callback([&session, exit_code] { *exit_code = ShowStatus(session); });
}

}  // namespace suppressd::suppressctl
