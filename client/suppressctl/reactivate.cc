// suppressctl reactivate: lifts causes.
#include <memory>
#include <string>
#include <vector>

#include "client/suppressctl/commands.h"
#include "client/suppressctl/parse.h"
#include "client/suppressctl/render.h"

namespace suppressd::suppressctl {
namespace {

struct ReactivateOptions {
  ReactivateRequest request;
  std::vector<std::string> causes;
  std::string consent_at;
  std::string consent_evidence;
};

absl::Status Complete(const ReactivateOptions& options, ReactivateRequest* request) {
  for (const std::string& text : options.causes) {
    const absl::StatusOr<CauseSelector> selector = ParseCauseSelector(text);
    if (!selector.ok()) return selector.status();
    request->causes.push_back(*selector);
  }
  if (options.consent_at.empty() && options.consent_evidence.empty()) return absl::OkStatus();
  Consent consent;
  consent.evidence = options.consent_evidence;
  const absl::Status status = ParseOptionalTime("--consent_at", options.consent_at, &consent.obtained_at);
  request->consent = std::move(consent);
  return status;
}

void Print(const ReactivateResult& result, std::ostream& out) {
  out << Escape(result.suppression.Target()) << ": " << (result.changed ? "reactivated" : "nothing to lift")
      << (result.duplicate ? " (by an earlier call with this id)" : "") << ", "
      << (result.suppressed_in_any_stream ? "still suppressed by " + Escape(Describe(result.blocking))
                                          : "not suppressed")
      << "\n";
}

int Reactivate(const ReactivateOptions& options, Session& session) {
  ReactivateRequest request = options.request;
  if (const absl::Status status = Complete(options, &request); !status.ok()) return session.Fail(status);
  const absl::StatusOr<Client> client = session.MakeClient();
  if (!client.ok()) return session.Fail(client.status());
  const absl::StatusOr<ReactivateResult> result = client->Reactivate(request);
  if (!result.ok()) return session.Fail(result.status());
  if (session.json()) {
    session.out() << ToJson(*result).ToString() << "\n";
  } else {
    Print(*result, session.out());
  }
  return kDone;
}

}  // namespace

void AddReactivate(CLI::App& app, Session& session, int* exit_code) {
  auto options = std::make_shared<ReactivateOptions>();
  CLI::App* command = app.add_subcommand("reactivate", "Lift the bounces of an address, or chosen causes");
  CLI::Option* address = command->add_option("address", options->request.address, "The address");
  command->add_option("--domain", options->request.domain, "The entry of a whole domain instead")->excludes(address);
  command->add_option("--note", options->request.note, "Why")->required();
  command->add_option("--on_behalf_of", options->request.on_behalf_of, "Who asks");
  command->add_option("--cause", options->causes,
                      "TYPE[:REASON[:STREAM]], repeatable [default: every HARD_BOUNCE and SOFT_BOUNCE]");
  command->add_option("--consent_at", options->consent_at, "When the owner consented to mail again");
  command->add_option("--consent_evidence", options->consent_evidence, "What proves it");
  command->add_option("--request_id", options->request.request_id, "A UUID; the same one again changes nothing");
  command->footer("Exit codes: 0 done, also when something else still suppresses the address; 2 error.");
  command->callback([options, &session, exit_code] { *exit_code = Reactivate(*options, session); });
}

}  // namespace suppressd::suppressctl
