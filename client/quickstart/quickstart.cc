// Checks an address, reports that mail to it bounced, and checks again.
#include <suppressd/client.h>

#include <iostream>
#include <string>

namespace {

int Fail(const absl::Status& status) {
  std::cerr << "quickstart: " << suppressd::ErrorReason(status) << " " << status << "\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string address = argc > 1 ? argv[1] : "ada@example.com";

  // Where suppressd listens: SUPPRESSION_TARGET, else unix:/run/suppressd/suppressd.sock.
  absl::StatusOr<suppressd::Client> client = suppressd::Client::Create();
  if (!client.ok()) return Fail(client.status());

  absl::StatusOr<suppressd::CheckResult> before = client->IsSuppressed(address);
  if (!before.ok()) return Fail(before.status());
  std::cout << "before: " << (before->MaySend() ? "send" : "do not send") << "\n";

  suppressd::SmtpReply reply;
  reply.recipient = address;
  reply.code = 550;
  reply.enhanced_code = "5.1.1";
  reply.text = "550 5.1.1 No such user here";
  suppressd::ReportRequest report;
  report.report = reply;
  absl::StatusOr<suppressd::ReportResult> reported = client->ReportBounce(report);
  if (!reported.ok()) return Fail(reported.status());
  std::cout << "report: " << Name(reported->outcomes.at(0).verdict.reason) << "\n";

  // The token makes the check see the report, whichever server answers it.
  suppressd::CheckRequest check;
  check.address = address;
  check.at_least = reported->revision_token;
  absl::StatusOr<suppressd::CheckResult> after = client->IsSuppressed(check);
  if (!after.ok()) return Fail(after.status());
  std::cout << "after: " << (after->MaySend() ? "send" : "do not send") << "\n";
  return 0;
}
