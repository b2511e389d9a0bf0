// Every mail gives a bounded report in valid UTF-8, the same each time, or is none.
#include <cstddef>
#include <cstdint>
#include <string>

#include "common/error.h"
#include "server/bounces/mail/bounce_mail.h"
#include "server/bounces/mail/delivery_status.h"
#include "tests/fuzz/check.h"

using suppressd::Classifier;
using suppressd::MailReport;
using suppressd::ReportedRecipient;
namespace v1 = suppressd::v1;

namespace {

void CheckVerdict(const v1::Verdict& verdict) {
  FUZZ_CHECK(verdict.bounce_class() != v1::Verdict::CLASS_UNSPECIFIED);
  FUZZ_CHECK(!verdict.rule_id().empty() && !verdict.rule_set_version().empty());
  FUZZ_CHECK(verdict.rule_id() != "engine.out_of_memory");
  FUZZ_CHECK(verdict.evidence().size() <= 256);
  FUZZ_CHECK(verdict.code() == 0 || (verdict.code() >= 200 && verdict.code() <= 599));
  const bool bounce = verdict.bounce_class() == v1::Verdict::HARD || verdict.bounce_class() == v1::Verdict::SOFT;
  FUZZ_CHECK(bounce == (verdict.reason() != v1::BOUNCE_REASON_UNSPECIFIED));
}

// What came out for one recipient, with every byte of it. Protobuf refuses strings that are not UTF-8 when it parses.
std::string Bytes(const ReportedRecipient& one) {
  v1::SmtpReply named;
  named.set_recipient(one.recipient);
  named.set_text(one.event_id);
  FUZZ_CHECK(v1::SmtpReply().ParseFromString(named.SerializeAsString()));
  FUZZ_CHECK(v1::BounceEvent().ParseFromString(one.event.SerializeAsString()));
  return named.SerializeAsString() + one.event.SerializeAsString() + std::to_string(one.error);
}

void CheckRecipient(const MailReport& report, const ReportedRecipient& one) {
  FUZZ_CHECK(one.recipient.size() <= 1'024 && one.event_id.size() <= 256);
  if (one.error != v1::ERROR_REASON_UNSPECIFIED) {
    const bool unusable = one.error == v1::INVALID_ADDRESS || one.error == v1::NO_RECIPIENT;
    FUZZ_CHECK(report.kind == (unusable ? v1::BounceEvent::DELIVERY_STATUS : v1::BounceEvent::PROVIDER_WEBHOOK));
    return;
  }
  // Nobody is an answer only where the mail names nobody at all.
  FUZZ_CHECK(!one.recipient.empty() || report.recipients.size() == 1);
  FUZZ_CHECK(one.event.kind() == report.kind);
  FUZZ_CHECK(one.event.diagnostic().size() <= 16'384);
  FUZZ_CHECK(one.event.remote_mta().size() <= 255);
  FUZZ_CHECK(one.event.message_id().size() <= 998);
  FUZZ_CHECK(one.event.feedback_type().size() <= 64);
  CheckVerdict(one.event.verdict());
}

std::string CheckReport(const MailReport& report) {
  FUZZ_CHECK(report.recipients.size() <= suppressd::kMailRecipientsMax);
  std::string bytes = v1::BounceEvent::Kind_Name(report.kind) + (report.truncated ? " truncated" : "");
  for (const ReportedRecipient& one : report.recipients) {
    CheckRecipient(report, one);
    bytes += Bytes(one);
  }
  const bool speaks = report.kind == v1::BounceEvent::FEEDBACK_REPORT ||
                      report.kind == v1::BounceEvent::DELIVERY_STATUS || report.kind == v1::BounceEvent::BOUNCE_TEXT ||
                      report.kind == v1::BounceEvent::PROVIDER_WEBHOOK;
  FUZZ_CHECK(speaks || report.recipients.empty());
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Classifier& classifier = *Classifier::BuiltIn()->release();
  v1::RawMessage message;
  message.set_content(data, size);
  const absl::StatusOr<MailReport> report = ReadBounceMail(message, classifier);
  if (!report.ok()) {
    FUZZ_CHECK(suppressd::ReasonOf(report.status()) == v1::NOT_A_MESSAGE);
    return 0;
  }
  const std::string bytes = CheckReport(*report);
  const absl::StatusOr<MailReport> again = ReadBounceMail(message, classifier);
  FUZZ_CHECK(again.ok() && CheckReport(*again) == bytes);
  return 0;
}
