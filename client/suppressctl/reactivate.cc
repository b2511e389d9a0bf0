// suppressctl reactivate: lifts causes.
#include <memory>
#include <string>
#include <vector>

#include "client/suppressctl/bulk_reactivate.h"
#include "client/suppressctl/commands.h"
#include "client/suppressctl/filter_options.h"
#include "client/suppressctl/parse.h"
#include "client/suppressctl/render.h"

namespace suppressd::suppressctl {
namespace {

struct ReactivateOptions {
  ReactivateRequest request;
  std::vector<std::string> causes;
  std::string consent_at;
  std::string consent_evidence;
  FilterOptions filter;
  std::string apply;
  bool plan = false;
  bool all = false;
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

// Many at once: --plan or --apply.
int ReactivateMany(const ReactivateOptions& options, Session& session) {
  BulkOptions bulk;
  FilterOptions filter = options.filter;
  filter.domain = options.request.domain;
  if (!options.request.address.empty() || !options.request.request_id.empty() || !options.consent_at.empty()) {
    return session.Fail(absl::InvalidArgumentError("--plan and --apply are about many; name no address with them"));
  }
  if (options.plan && !filter.any() && !options.all) {
    return session.Fail(absl::InvalidArgumentError("say which entries (--reason, --domain, ...), or --all"));
  }
  if (!options.plan && (filter.any() || options.all || !options.causes.empty())) {
    return session.Fail(absl::InvalidArgumentError("the plan says which entries and causes; leave them out"));
  }
  const absl::StatusOr<SuppressionFilter> made = MakeFilter(filter);
  if (!made.ok()) return session.Fail(made.status());
  ReactivateRequest request;
  if (const absl::Status status = Complete(options, &request); !status.ok()) return session.Fail(status);
  bulk.filter = *made;
  bulk.causes = request.causes;
  bulk.plan = options.apply;
  bulk.note = options.request.note;
  bulk.on_behalf_of = options.request.on_behalf_of;
  return options.plan ? PlanReactivation(bulk, session) : ApplyReactivation(bulk, session);
}

int Reactivate(const ReactivateOptions& options, Session& session) {
  if (!options.plan && options.request.note.empty()) {
    return session.Fail(absl::InvalidArgumentError("--note is required: say why"));
  }
  if (options.plan || !options.apply.empty()) return ReactivateMany(options, session);
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
  command->add_option("--note", options->request.note, "Why; required but with --plan");
  command->add_option("--on_behalf_of", options->request.on_behalf_of, "Who asks");
  command->add_option("--cause", options->causes,
                      "TYPE[:REASON[:STREAM]], repeatable [default: every HARD_BOUNCE and SOFT_BOUNCE]");
  command->add_option("--consent_at", options->consent_at, "When the owner consented to mail again");
  command->add_option("--consent_evidence", options->consent_evidence, "What proves it");
  command->add_option("--request_id", options->request.request_id, "A UUID; the same one again changes nothing");
  AddFilterOptions(command, &options->filter, "SUPPRESSED_NOW");
  CLI::Option* plan =
      command->add_flag("--plan", options->plan, "Many: show what would be reactivated, and give it a plan id");
  command->add_flag("--all", options->all, "With --plan: every entry that bounced");
  command->add_option("--apply", options->apply, "Many: reactivate what this plan has shown")->excludes(plan);
  command->footer(
      "With --plan the options of list say which entries; --domain then means all of a domain. What has changed since\n"
      "the plan is left alone; complaints and unsubscriptions always are. A plan can be applied for 7 days, and "
      "again.\n"
      "Exit codes: 0 done, also when something else still suppresses the address; 1 --apply: some were left alone or\n"
      "failed; 2 error.");
  command->callback([options, &session, exit_code] { *exit_code = Reactivate(*options, session); });
}

}  // namespace suppressd::suppressctl
