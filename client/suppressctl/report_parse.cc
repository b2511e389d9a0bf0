#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/suppressctl/parse.h"
#include "client/suppressctl/report.h"
#include "server/bounces/mail/mime_mail.h"

namespace suppressd::suppressctl {
namespace {

// Half of a SHA-256 is enough to tell mails apart.
constexpr size_t kMailIdDigits = 32;

absl::Status Misused(absl::string_view what) {
  return absl::InvalidArgumentError(what);
}

// What is said of one reply, of many mails or of a payload would be wrong.
absl::Status CheckSaysItself(absl::string_view input, const ReportOptions& options) {
  const std::pair<const char*, bool> given[] = {{"--code", options.code != 0},
                                                {"--enhanced", !options.enhanced.empty()},
                                                {"--text", !options.text.empty()},
                                                {"--stage", !options.stage.empty()},
                                                {"--remote_mta", !options.remote_mta.empty()},
                                                {"--complaint", !options.complaint.empty()},
                                                {"--reporter", !options.reporter.empty()},
                                                {"--message_id", !options.message_id.empty()}};
  for (const auto& [name, is_given] : given) {
    if (is_given) return Misused(absl::StrCat(name, " does not go with ", input, ", which says it itself"));
  }
  return absl::OkStatus();
}

// What every report shares.
absl::StatusOr<ReportRequest> StartReport(const ReportOptions& options) {
  ReportRequest request;
  request.request_id = options.request_id;
  request.event_id = options.event_id;
  request.stream = options.stream;
  request.source = options.source;
  request.message_id = options.message_id;
  absl::Status status = ParseOptionalTime("--occurred_at", options.occurred_at, &request.occurred_at);
  status.Update(ParseOptionalTime("--sent_at", options.sent_at, &request.mail_sent_at));
  if (!status.ok()) return status;
  return request;
}

}  // namespace

absl::Status OneRecipientOneMail() {
  return Misused("--recipient goes with one mail only; give each mail its own");
}

namespace {

// The option that a column of text stands for; null: there is none.
std::string* FindColumn(absl::string_view name, ReportOptions* options) {
  const std::pair<absl::string_view, std::string*> columns[] = {
      {"recipient", &options->recipient},    {"enhanced", &options->enhanced}, {"stage", &options->stage},
      {"remote_mta", &options->remote_mta},  {"text", &options->text},         {"message_id", &options->message_id},
      {"occurred_at", &options->occurred_at}};
  for (const auto& [column, option] : columns) {
    if (column == name) return option;
  }
  return nullptr;
}

absl::Status CheckColumns(ReportOptions options) {
  if (options.columns.empty()) return absl::OkStatus();
  if (options.file.empty() || !options.webhook.empty()) return Misused("--columns goes with --file only");
  std::set<std::string> seen;
  for (const std::string& column : options.columns) {
    if (column != "code" && FindColumn(column, &options) == nullptr) {
      return Misused(absl::StrCat("--columns: there is no column ", column));
    }
    if (!seen.insert(column).second) return Misused(absl::StrCat("--columns: ", column, " stands twice"));
  }
  const bool enough = seen.count("recipient") > 0 && seen.count("code") + seen.count("text") > 0;
  return enough ? absl::OkStatus() : Misused("--columns needs recipient, and code or text");
}

absl::Status CheckKind(const ReportOptions& options) {
  const bool file = !options.file.empty();
  const bool mails = !options.mails.empty();
  const bool webhook = !options.webhook.empty();
  const bool reply = !options.recipient.empty() && !mails;
  const int inputs = static_cast<int>(reply) + static_cast<int>(file) + static_cast<int>(mails);
  if (mails && !options.recipient.empty() && options.mails.size() > 1) return OneRecipientOneMail();
  if (webhook && (inputs != 1 || !file)) {
    return Misused("--webhook needs --file with the payload, - for standard input, and neither --recipient nor --mail");
  }
  if (inputs != 1) return Misused("report needs exactly one of --recipient, --file and --mail");
  if (options.signature_verified && !webhook) return Misused("--signature_verified goes with --webhook only");
  if (mails && !options.request_id.empty()) {
    return Misused("--request_id names one report; with --mail use --event_id");
  }
  if (mails) return CheckSaysItself("--mail", options);
  if (webhook) return CheckSaysItself("--webhook", options);
  if (file && !options.complaint.empty()) return Misused("--file holds SMTP replies, not complaints");
  if (file && !options.request_id.empty()) {
    return Misused("--request_id names one report; with --file use --event_id");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckReportOptions(const ReportOptions& options) {
  absl::Status status = CheckKind(options);
  if (status.ok()) status = CheckColumns(options);
  return status.ok() ? StartReport(options).status() : status;
}

absl::StatusOr<ReportRequest> MakeReport(const ReportOptions& options) {
  absl::StatusOr<ReportRequest> request = StartReport(options);
  if (!request.ok()) return request;
  if (options.complaint.empty()) {
    SmtpReply reply;
    reply.recipient = options.recipient;
    reply.code = options.code;
    reply.enhanced_code = options.enhanced;
    reply.text = options.text;
    reply.remote_mta = options.remote_mta;
    if (absl::Status status = ParseEnum("--stage", options.stage, &reply.stage); !status.ok()) return status;
    request->report = std::move(reply);
  } else {
    request->report = Complaint{options.recipient, options.complaint, options.reporter};
  }
  return request;
}

absl::StatusOr<ReportRequest> MakeMailReport(ClassifyInput mail, const ReportOptions& options) {
  if (mail.content.empty()) return absl::InvalidArgumentError("is empty");
  absl::StatusOr<ReportRequest> request = StartReport(options);
  if (request.ok()) request->report = RawMessage{std::move(mail.content), options.recipient, mail.truncated};
  return request;
}

absl::StatusOr<ReportRequest> MakeWebhookReport(std::string payload, const ReportOptions& options) {
  absl::StatusOr<ReportRequest> request = StartReport(options);
  if (request.ok()) request->report = ProviderEvent{options.webhook, std::move(payload), options.signature_verified};
  return request;
}

ReportOptions WithNumber(const ReportOptions& options, int64_t number) {
  ReportOptions one = options;
  if (!options.event_id.empty()) one.event_id = absl::StrCat(options.event_id, ":", number);
  return one;
}

ReportOptions WithMailId(const ReportOptions& options, absl::string_view content) {
  ReportOptions one = options;
  if (!options.event_id.empty()) {
    one.event_id = absl::StrCat(options.event_id, ":", MailDigest(content).substr(0, kMailIdDigits));
  }
  return one;
}

absl::StatusOr<ReportRequest> ParseReportLine(const std::string& line, const ReportOptions& options) {
  std::vector<std::string> columns = options.columns;
  if (columns.empty()) columns.assign(std::begin(kReportColumns), std::end(kReportColumns));
  const std::vector<std::string> fields = absl::StrSplit(line, absl::MaxSplits('\t', columns.size() - 1));
  if (fields.size() < std::min<size_t>(2, columns.size())) {
    return absl::InvalidArgumentError(
        absl::StrCat("needs at least ", columns[0], " and ", columns[1], ", separated by a tab"));
  }
  ReportOptions one = options;
  one.recipient.clear();
  one.code = 0;
  std::string code;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (fields[i] == "-" || fields[i].empty()) continue;
    (columns[i] == "code" ? code : *FindColumn(columns[i], &one)) = fields[i];
  }
  if (one.recipient.empty()) return absl::InvalidArgumentError("has no recipient");
  if (!code.empty() && (!absl::SimpleAtoi(code, &one.code) || one.code < 200 || one.code > 599)) {
    return absl::InvalidArgumentError("the code must be from 200 to 599");
  }
  return MakeReport(one);
}

}  // namespace suppressd::suppressctl
