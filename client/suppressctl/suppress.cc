// suppressctl suppress: puts an address or a whole domain on the list.
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "client/suppressctl/commands.h"
#include "client/suppressctl/parse.h"
#include "client/suppressctl/render.h"

namespace suppressd::suppressctl {
namespace {

struct SuppressOptions {
  SuppressRequest request;
  std::string type;
  std::string reason;
  std::string expires;
};

absl::Status Complete(const SuppressOptions& options, SuppressRequest* request) {
  absl::Status status = ParseEnum("--type", options.type, &request->type);
  status.Update(ParseEnum("--reason", options.reason, &request->reason));
  if (!status.ok() || options.expires.empty()) return status;
  const absl::StatusOr<absl::Time> expires = ParseTimeOrDuration(options.expires, absl::Now());
  if (!expires.ok()) return absl::InvalidArgumentError("--expires looks like 2026-03-01T12:00:00Z or 30d");
  request->expires_at = *expires;
  return absl::OkStatus();
}

int Suppress(const SuppressOptions& options, Session& session) {
  SuppressRequest request = options.request;
  if (const absl::Status status = Complete(options, &request); !status.ok()) return session.Fail(status);
  const absl::StatusOr<Client> client = session.MakeClient();
  if (!client.ok()) return session.Fail(client.status());
  const absl::StatusOr<SuppressResult> result = client->Suppress(request);
  if (!result.ok()) return session.Fail(result.status());
  if (session.json()) {
    session.out() << ToJson(*result).ToString() << "\n";
    return kDone;
  }
  session.out() << Escape(result->suppression.Target()) << ": "
                << (result->newly_suppressed ? "suppressed" : "was suppressed already, refreshed") << "\n";
  return kDone;
}

}  // namespace

void AddSuppress(CLI::App& app, Session& session, int* exit_code) {
  auto options = std::make_shared<SuppressOptions>();
  CLI::App* command = app.add_subcommand("suppress", "Put an address or a whole domain on the list by hand");
  CLI::Option* address = command->add_option("address", options->request.address, "The address");
  command->add_option("--domain", options->request.domain, "A whole domain instead, without its subdomains")
      ->excludes(address);
  command->add_option("--note", options->request.note, "Why")->required();
  command->add_option("--type", options->type, "MANUAL, UNSUBSCRIBE or COMPLAINT [default: MANUAL]");
  command->add_option("--reason", options->reason, "A bounce reason to file it under; only with MANUAL");
  command->add_option("--stream", options->request.stream, "Only this stream [default: all mail]");
  command->add_option("--expires", options->expires, "Until this time, or for so long: 30d [default: forever]");
  command->add_option("--on_behalf_of", options->request.on_behalf_of, "Who asks");
  command->add_option("--source", options->request.source, "The system that asks");
  command->add_option("--request_id", options->request.request_id, "A UUID; the same one again changes nothing");
  command->footer("Exit codes: 0 done, 2 error.");
  command->callback([options, &session, exit_code] { *exit_code = Suppress(*options, session); });
}

}  // namespace suppressd::suppressctl
