// suppressctl status: is the service up, does it take writes, how far is it?
#include <memory>

#include "client/internal/channel.h"
#include "client/internal/health.h"
#include "client/suppressctl/commands.h"
#include "client/suppressctl/render.h"

namespace suppression::suppressctl {
namespace {

constexpr char kService[] = "suppression.v1.SuppressionService";
constexpr char kServing[] = "SERVING";

struct ServerStatus {
  std::string target;
  std::string server;  // the server as a whole
  std::string reads;
  std::string writes;
  std::string token;

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
    absl::StatusOr<std::string> answer = client_internal::CheckHealth(*channel, service, options.deadline);
    if (!answer.ok()) return answer.status();
    *state = *std::move(answer);
  }
  return status;
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
  if (head.ok()) status->token = head->token;
  if (session.json()) {
    session.out() << JsonObject()
                         .Add("target", status->target)
                         .Add("server", status->server)
                         .Add("reads", status->reads)
                         .Add("writes", status->writes)
                         .Add("token", status->token)
                         .ToString()
                  << "\n";
  } else {
    Table table({"TARGET", "SERVER", "READS", "WRITES", "TOKEN"});
    table.Add({status->target, status->server, status->reads, status->writes, status->token});
    table.Print(session.out());
  }
  if (!head.ok()) return session.Fail(head.status());
  return status->healthy() ? kDone : kFinding;
}

}  // namespace

void AddStatus(CLI::App& app, Session& session, int* exit_code) {
  CLI::App* command = app.add_subcommand("status", "Is the service up, and how far is it?");
  command->footer("Exit codes: 0 it serves reads and writes, 1 something does not serve, 2 error or not reachable.");
  command->callback([&session, exit_code] { *exit_code = ShowStatus(session); });
}

}  // namespace suppression::suppressctl
