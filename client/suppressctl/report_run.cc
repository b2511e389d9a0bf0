#include "client/suppressctl/report_run.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "client/suppressctl/render.h"

namespace suppressd::suppressctl {
namespace {

std::string Where(const ReportName& name) {
  return name.file.empty() ? absl::StrCat("line ", name.line) : name.file;
}

// Whether the next report would fail for the same reason.
bool Hopeless(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) || absl::IsUnimplemented(status) ||
         absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status);
}

// address, class, reason, effect
std::string Row(const Outcome& outcome) {
  const std::string address = outcome.address.empty() ? "-" : Escape(outcome.address);
  if (!outcome.error.reason.empty()) return absl::StrCat(address, "\tERROR\t", Escape(outcome.error.reason), "\t-");
  return absl::StrCat(address, "\t", Name(outcome.verdict.bounce_class), "\t", Name(outcome.verdict.reason), "\t",
                      Name(outcome.effect));
}

}  // namespace

Sysexit SysexitOf(const absl::Status& status) {
  static constexpr absl::string_view kAboutTheReport[] = {"NO_RECIPIENT",     "INVALID_ADDRESS",  "NOT_A_MESSAGE",
                                                          "MISSING_FIELD",    "UNKNOWN_EVENT",    "MALFORMED_PAYLOAD",
                                                          "UNKNOWN_PROVIDER", "REQUEST_ID_REUSED"};
  if (status.ok()) return kTaken;
  const std::string reason = ErrorReason(status);
  const auto* const end = std::end(kAboutTheReport);
  if (std::find(std::begin(kAboutTheReport), end, reason) != end) return kDataError;
  // What else the service finds wrong came from an option.
  return absl::IsInvalidArgument(status) ? kUsage : kTryAgain;
}

Sysexit SysexitOf(const ReportResult& result) {
  const bool nothing = result.outcomes.empty() && result.kind != ReportKind::kProviderWebhook;
  return nothing || !AllTaken(result).ok() ? kDataError : kTaken;
}

absl::Status AllTaken(const ReportResult& result) {
  const auto refused = [](const Outcome& outcome) { return !outcome.error.reason.empty(); };
  const auto first = std::find_if(result.outcomes.begin(), result.outcomes.end(), refused);
  if (first == result.outcomes.end()) return absl::OkStatus();
  const auto count = std::count_if(first, result.outcomes.end(), refused);
  const char* const what = result.kind == ReportKind::kProviderWebhook ? "events" : "recipients";
  return absl::InvalidArgumentError(absl::StrCat(count, " of ", result.outcomes.size(), " ", what, " not taken (",
                                                 first->error.reason, "), the others were"));
}

ReportRun::ReportRun(const Client& client, Session& session) : client_(client), session_(session) {
  if (session_.json()) session_.out() << "{\"reports\":[";
}

void ReportRun::Take(const ReportName& name, const absl::StatusOr<ReportRequest>& request) {
  if (stopped_) return;
  absl::Status status = request.status();
  Sysexit code = kDataError;  // what cannot be made a report of
  if (status.ok()) {
    const absl::StatusOr<ReportResult> result = client_.ReportBounce(*request);
    status = result.status();
    code = result.ok() ? SysexitOf(*result) : SysexitOf(status);
    if (result.ok()) {
      Print(name, *result);
      token_ = result->revision_token;
      if (result->durability == Durability::kAtSidecar) ++kept_locally_;
      status = AllTaken(*result);
    }
  }
  worst_ = std::max(worst_, code);
  if (status.ok()) {
    ++reported_;
    return;
  }
  ++failed_;
  stopped_ = Hopeless(status);
  session_.Fail(absl::StrCat(Where(name), stopped_ ? ", stopped here" : ""), status);
}

void ReportRun::Fail(const absl::Status& status) {
  ++failed_;
  worst_ = kTryAgain;
  session_.Fail(status);
}

int ReportRun::Finish() {
  if (session_.json()) {
    session_.out() << "],\"reported\":" << reported_ << ",\"failed\":" << failed_
                   << (token_.empty() ? "" : ",\"token\":" + JsonString(token_)) << "}\n";
  } else {
    session_.err() << "reported " << reported_ << ", failed " << failed_ << "\n";
    if (kept_locally_ > 0) session_.err() << kept_locally_ << " of them " << kKeptLocally << "\n";
  }
  return failed_ == 0 ? kDone : kFailed;
}

int ReportRun::FinishWithSysexit() {
  Finish();
  return reported_ + failed_ == 0 ? kDataError : worst_;
}

void ReportRun::Print(const ReportName& name, const ReportResult& result) {
  if (session_.json()) {
    JsonObject json = ToJson(result);
    name.file.empty() ? json.AddRaw("line", absl::StrCat(name.line)) : json.Add("file", name.file);
    session_.out() << (printed_ ? "," : "") << json.ToString();
    printed_ = true;
    return;
  }
  const std::string prefix = name.file.empty() ? "" : absl::StrCat(Escape(name.file), "\t", Name(result.kind), "\t");
  for (const Outcome& outcome : result.outcomes) session_.out() << prefix << Row(outcome) << "\n";
  if (result.outcomes.empty()) session_.out() << prefix << "-\t-\t-\t-\n";  // nothing was recorded
  if (result.truncated) session_.err() << "suppressctl: " << Escape(Where(name)) << ": its end was not read\n";
}

}  // namespace suppressd::suppressctl
