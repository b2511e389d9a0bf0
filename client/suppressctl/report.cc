// suppressctl report: one bounce or complaint, or a file of bounces.
#include "client/suppressctl/report.h"

#include <fstream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/suppressctl/commands.h"
#include "client/suppressctl/render.h"

namespace suppression::suppressctl {
namespace {

void AddRows(const ReportResult& result, Table* table) {
  for (const Outcome& outcome : result.outcomes) {
    const Verdict& verdict = outcome.verdict;
    if (!outcome.error_reason.empty()) {
      table->Add({outcome.address, "ERROR", outcome.error_reason, "", "", ""});
      continue;
    }
    table->Add({outcome.address, Name(verdict.bounce_class),
                verdict.reason == BounceReason::kUnspecified ? "" : Name(verdict.reason), Name(outcome.effect),
                verdict.rule_id, outcome.duplicate || result.duplicate ? "yes" : "no"});
  }
}

Table NewTable() {
  return Table({"ADDRESS", "CLASS", "REASON", "EFFECT", "RULE", "DUPLICATE"});
}

int ReportOne(const ReportOptions& options, const Client& client, Session& session) {
  const absl::StatusOr<ReportRequest> request = MakeReport(options);
  if (!request.ok()) return session.Fail(request.status());
  const absl::StatusOr<ReportResult> result = client.ReportBounce(*request);
  if (!result.ok()) return session.Fail(result.status());
  if (session.json()) {
    session.out() << ToJson(*result).ToString() << "\n";
    return kDone;
  }
  Table table = NewTable();
  AddRows(*result, &table);
  table.Print(session.out());
  return kDone;
}

// What came of a file so far.
struct FileProgress {
  int64_t reported = 0;
  int64_t failed = 0;
  std::string token;
};

void PrintLine(const ReportResult& result, int64_t number, bool first, Session& session) {
  if (session.json()) {
    session.out() << (first ? "" : ",") << ToJson(result).AddRaw("line", absl::StrCat(number)).ToString();
    return;
  }
  for (const Outcome& outcome : result.outcomes) {
    session.out() << Escape(outcome.address) << "\t" << Name(outcome.verdict.bounce_class) << "\t"
                  << Name(outcome.verdict.reason) << "\t" << Name(outcome.effect) << "\n";
  }
}

// Reports one line and prints what it was taken for.
absl::Status ReportLine(const std::string& line, int64_t number, const ReportOptions& options, const Client& client,
                        Session& session, FileProgress* progress) {
  ReportOptions of_line = options;
  // The same file reported again counts once.
  if (!options.event_id.empty()) of_line.event_id = absl::StrCat(options.event_id, ":", number);
  const absl::StatusOr<ReportRequest> request = ParseReportLine(line, of_line);
  if (!request.ok()) return request.status();
  const absl::StatusOr<ReportResult> result = client.ReportBounce(*request);
  if (!result.ok()) return result.status();
  PrintLine(*result, number, progress->reported == 0, session);
  progress->token = result->token;
  ++progress->reported;
  return absl::OkStatus();
}

// Whether the next line would fail for the same reason.
bool Hopeless(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) || absl::IsUnimplemented(status) ||
         absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status);
}

int ReportFile(std::istream& in, const ReportOptions& options, const Client& client, Session& session) {
  FileProgress progress;
  if (session.json()) session.out() << "{\"reports\":[";
  std::string line;
  for (int64_t number = 1; std::getline(in, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty() || line.front() == '#') continue;
    const absl::Status status = ReportLine(line, number, options, client, session, &progress);
    if (status.ok()) continue;
    ++progress.failed;
    session.Fail(absl::StrCat("line ", number, Hopeless(status) ? ", stopped here" : ""), status);
    if (Hopeless(status)) break;
  }
  if (session.json()) {
    session.out() << "],\"reported\":" << progress.reported << ",\"failed\":" << progress.failed
                  << (progress.token.empty() ? "" : ",\"token\":" + JsonString(progress.token)) << "}\n";
  } else {
    session.err() << "reported " << progress.reported << ", failed " << progress.failed << "\n";
  }
  return progress.failed == 0 && !in.bad() ? kDone : kFailed;
}

int Report(const ReportOptions& options, Session& session) {
  if (options.file.empty() == options.recipient.empty()) {
    return session.Fail(absl::InvalidArgumentError("report needs either --recipient or --file"));
  }
  if (!options.file.empty() && !options.complaint.empty()) {
    return session.Fail(absl::InvalidArgumentError("--file holds SMTP replies, not complaints"));
  }
  if (!options.file.empty() && !options.request_id.empty()) {
    return session.Fail(absl::InvalidArgumentError("--request_id names one report; with --file use --event_id"));
  }
  const absl::StatusOr<Client> client = session.MakeClient();
  if (!client.ok()) return session.Fail(client.status());
  if (options.file.empty()) return ReportOne(options, *client, session);
  if (options.file == "-") return ReportFile(session.in(), options, *client, session);
  std::ifstream file(options.file, std::ios::binary);
  if (!file) return session.Fail(absl::NotFoundError(absl::StrCat("cannot read ", options.file)));
  return ReportFile(file, options, *client, session);
}

}  // namespace

void AddReport(CLI::App& app, Session& session, int* exit_code) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App* command = app.add_subcommand("report", "Report a bounce or a complaint");
  command->add_option("--recipient", options->recipient, "The address the mail was sent to");
  command->add_option("--code", options->code, "SMTP reply code, 200 to 599")->check(CLI::Range(200, 599));
  command->add_option("--enhanced", options->enhanced, "Enhanced status code, such as 5.1.1");
  command->add_option("--text", options->text, "The reply as received");
  command->add_option("--stage", options->stage, "CONNECT, EHLO, STARTTLS, AUTH, MAIL, RCPT or DATA");
  command->add_option("--remote_mta", options->remote_mta, "The server that replied");
  command->add_option("--complaint", options->complaint, "A complaint of this feedback type, such as abuse");
  command->add_option("--reporter", options->reporter, "Who relayed the complaint");
  command->add_option("--occurred_at", options->occurred_at, "When it happened [default: now]");
  command->add_option("--sent_at", options->sent_at, "When the mail was sent [default: --occurred_at]");
  command->add_option("--event_id", options->event_id,
                      "The provider's id of the event; with --file a prefix: PREFIX:LINE");
  command->add_option("--request_id", options->request_id, "A UUID; the same one again counts once");
  command->add_option("--stream", options->stream, "The stream of the mail");
  command->add_option("--source", options->source, "The service that sent the mail");
  command->add_option("--message_id", options->message_id, "RFC 5322 Message-ID of the mail");
  command->add_option("--file", options->file,
                      "Reports, one a line, - for standard input: recipient<TAB>code<TAB>enhanced<TAB>stage<TAB>"
                      "remote_mta<TAB>text; # begins a comment line; - is an unknown field");
  command->footer(
      "Exit codes: 0 all reported, 2 error. With --file a bad line is named and the rest goes on, unless the "
      "service is away.");
  command->callback([options, &session, exit_code] { *exit_code = Report(*options, session); });
}

}  // namespace suppression::suppressctl
