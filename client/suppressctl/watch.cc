// suppressctl watch: changes as they happen.
#include <memory>

#include "client/suppressctl/commands.h"
#include "client/suppressctl/render.h"

namespace suppression::suppressctl {
namespace {

struct WatchOptions {
  WatchRequest request;
  int64_t count = 0;
};

void Print(const Change& change, Session& session) {
  if (session.json_lines()) {
    session.out() << ToJson(change).ToString() << "\n";
  } else {
    for (const Suppression& entry : change.suppressions) {
      session.out() << TimeText(change.committed_at) << "  " << Escape(entry.tenant) << "  " << Escape(entry.address)
                    << "  " << Escape(DescribeCauses(entry)) << "  " << Escape(change.token) << "\n";
    }
    if (change.suppressions.empty()) session.out() << "heartbeat  " << Escape(change.token) << "\n";
  }
  session.out().flush();
}

int Watch(const WatchOptions& options, Session& session) {
  const absl::StatusOr<Client> client = session.MakeClient(LineOutput::kTaken);
  if (!client.ok()) return session.Fail(client.status());
  int64_t seen = 0;
  const absl::Status status = client->Watch(options.request, [&](const Change& change) {
    Print(change, session);
    if (!change.suppressions.empty()) ++seen;
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

}  // namespace suppression::suppressctl
