// suppressctl reclassify: what another rule set would change on the list, and lifting what it would not have put there.
#include <map>
#include <memory>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "client/suppressctl/commands.h"
#include "client/suppressctl/json.h"
#include "client/suppressctl/local_rules.h"
#include "client/suppressctl/rejudge.h"
#include "client/suppressctl/text.h"

namespace suppressd::suppressctl {
namespace {

constexpr int kPageSize = 1'000;
constexpr int kEventsMax = 50;

struct ReclassifyOptions {
  LocalRulesOptions rules;
  std::string domain;
  std::string on_behalf_of = "suppressctl reclassify";
  bool dry_run = false;
};

// change, rule, domain
using Group = std::tuple<std::string, std::string, std::string>;

class Reclassifier {
 public:
  Reclassifier(const ReclassifyOptions& options, const LocalRules& rules, const Client& client, Session& session)
      : options_(options), rules_(rules), client_(client), session_(session) {}

  int Run() {
    absl::Status status = Walk(StateFilter::kSuppressedNow);
    for (const StateFilter state : {StateFilter::kReactivated, StateFilter::kExpired, StateFilter::kNeverSuppressed}) {
      if (status.ok()) status = Walk(state);
    }
    Finish();
    if (!status.ok()) return session_.Fail(status);
    return failed_ == 0 ? kDone : kFailed;
  }

 private:
  absl::Status Walk(StateFilter state) {
    ListRequest request;
    request.page_size = kPageSize;
    request.order = ListOrder::kByAddress;
    request.filter.state = state;
    request.filter.domain = options_.domain;
    do {
      const absl::StatusOr<Page> page = client_.ListSuppressions(request);
      if (!page.ok()) return page.status();
      if (page->damaged_count > 0 && state == StateFilter::kSuppressedNow) {  // every walk meets them
        failed_ += page->damaged_count;
        session_.Fail(absl::DataLossError(absl::StrCat(page->damaged_count, " entries are damaged, not looked at")));
      }
      for (const Suppression& suppression : page->suppressions) {
        if (absl::Status status = Look(suppression.address); !status.ok()) return status;
      }
      request.page_token = page->next_page_token;
    } while (!request.page_token.empty());
    return absl::OkStatus();
  }

  absl::Status Look(const std::string& address) {
    if (address.empty()) return absl::OkStatus();  // whole domains have no bounces
    DetailsRequest request;
    request.address = address;
    request.max_events = kEventsMax;
    const absl::StatusOr<Details> details = client_.GetBounceDetails(request);
    if (absl::IsNotFound(details.status())) return absl::OkStatus();
    if (!details.ok()) return details.status();
    ++looked_at_;
    for (const Finding& finding : Rejudge(*details, rules_)) Take(address, *details, finding);
    return absl::OkStatus();
  }

  void Take(const std::string& address, const Details& details, const Finding& finding) {
    std::string change = finding.more ? "more" : "no longer";
    if (!finding.more && !options_.dry_run) {
      const absl::Status status = Lift(address, details, finding);
      change = status.ok() ? "lifted" : "not lifted";
      if (!status.ok()) {
        ++failed_;
        session_.Fail(Escape(address), status);
      }
    }
    ++groups_[Group(change, finding.more ? finding.new_rule : finding.old_rule,
                    address.substr(address.rfind('@') + 1))];
    Print(address, change, finding);
  }

  // Only if nothing has come since the details were read.
  absl::Status Lift(const std::string& address, const Details& details, const Finding& finding) {
    ReactivateRequest request;
    request.address = address;
    request.on_behalf_of = options_.on_behalf_of;
    request.unchanged_since = details.revision_token;
    request.note = absl::StrCat("reclassified by rule set ", rules_.classifier->version(), ": ", finding.old_rule,
                                " is now ", finding.new_rule, " ", finding.new_class);
    request.causes.push_back({CauseType::kHardBounce, finding.reason, std::nullopt});
    return client_.Reactivate(request).status();
  }

  void Print(const std::string& address, const std::string& change, const Finding& finding) {
    if (!session_.json()) {
      table_.Add({address, change, Name(finding.reason), finding.old_rule, finding.new_rule, finding.new_class,
                  finding.new_reason});
      return;
    }
    JsonObject object;
    object.Add("address", address).Add("change", change).Add("reason", Name(finding.reason));
    object.Add("oldRuleId", finding.old_rule).Add("newRuleId", finding.new_rule).Add("newClass", finding.new_class);
    session_.out() << object.Add("newReason", finding.new_reason).ToString() << "\n";
  }

  void Finish() {
    if (session_.json()) {
      for (const auto& [group, count] : groups_) {
        JsonObject object;
        object.Add("change", std::get<0>(group)).Add("ruleId", std::get<1>(group)).Add("domain", std::get<2>(group));
        session_.out() << object.Add("count", count).ToString() << "\n";
      }
    } else {
      table_.Print(session_.out());
      Table summary({"CHANGE", "RULE", "DOMAIN", "ENTRIES"});
      for (const auto& [group, count] : groups_) {
        summary.Add({std::get<0>(group), std::get<1>(group), std::get<2>(group), absl::StrCat(count)});
      }
      session_.out() << "\n";
      summary.Print(session_.out());
    }
    session_.err() << "looked at " << looked_at_ << " entries with rule set " << rules_.classifier->version()
                   << (options_.dry_run ? "; nothing was changed" : "") << "\n";
  }

  const ReclassifyOptions& options_;
  const LocalRules& rules_;
  const Client& client_;
  Session& session_;
  Table table_{{"ADDRESS", "CHANGE", "REASON", "OLD_RULE", "NEW_RULE", "NEW_CLASS", "NEW_REASON"}};
  std::map<Group, int32_t> groups_;
  int64_t looked_at_ = 0;
  int64_t failed_ = 0;
};

int Reclassify(const ReclassifyOptions& options, Session& session) {
  const absl::StatusOr<LocalRules> rules = LoadRules(options.rules, session.options().tenant);
  if (!rules.ok()) return session.Fail(rules.status());
  const absl::StatusOr<Client> client = session.MakeClient();
  if (!client.ok()) return session.Fail(client.status());
  return Reclassifier(options, *rules, *client, session).Run();
}

}  // namespace

void AddReclassify(CLI::App& app, Session& session, int* exit_code) {
  auto options = std::make_shared<ReclassifyOptions>();
  CLI::App* command = app.add_subcommand(
      "reclassify", "Judge the stored bounces by this program's rules, and lift what they would not suppress");
  AddRulesOptions(*command, &options->rules);
  command->add_option("--domain", options->domain, "Only addresses of this domain [default: all]");
  command->add_option("--on_behalf_of", options->on_behalf_of, "Who asks, for the audit trail")->capture_default_str();
  command->add_flag("--dry_run", options->dry_run, "Only show what would change");
  command->footer(
      "Shows each hard-bounce cause that the rules would not set (no longer; without --dry_run: lifted), each address\n"
      "with a bounce that would now suppress (more; never changed), and counts by rule and domain. Give the files "
      "that\n"
      "the service is to use. An entry that changes meanwhile is not lifted: run it again. Exit codes: 0 done, 2 "
      "error.");
  command->callback([options, &session, exit_code] { *exit_code = Reclassify(*options, session); });
}

}  // namespace suppressd::suppressctl
