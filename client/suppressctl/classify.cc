// suppressctl classify and explain: what the rules make of mails and replies, without a server.
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/suppressctl/classify_input.h"
#include "client/suppressctl/commands.h"
#include "client/suppressctl/json.h"
#include "client/suppressctl/local_rules.h"
#include "client/suppressctl/text.h"
#include "server/bounces/mail/bounce_mail.h"
#include "server/bounces/mail/mime_mail.h"
#include "server/bounces/rules/rule_explanation.h"

namespace suppressd::suppressctl {
namespace {

struct ClassifyOptions {
  std::vector<std::string> paths;
  LocalRulesOptions rules;
};

// One line of output.
struct Row {
  std::string file;
  std::string kind;
  std::string recipient;
  std::string bounce_class;
  std::string reason;
  bool suppress = false;
  int code = 0;
  std::string enhanced_code;
  std::string rule;
  std::string evidence;
};

constexpr char kNoReason[] = "-";

Row MakeRow(const std::string& file, v1::BounceEvent::Kind kind, const std::string& recipient,
            const v1::Verdict& verdict, const LocalRules& rules) {
  Row row;
  row.file = file;
  row.kind = v1::BounceEvent::Kind_Name(kind);
  row.recipient = recipient;
  row.bounce_class = v1::Verdict::Class_Name(verdict.bounce_class());
  row.reason = kNoReason;
  if (verdict.bounce_class() == v1::Verdict::COMPLAINT) row.reason = "COMPLAINT";
  if (verdict.reason() != v1::BOUNCE_REASON_UNSPECIFIED) row.reason = v1::BounceReason_Name(verdict.reason());
  // A bounce that names nobody suppresses nobody. Of a complaint the sender knows from his own records whose it is.
  const bool somebody =
      !recipient.empty() || kind == v1::BounceEvent::SMTP_REPLY || kind == v1::BounceEvent::FEEDBACK_REPORT;
  row.suppress = somebody && rules.Suppresses(verdict);
  row.code = verdict.code();
  row.enhanced_code = verdict.enhanced_code();
  row.rule = verdict.rule_id();
  row.evidence = verdict.evidence();
  return row;
}

// Collects rows and prints them in the format asked for.
class Printer {
 public:
  explicit Printer(Session& session) : session_(session) {
    if (session_.tsv()) session_.out() << "file\trecipient\tclass\treason\tsuppress\n";
  }

  void Add(const Row& row) {
    const char* const suppress = row.suppress ? "yes" : "no";
    const std::string code = row.code == 0 ? "" : absl::StrCat(row.code);
    if (session_.tsv()) {
      session_.out() << Escape(row.file) << "\t" << Escape(row.recipient) << "\t" << row.bounce_class << "\t"
                     << row.reason << "\t" << suppress << "\n";
    } else if (session_.json_lines()) {
      JsonObject object;
      object.Add("file", row.file).Add("kind", row.kind).Add("recipient", row.recipient).Add("class", row.bounce_class);
      object.Add("reason", row.reason == kNoReason ? "" : row.reason)
          .AddRaw("suppress", row.suppress ? "true" : "false");
      object.Add("code", row.code).Add("enhancedCode", row.enhanced_code).Add("ruleId", row.rule);
      session_.out() << object.Add("evidence", row.evidence).ToString() << "\n";
    } else {
      table_.Add({row.file, row.kind, row.recipient, row.bounce_class, row.reason, suppress, code, row.enhanced_code,
                  row.rule, row.evidence});
    }
  }

  void Finish() {
    if (session_.table()) table_.Print(session_.out());
  }

 private:
  Session& session_;
  Table table_{{"FILE", "KIND", "RECIPIENT", "CLASS", "REASON", "SUPPRESS", "CODE", "ENHANCED", "RULE", "EVIDENCE"}};
};

absl::Status ClassifyMail(const ClassifyInput& input, const LocalRules& rules, Printer* printer) {
  v1::RawMessage message;
  message.set_content(input.content);
  message.set_truncated(input.truncated);
  const absl::StatusOr<MailReport> report = ReadBounceMail(message, *rules.classifier);
  if (!report.ok()) return report.status();
  for (const ReportedRecipient& one : report->recipients) {
    Row row = MakeRow(input.name, report->kind, one.recipient, one.event.verdict(), rules);
    row.suppress &= one.error == v1::ERROR_REASON_UNSPECIFIED;
    if (one.error != v1::ERROR_REASON_UNSPECIFIED) row.rule = v1::ErrorReason_Name(one.error);
    printer->Add(row);
  }
  if (report->recipients.empty()) {
    v1::Verdict none;
    none.set_bounce_class(v1::Verdict::NOT_A_BOUNCE);
    printer->Add(MakeRow(input.name, report->kind, "", none, rules));
  }
  return absl::OkStatus();
}

void ClassifyReply(const ClassifyInput& input, const LocalRules& rules, Printer* printer) {
  v1::SmtpReply reply;
  reply.set_text(ToUtf8(input.content));
  printer->Add(MakeRow(input.name, v1::BounceEvent::SMTP_REPLY, "", rules.classifier->Classify(reply), rules));
}

int Classify(const ClassifyOptions& options, Session& session) {
  const absl::StatusOr<LocalRules> rules = LoadRules(options.rules, session.options().tenant);
  if (!rules.ok()) return session.Fail(rules.status());
  Printer printer(session);
  int exit_code = kDone;
  const auto take = [&](const ClassifyInput& input) {
    const absl::Status status = ClassifyMail(input, *rules, &printer);
    if (!status.ok()) exit_code = session.Fail(Escape(input.name), status);
  };
  for (const std::string& path : options.paths) {
    if (path == "-") continue;
    if (const absl::Status status = ReadPath(path, take); !status.ok()) exit_code = session.Fail(status);
  }
  const bool from_stream = options.paths.empty() || absl::StrJoin(options.paths, "\n") == "-";
  if (from_stream) {
    ReadStream("-", session.in(), [&](const ClassifyInput& input) {
      if (LooksLikeMail(input.content)) return take(input);
      ClassifyReply(input, *rules, &printer);
    });
  }
  printer.Finish();
  return exit_code;
}

struct ExplainOptions {
  std::string rule;
  LocalRulesOptions rules;
};

int ExplainCommand(const ExplainOptions& options, Session& session) {
  const absl::StatusOr<LocalRules> rules = LoadRules(options.rules, session.options().tenant);
  if (!rules.ok()) return session.Fail(rules.status());
  if (options.rule.empty()) {
    session.out() << ListRules(*rules->classifier);
    return kDone;
  }
  const absl::StatusOr<std::string> text = ExplainRule(*rules->classifier, options.rule);
  if (!text.ok()) return session.Fail(text.status());
  session.out() << *text;
  return kDone;
}

}  // namespace

void AddClassify(CLI::App& app, Session& session, int* exit_code) {
  auto options = std::make_shared<ClassifyOptions>();
  CLI::App* command = app.add_subcommand("classify", "Say what mails or a reply are taken for; needs no server");
  command->add_option("path", options->paths,
                      "Mails, mboxes, or directories of mails; none or -: a mail or an SMTP reply on standard input");
  AddRulesOptions(*command, &options->rules);
  command->footer(
      "-o tsv prints file, recipient, class, reason, suppress (yes: at once), one row per recipient; a mail that\n"
      "names nobody has one row without recipient. Files are named relative to their directory. -o json: one object\n"
      "a line.\n"
      "Exit codes: 0 all read, 2 something could not be read or is no mail; the rest is printed all the same.");
  command->callback([options, &session, exit_code] { *exit_code = Classify(*options, session); });
}

void AddExplain(CLI::App& app, Session& session, int* exit_code) {
  auto options = std::make_shared<ExplainOptions>();
  CLI::App* command = app.add_subcommand("explain", "Explain a classification rule; needs no server");
  command->add_option("rule", options->rule, "The rule's id, as verdicts name it; none: list all rules");
  AddRulesOptions(*command, &options->rules);
  command->footer("Exit codes: 0 explained, 2 no such rule.");
  command->callback([options, &session, exit_code] { *exit_code = ExplainCommand(*options, session); });
}

}  // namespace suppressd::suppressctl
