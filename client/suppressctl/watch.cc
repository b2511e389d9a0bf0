// suppressctl watch: changes as they happen.
#include <memory>

#include "client/suppressctl/commands.h"
#include "client/suppressctl/render.h"

namespace suppressd::suppressctl {
namespace {

struct WatchOptions {
  WatchRequest request;
  int64_t count = 0;
};

void Print(const WatchStep& step, Session& session) {
  if (session.json_lines()) {
    session.out() << ToJson(step).ToString() << "\n";
  } else {
    for (const Change& change : step.changes) {
      const Suppression& entry = change.suppression;
      session.out() << TimeText(step.committed_at) << "  " << Escape(entry.tenant) << "  " << Escape(entry.Target())
                    << "  " << (change.kind == ChangeKind::kErased ? "erased" : Escape(DescribeCauses(entry))) << "  "
                    << Escape(step.revision_token) << "\n";
    }
    if (step.changes.empty()) session.out() << "heartbeat  " << Escape(step.revision_token) << "\n";
  }
  session.out().flush();
}

int Watch(const WatchOptions& options, Session& session) {
  const absl::StatusOr<Client> client = session.MakeClient(LineOutput::kTaken);
  if (!client.ok()) return session.Fail(client.status());
  int64_t seen = 0;
  const absl::Status status = client->Watch(options.request, [&](const WatchStep& step) {
    Print(step, session);
    if (!step.changes.empty()) ++seen;
    return session.out().good() && (options.count == 0 || seen < options.count);
  });
  return status.ok() ? kDone : session.Fail(status);
}

}  // namespace

void AddWatch(CLI::App& app, Session& session, int* exit_code) {
  auto options = std::make_shared<WatchOptions>();
  CLI::App* command = app.add_subcommand("watch", "Print changes as they happen, until interrupted");
  command->add_option("--after", options->request.after, "Start after the state of this token [default: now]");
  command->add_option("--count", options->count, "Stop after so many changes [default: never]")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 62));
  command->add_flag("--heartbeats", options->request.heartbeats, "Also print steps without a change");
  command->footer("Watches --tenant, or every list when it is not given. Exit codes: 0 --count reached, 2 error.");
  command->callback([options, &session, exit_code] { *exit_code = Watch(*options, session); });
}

}  // namespace suppressd::suppressctl
