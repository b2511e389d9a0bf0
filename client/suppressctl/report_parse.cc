#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "client/suppressctl/parse.h"
#include "client/suppressctl/report.h"

namespace suppression::suppressctl {
namespace {

constexpr size_t kFields = 6;

}  // namespace

absl::StatusOr<ReportRequest> MakeReport(const ReportOptions& options) {
  ReportRequest request;
  request.request_id = options.request_id;
  request.event_id = options.event_id;
  request.stream = options.stream;
  request.source = options.source;
  request.message_id = options.message_id;
  absl::Status status = ParseOptionalTime("--occurred_at", options.occurred_at, &request.occurred_at);
  status.Update(ParseOptionalTime("--sent_at", options.sent_at, &request.mail_sent_at));
  if (options.complaint.empty()) {
    SmtpReply reply;
    reply.recipient = options.recipient;
    reply.code = options.code;
    reply.enhanced_code = options.enhanced;
    reply.text = options.text;
    reply.remote_mta = options.remote_mta;
    status.Update(ParseEnum("--stage", options.stage, &reply.stage));
    request.report = std::move(reply);
  } else {
    request.report = Complaint{options.recipient, options.complaint, options.reporter};
  }
  if (!status.ok()) return status;
  return request;
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
