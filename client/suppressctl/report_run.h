// Many reports, one after another: each is printed as it is answered, one that fails is named and the rest goes on.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "client/suppressctl/session.h"

namespace suppressd::suppressctl {

// What report --sysexits exits with, for those that deliver mail to it (sysexits.h): a mail server keeps a mail for
// which it is told kTryAgain.
enum Sysexit { kTaken = 0, kUsage = 64, kDataError = 65, kTryAgain = 75 };

// The exit code for a report that failed: kDataError for one that will never be taken, kUsage for a wrong command line,
// kTryAgain for all else.
Sysexit SysexitOf(const absl::Status& status);
// For one that was answered: kDataError for a mail that is no bounce, and where a part was not taken.
Sysexit SysexitOf(const ReportResult& result);

// How errors and rows name one report of a run.
struct ReportName {
  std::string file;  // of a mail; empty: a line of a file
  int64_t line = 0;  // of a file of replies, from 1
};

// Not thread-safe. Client and session must outlive it.
class ReportRun {
 public:
  ReportRun(const Client& client, Session& session);

  // Reports one. After an error that the next one would meet too, such as a service that is away, nothing more is
  // reported: see stopped().
  void Take(const ReportName& name, const absl::StatusOr<ReportRequest>& request);
  // Counts something that could not be read.
  void Fail(const absl::Status& status);
  bool stopped() const { return stopped_; }

  // Prints the sums. Returns the exit code. Call it once, at the end.
  int Finish();
  // The same as one of Sysexit: of several reports the worst, kTryAgain before kDataError; kDataError where there was
  // none.
  int FinishWithSysexit();

 private:
  void Print(const ReportName& name, const ReportResult& result);

  const Client& client_;
  Session& session_;
  int64_t reported_ = 0;
  int64_t failed_ = 0;
  int64_t kept_locally_ = 0;
  bool printed_ = false;
  bool stopped_ = false;
  Sysexit worst_ = kTaken;
  std::string token_;
};

// What to say of reports that a sidecar keeps until the server is back.
inline constexpr char kKeptLocally[] = "AT_SIDECAR: kept by the sidecar for delivery when the server is back";

// OK when every recipient or event of a report was taken, else what to say of it.
absl::Status AllTaken(const ReportResult& result);

}  // namespace suppressd::suppressctl
