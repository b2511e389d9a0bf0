// suppressctl access explain: what an access file allows, without a server.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/suppressctl/commands.h"
#include "client/suppressctl/json.h"
#include "client/suppressctl/read_file.h"
#include "client/suppressctl/text.h"
#include "server/access/authorize.h"

namespace suppressd::suppressctl {
namespace {

struct AccessOptions {
  std::string access_file;
  AccessQuestion question;
};

JsonObject ToJson(const AccessAnswer& answer) {
  JsonObject json;
  json.AddRaw("allowed", answer.allowed ? "true" : "false")
      .Add("identity", answer.identity)
      .Add("call", answer.call)
      .Add("permission", std::string(PermissionName(answer.permission)))
      .Add("tenant", answer.tenant)
      .Add("why", answer.why);
  return json;
}

void PrintText(const AccessAnswer& answer, Session& session) {
  session.out() << (answer.allowed ? "allowed" : "denied") << ": " << Escape(answer.identity) << ", " << answer.call
                << ", tenant " << Escape(answer.tenant) << ", \"" << PermissionName(answer.permission) << "\"\n  "
                << Escape(answer.why) << "\n";
}

int Explain(AccessOptions options, Session& session) {
  if (!session.table() && !session.json()) {
    return session.Fail(absl::InvalidArgumentError("access explain prints text or -o json"));
  }
  const absl::StatusOr<std::string> text = ReadAll(options.access_file, session.in());
  if (!text.ok()) return session.Fail(text.status());
  const absl::StatusOr<AccessFile> file = AccessFile::Parse(options.access_file, *text);
  if (!file.ok()) return session.Fail(file.status());
  options.question.tenant = session.options().tenant;
  const absl::StatusOr<std::vector<AccessAnswer>> answers = ExplainAccess(*file, options.question);
  if (!answers.ok()) return session.Fail(answers.status());
  if (session.json()) {
    session.out() << JsonObject().AddAll("answers", *answers, ToJson).ToString() << "\n";
  } else {
    for (const AccessAnswer& answer : *answers) PrintText(answer, session);
  }
  return answers->front().allowed ? kDone : kFinding;
}

}  // namespace

void AddAccess(CLI::App& app, Session& session, int* exit_code) {
  auto options = std::make_shared<AccessOptions>();
  CLI::App* access = app.add_subcommand("access", "What an access file allows; needs no server");
  access->require_subcommand(1);
  CLI::App* explain = access->add_subcommand("explain", "May an identity make a call, and by which grant?");
  explain->add_option("--access_file", options->access_file, "The server's file of the same option; - standard input")
      ->required();
  explain->add_option("--as", options->question.identity, "The identity's name in the file")->required();
  explain->add_option("--call", options->question.call, "The call, such as IsSuppressed")->required();
  explain->add_option("--from", options->question.ip,
                      "The IP address that it comes from. Default: one that the identity may call from");
  explain->footer(
      "--tenant is the list that is asked about, \"*\" all at once. Of Suppress and Reactivate a second answer tells "
      "of\ncomplaints and unsubscriptions (\"consent\").\n"
      "Exit codes: 0 allowed, 1 denied, 2 a mistake in the file or the question.");
  explain->callback([options, &session, exit_code] { *exit_code = Explain(*options, session); });
}

}  // namespace suppressd::suppressctl
