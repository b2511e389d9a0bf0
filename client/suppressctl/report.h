// The options of suppressctl report, and what they make of a report. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/suppressctl/classify_input.h"
#include "suppressd/types.h"

namespace suppressd::suppressctl {

struct ReportOptions {
  std::string recipient;  // of a reply, a complaint, or the only mail
  int code = 0;
  std::string enhanced;
  std::string text;
  std::string stage;
  std::string remote_mta;
  std::string complaint;  // the feedback type; empty: a bounce
  std::string reporter;
  std::string occurred_at;
  std::string sent_at;
  std::string event_id;
  std::string request_id;
  std::string stream;
  std::string source;
  std::string message_id;
  std::string file;                // replies, one a line; with a webhook its payload
  std::vector<std::string> mails;  // files, mboxes, directories, or "-"
  std::string webhook;             // the provider; empty: no webhook
  bool signature_verified = false;
  bool sysexits = false;
  std::vector<std::string> columns;  // of a file of replies; empty: kReportColumns
};

// The columns of a file of replies where none are named.
inline constexpr const char* kReportColumns[] = {"recipient", "code", "enhanced", "stage", "remote_mta", "text"};

// INVALID_ARGUMENT unless exactly one kind of report is given, with options that go with it, and times that can be
// read.
absl::Status CheckReportOptions(const ReportOptions& options);

// INVALID_ARGUMENT: a recipient was given for several mails.
absl::Status OneRecipientOneMail();

// The request of one reply or complaint. INVALID_ARGUMENT, also of the functions below: a time or a stage that cannot
// be read.
absl::StatusOr<ReportRequest> MakeReport(const ReportOptions& options);

// The request of one line of a report file: the columns, separated by tabs. Those behind the second may be missing, and
// "" or "-" stands for an unknown one; the last column may hold tabs. Everything else comes from `options`.
// INVALID_ARGUMENT says what is wrong without the address.
absl::StatusOr<ReportRequest> ParseReportLine(const std::string& line, const ReportOptions& options);

// The request of one mail. INVALID_ARGUMENT too when it is empty.
absl::StatusOr<ReportRequest> MakeMailReport(ClassifyInput mail, const ReportOptions& options);

// The request of a provider's payload.
absl::StatusOr<ReportRequest> MakeWebhookReport(std::string payload, const ReportOptions& options);

// The options for the N-th line of a file: with the event id "PREFIX:N", so that the same file reported again counts
// once.
ReportOptions WithNumber(const ReportOptions& options, int64_t number);

// The options for one mail: with the event id "PREFIX:DIGEST", which is the mail's own wherever it stands among others,
// and cannot be taken by another mail.
ReportOptions WithMailId(const ReportOptions& options, absl::string_view content);

}  // namespace suppressd::suppressctl
