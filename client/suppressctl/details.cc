// suppressctl details: everything known of an address or domain.
#include <memory>

#include "client/suppressctl/commands.h"
#include "client/suppressctl/render.h"

namespace suppressd::suppressctl {
namespace {

int ShowDetails(const DetailsRequest& request, Session& session) {
  const absl::StatusOr<Client> client = session.MakeClient();
  if (!client.ok()) return session.Fail(client.status());
  const absl::StatusOr<Details> details = client->GetBounceDetails(request);
  if (!details.ok()) {
    session.Fail(details.status());
    return ErrorReason(details.status()) == "SUPPRESSION_NOT_FOUND" ? kFinding : kFailed;
  }
  if (session.json()) {
    session.out() << ToJson(*details).ToString() << "\n";
  } else {
    PrintDetails(*details, session.out());
  }
  return kDone;
}

}  // namespace

void AddDetails(CLI::App& app, Session& session, int* exit_code) {
  auto request = std::make_shared<DetailsRequest>();
  CLI::App* command = app.add_subcommand("details", "Why an address is suppressed, with the exact bounce texts");
  CLI::Option* address = command->add_option("address", request->address, "The address");
  command->add_option("--domain", request->domain, "The entry of a whole domain instead")->excludes(address);
  command->add_option("--events", request->max_events, "How many of the newest reports [default: 10]")
      ->check(CLI::Range(1, 50));
  command->add_option("--at_least", request->at_least, "Answer from the state of this token or a later one");
  command->footer("Exit codes: 0 done, 1 nothing is known of it, 2 error.");
  command->callback([request, &session, exit_code] { *exit_code = ShowDetails(*request, session); });
}

}  // namespace suppressd::suppressctl
