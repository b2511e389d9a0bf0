// suppressctl report: a bounce, a complaint, a file of bounces, bounce messages, or a provider's payload.
#include "client/suppressctl/report.h"

#include <fstream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/suppressctl/commands.h"
#include "client/suppressctl/read_file.h"
#include "client/suppressctl/render.h"
#include "client/suppressctl/report_run.h"

namespace suppressd::suppressctl {
namespace {

std::vector<std::string> RowOf(const Outcome& outcome, bool duplicate) {
  const Verdict& verdict = outcome.verdict;
  if (!outcome.error.reason.empty()) return {outcome.address, "ERROR", outcome.error.reason, "", "", ""};
  return {outcome.address,
          Name(verdict.bounce_class),
          verdict.reason == BounceReason::kUnspecified ? "" : Name(verdict.reason),
          Name(outcome.effect),
          verdict.rule_id,
          duplicate || outcome.duplicate ? "yes" : "no"};
}

void PrintTable(const ReportResult& result, Session& session) {
  // Only a provider's events have ids of their own; they name one that was not taken.
  const bool events = result.kind == ReportKind::kProviderWebhook;
  std::vector<std::string> header = {"ADDRESS", "CLASS", "REASON", "EFFECT", "RULE", "DUPLICATE"};
  if (events) header.push_back("EVENT");
  Table table(std::move(header));
  for (const Outcome& outcome : result.outcomes) {
    std::vector<std::string> row = RowOf(outcome, result.duplicate);
    if (events) row.push_back(outcome.event_id);
    table.Add(std::move(row));
  }
  table.Print(session.out());
  if (result.durability == Durability::kAtSidecar) session.out() << kKeptLocally << "\n";
}

// Says what went wrong; the exit code for it.
int Failed(const absl::Status& status, const ReportOptions& options, Session& session) {
  const int failed = session.Fail(status);
  return options.sysexits ? SysexitOf(status) : failed;
}

int Finish(ReportRun* run, const ReportOptions& options) {
  return options.sysexits ? run->FinishWithSysexit() : run->Finish();
}

int ReportOne(const absl::StatusOr<ReportRequest>& request, const ReportOptions& options, const Client& client,
              Session& session) {
  if (!request.ok()) return Failed(request.status(), options, session);
  const absl::StatusOr<ReportResult> result = client.ReportBounce(*request);
  if (!result.ok()) return Failed(result.status(), options, session);
  if (session.json()) {
    session.out() << ToJson(*result).ToString() << "\n";
  } else {
    PrintTable(*result, session);
  }
  const absl::Status taken = AllTaken(*result);
  const int exit_code = taken.ok() ? kDone : session.Fail(taken);
  return options.sysexits ? SysexitOf(*result) : exit_code;
}

int ReportLines(std::istream& in, const ReportOptions& options, const Client& client, Session& session) {
  ReportRun run(client, session);
  std::string line;
  for (int64_t number = 1; !run.stopped() && std::getline(in, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty() || line.front() == '#') continue;
    run.Take({"", number}, ParseReportLine(line, WithNumber(options, number)));
  }
  if (in.bad()) run.Fail(absl::UnavailableError(absl::StrCat("cannot read all of ", options.file)));
  return Finish(&run, options);
}

// The mail that a recipient was given for. Nothing is reported when there are several: his address would be blamed for
// all of them.
int ReportMailOf(const ReportOptions& options, const Client& client, Session& session) {
  std::vector<ClassifyInput> mails;
  const auto take = [&](ClassifyInput mail) {
    if (mails.size() < 2) mails.push_back(std::move(mail));
  };
  absl::Status read;
  if (options.mails[0] == "-") {
    ReadStream("-", session.in(), take);
  } else {
    read = ReadPath(options.mails[0], take);
  }
  if (!read.ok()) return Failed(read, options, session);
  if (mails.size() > 1) return Failed(OneRecipientOneMail(), options, session);
  ReportRun run(client, session);
  for (ClassifyInput& mail : mails) {
    const std::string name = mail.name;
    const ReportOptions one = WithMailId(options, mail.content);
    run.Take({name, 0}, MakeMailReport(std::move(mail), one));
  }
  return Finish(&run, options);
}

int ReportMails(const ReportOptions& options, const Client& client, Session& session) {
  if (!options.recipient.empty()) return ReportMailOf(options, client, session);
  ReportRun run(client, session);
  const auto take = [&](ClassifyInput mail) {
    const std::string name = mail.name;
    const ReportOptions one = WithMailId(options, mail.content);
    run.Take({name, 0}, MakeMailReport(std::move(mail), one));
  };
  for (const std::string& path : options.mails) {
    if (run.stopped()) break;
    if (path == "-") {
      ReadStream("-", session.in(), take);
    } else if (const absl::Status status = ReadPath(path, take); !status.ok()) {
      run.Fail(status);
    }
  }
  return Finish(&run, options);
}

int ReportWebhook(const ReportOptions& options, const Client& client, Session& session) {
  absl::StatusOr<std::string> payload = ReadAll(options.file, session.in());
  if (!payload.ok()) return Failed(payload.status(), options, session);
  return ReportOne(MakeWebhookReport(*std::move(payload), options), options, client, session);
}

int Report(const ReportOptions& options, Session& session) {
  if (const absl::Status usage = CheckReportOptions(options); !usage.ok()) return Failed(usage, options, session);
  const absl::StatusOr<Client> client = session.MakeClient();
  if (!client.ok()) return Failed(client.status(), options, session);
  if (!options.mails.empty()) return ReportMails(options, *client, session);
  if (!options.webhook.empty()) return ReportWebhook(options, *client, session);
  if (options.file.empty()) return ReportOne(MakeReport(options), options, *client, session);
  if (options.file == "-") return ReportLines(session.in(), options, *client, session);
  std::ifstream file(options.file, std::ios::binary);
  if (!file) return Failed(absl::NotFoundError(absl::StrCat("cannot read ", options.file)), options, session);
  return ReportLines(file, options, *client, session);
}

// What goes with every kind of report.
void AddSharedOptions(CLI::App& command, ReportOptions* options) {
  command.add_option("--occurred_at", options->occurred_at, "When it happened [default: now]");
  command.add_option("--sent_at", options->sent_at, "When the mail was sent [default: --occurred_at]");
  command.add_option(
      "--event_id", options->event_id,
      "The provider's id of the event; a prefix with --file (PREFIX:LINE) and --mail (PREFIX:DIGEST, the "
      "mail's own)");
  command.add_option("--request_id", options->request_id, "A UUID; the same one again counts once");
  command.add_option("--stream", options->stream, "The stream of the mail");
  command.add_option("--source", options->source, "The service that sent the mail");
}

}  // namespace

void AddReport(CLI::App& app, Session& session, int* exit_code) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App* command = app.add_subcommand("report", "Report bounces and complaints");
  command->add_option(
      "--recipient", options->recipient,
      "The address the mail was sent to; with --mail, one mail only: the one its VERP return path names");
  command->add_option("--code", options->code, "SMTP reply code, 200 to 599")->check(CLI::Range(200, 599));
  command->add_option("--enhanced", options->enhanced, "Enhanced status code, such as 5.1.1");
  command->add_option("--text", options->text, "The reply as received");
  command->add_option("--stage", options->stage, "CONNECT, EHLO, STARTTLS, AUTH, MAIL, RCPT or DATA");
  command->add_option("--remote_mta", options->remote_mta, "The server that replied");
  command->add_option("--complaint", options->complaint, "A complaint of this feedback type, such as abuse");
  command->add_option("--reporter", options->reporter, "Who relayed the complaint");
  command->add_option("--message_id", options->message_id,
                      "RFC 5322 Message-ID of the mail that bounced: what is reported of one bounce counts once");
  command->add_option(
      "--file", options->file,
      "Reports, one a line, - for standard input: recipient<TAB>code<TAB>enhanced<TAB>stage<TAB>"
      "remote_mta<TAB>text; # begins a comment line; - is an unknown field. With --webhook: the payload");
  command
      ->add_option("--columns", options->columns,
                   "The columns of --file, with commas, the last may hold tabs: recipient, code, enhanced, stage, "
                   "remote_mta, text, message_id, occurred_at")
      ->delimiter(',');
  command->add_option("--mail", options->mails,
                      "Bounce messages, as they are: files, mboxes, directories, - for standard input");
  command->add_option("--webhook", options->webhook,
                      "The payload in --file is an event of ses, sendgrid, mailgun, postmark or sparkpost");
  command->add_flag("--signature_verified", options->signature_verified,
                    "With --webhook: the provider's signature has been verified");
  command->add_flag("--sysexits", options->sysexits,
                    "Exit as a mail server expects it of what it delivers to (docs/mail_servers.md)");
  AddSharedOptions(*command, options.get());
  command->footer(
      "--mail prints file, kind, address, class, reason, effect, one row per recipient; a mail of which nothing was\n"
      "recorded has one row of - for all but file and kind. More than the first MiB of a mail is not sent.\n"
      "Exit codes: 0 all reported, 2 error. With --file and --mail one that fails is named and the rest goes on,\n"
      "unless the service is away.\n"
      "With --sysexits: 0 taken, or kept by a sidecar, or known already; 64 bad usage; 65 no bounce, nobody named, or "
      "no\n"
      "mail; 75 try again. Of several mails the worst: 75, then 65.");
  command->callback([options, &session, exit_code] { *exit_code = Report(*options, session); });
}

}  // namespace suppressd::suppressctl
