// Every payload gives bounded reports in valid UTF-8, or an error that says no more than it may. The first byte picks
// the provider, from "0".
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "common/error.h"
#include "server/bounces/rules/provider_event.h"
#include "tests/fuzz/check.h"

using suppressd::Classifier;
namespace v1 = suppressd::v1;

namespace {

constexpr const char* kProviders[] = {"ses", "sendgrid", "mailgun", "postmark", "sparkpost"};
constexpr size_t kMessageBytesMax = 1'000;

void CheckVerdict(const v1::Verdict& verdict) {
  FUZZ_CHECK(verdict.bounce_class() != v1::Verdict::CLASS_UNSPECIFIED);
  FUZZ_CHECK(!verdict.rule_id().empty() && !verdict.rule_set_version().empty());
  FUZZ_CHECK(verdict.rule_id() != "engine.out_of_memory");
  FUZZ_CHECK(verdict.evidence().size() <= 256);
  FUZZ_CHECK(verdict.code() == 0 || (verdict.code() >= 200 && verdict.code() <= 599));
  const bool bounce = verdict.bounce_class() == v1::Verdict::HARD || verdict.bounce_class() == v1::Verdict::SOFT;
  FUZZ_CHECK(bounce == (verdict.reason() != v1::BOUNCE_REASON_UNSPECIFIED));
}

void CheckRefused(const suppressd::ReportedRecipient& report) {
  FUZZ_CHECK(report.error == v1::UNKNOWN_EVENT || report.error == v1::MALFORMED_PAYLOAD);
  FUZZ_CHECK(report.recipient.size() <= 1'024 && report.event_id.size() <= 256);
  FUZZ_CHECK(report.event.ByteSizeLong() == 0);
}

void CheckReport(const suppressd::ReportedRecipient& report, absl::string_view provider) {
  CheckVerdict(report.event.verdict());
  FUZZ_CHECK(!report.recipient.empty() && report.recipient.size() <= 1'024);
  FUZZ_CHECK(report.event.diagnostic().size() <= 16'384);
  FUZZ_CHECK(report.event.remote_mta().size() <= 255);
  FUZZ_CHECK(report.event.message_id().size() <= 998);
  FUZZ_CHECK(report.event.feedback_type().size() <= 64);
  FUZZ_CHECK(report.event.kind() == v1::BounceEvent::PROVIDER_WEBHOOK && report.event.provider() == provider);
  FUZZ_CHECK(report.event_id.size() <= 256);
  FUZZ_CHECK(std::all_of(report.event_id.begin(), report.event_id.end(), absl::ascii_isgraph));
  FUZZ_CHECK(report.event.occurred_at().seconds() >= 0 && report.event.occurred_at().seconds() <= 253'402'300'799);
  FUZZ_CHECK(report.event.occurred_at().nanos() >= 0 && report.event.occurred_at().nanos() <= 999'999'999);
  // Protobuf refuses strings that are not UTF-8 when it parses.
  v1::BounceEvent copy;
  FUZZ_CHECK(copy.ParseFromString(report.event.SerializeAsString()));
  v1::SmtpReply reply;
  reply.set_recipient(report.recipient);
  FUZZ_CHECK(v1::SmtpReply().ParseFromString(reply.SerializeAsString()));
}

void CheckError(const absl::Status& status) {
  FUZZ_CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  const v1::ErrorReason reason = suppressd::ReasonOf(status);
  FUZZ_CHECK(reason == v1::UNKNOWN_EVENT || reason == v1::MALFORMED_PAYLOAD || reason == v1::BATCH_TOO_LARGE);
  FUZZ_CHECK(!status.message().empty() && status.message().size() <= kMessageBytesMax);
  FUZZ_CHECK(status.message().find('@') == absl::string_view::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Classifier& classifier = *Classifier::BuiltIn()->release();
  if (size == 0) return 0;
  v1::ProviderEvent request;
  request.set_provider(kProviders[static_cast<uint8_t>(data[0] - '0') % std::size(kProviders)]);
  request.set_payload(data + 1, size - 1);
  const auto reports = suppressd::ReadProviderEvent(request, classifier);
  if (!reports.ok()) {
    CheckError(reports.status());
    return 0;
  }
  FUZZ_CHECK(reports->size() <= suppressd::kPayloadEventsMax);
  bool all_refused = !reports->empty();
  for (const auto& report : *reports) {
    const bool taken = report.error == v1::ERROR_REASON_UNSPECIFIED;
    all_refused &= !taken;
    taken ? CheckReport(report, request.provider()) : CheckRefused(report);
  }
  FUZZ_CHECK(!all_refused);
  return 0;
}
