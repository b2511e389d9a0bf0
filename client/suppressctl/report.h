// The options of suppressctl report, and what they make of a report. Pure and thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "suppression/types.h"

namespace suppression::suppressctl {

struct ReportOptions {
  std::string recipient;
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
  std::string file;
};

// The request of one report. INVALID_ARGUMENT: a time or a stage that cannot be read.
absl::StatusOr<ReportRequest> MakeReport(const ReportOptions& options);

// The request of one line of a report file: "recipient<TAB>code<TAB>enhanced<TAB>stage<TAB>remote_mta<TAB>text".
// Fields from the third on may be missing; "" or "-" stands for an unknown one; the text may hold tabs.
// Everything else comes from `options`. INVALID_ARGUMENT says what is wrong without the address.
absl::StatusOr<ReportRequest> ParseReportLine(const std::string& line, const ReportOptions& options);

}  // namespace suppression::suppressctl
