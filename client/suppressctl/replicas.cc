// suppressctl replicas: who follows the server, and how far behind?
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/suppressctl/commands.h"
#include "client/suppressctl/render.h"
#include "client/suppressctl/replication_calls.h"

namespace suppressd::suppressctl {
namespace {

constexpr int kPageSize = 1'000;
// The service keeps at most 10,000 replicas; more pages mean that it goes in circles.
constexpr int kPagesMax = 1'000;

JsonObject ToJson(const v1::Replica& replica) {
  JsonObject json;
  json.Add("id", replica.id()).Add("version", replica.version()).Add("state", v1::Replica::State_Name(replica.state()));
  json.Add("lineage", replica.lineage()).Add("acknowledgedToken", replica.acknowledged_token());
  json.Add("sentToken", replica.sent_token()).Add("lagRevisionCount", replica.lag_revision_count());
  if (replica.has_last_seen_at()) json.Add("lastSeenAt", std::optional<absl::Time>(ToTime(replica.last_seen_at())));
  return json;
}

std::vector<std::string> ToRow(const v1::Replica& replica) {
  // Without an acknowledged state the lag is not known, and no lag of 0.
  const bool acknowledged = !replica.acknowledged_token().empty();
  return {replica.id(),
          replica.version(),
          v1::Replica::State_Name(replica.state()),
          replica.lineage(),
          acknowledged ? absl::StrCat(replica.lag_revision_count()) : "",
          replica.has_last_seen_at() ? TimeText(ToTime(replica.last_seen_at())) : ""};
}

// Prints a page at a time.
class ReplicaPrinter {
 public:
  explicit ReplicaPrinter(Session& session) : session_(session) {
    if (session_.json()) session_.out() << "{\"replicas\":[";
  }

  void Add(const v1::ListReplicasResponse& page) {
    for (const v1::Replica& replica : page.replicas()) {
      if (session_.json()) session_.out() << (printed_ ? "," : "") << ToJson(replica).ToString();
      if (session_.jsonl()) session_.out() << ToJson(replica).ToString() << "\n";
      if (session_.table()) table_.Add(ToRow(replica));
      printed_ = true;
    }
  }

  // What was printed stays one JSON object also when the rest did not come; the exit code says that it is not all.
  void Finish(const std::string& head_token) {
    if (session_.json()) {
      session_.out() << "]" << (head_token.empty() ? "" : ",\"headToken\":" + JsonString(head_token)) << "}\n";
    }
    if (session_.table()) table_.Print(session_.out());
  }

 private:
  Session& session_;
  Table table_ = Table({"ID", "VERSION", "STATE", "LINEAGE", "LAG", "SEEN"});
  bool printed_ = false;
};

int ShowReplicas(Session& session) {
  const absl::StatusOr<ClientOptions> options = session.MakeClientOptions(LineOutput::kTaken);
  if (!options.ok()) return session.Fail(options.status());
  const absl::StatusOr<ReplicationCalls> calls = ReplicationCalls::Make(*options);
  if (!calls.ok()) return session.Fail(calls.status());
  std::unique_ptr<ReplicaPrinter> printer;
  v1::ListReplicasRequest request;
  request.set_page_size(kPageSize);
  for (int pages = 0; pages < kPagesMax; ++pages) {
    const absl::StatusOr<v1::ListReplicasResponse> page = calls->ListReplicas(request, options->deadline);
    if (!page.ok()) {
      if (printer != nullptr) printer->Finish("");
      return session.Fail(page.status());
    }
    if (printer == nullptr) printer = std::make_unique<ReplicaPrinter>(session);
    printer->Add(*page);
    if (page->next_page_token().empty()) {
      printer->Finish(page->head_token());
      return kDone;
    }
    request.set_page_token(page->next_page_token());
  }
  printer->Finish("");
  return session.Fail(absl::InternalError("the list of replicas does not end"));
}

}  // namespace

void AddReplicas(CLI::App& app, Session& session, int* exit_code) {
  CLI::App* command = app.add_subcommand("replicas", "Who follows the server, and how far behind are they?");
  command->footer(
      "LAG counts the revisions that a replica has yet to store; - when it has not said what it holds.\n"
      "A sidecar passes the question on to its server. Exit codes: 0 done, 2 error.");
  command->callback([&session, exit_code] { *exit_code = ShowReplicas(session); });
}

}  // namespace suppressd::suppressctl
