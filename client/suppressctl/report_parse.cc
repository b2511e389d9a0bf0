#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/suppressctl/parse.h"
#include "client/suppressctl/report.h"

namespace suppression::suppressctl {
namespace {

constexpr size_t kFields = 6;

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
  const absl::Status status = CheckKind(options);
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

absl::StatusOr<ReportRequest> ParseReportLine(const std::string& line, const ReportOptions& options) {
  std::vector<std::string> fields = absl::StrSplit(line, absl::MaxSplits('\t', kFields - 1));
  if (fields.size() < 2) return absl::InvalidArgumentError("needs at least a recipient and a code, separated by a tab");
  fields.resize(kFields);
  for (std::string& field : fields) {
    if (field == "-") field.clear();
  }
  if (fields[0].empty()) return absl::InvalidArgumentError("has no recipient");
  ReportOptions one = options;
  one.recipient = fields[0];
  one.code = 0;
  if (!fields[1].empty() && (!absl::SimpleAtoi(fields[1], &one.code) || one.code < 200 || one.code > 599)) {
    return absl::InvalidArgumentError("the code must be from 200 to 599");
  }
  one.enhanced = fields[2];
  one.stage = fields[3];
  one.remote_mta = fields[4];
  one.text = fields[5];
  return MakeReport(one);
}

}  // namespace suppression::suppressctl
