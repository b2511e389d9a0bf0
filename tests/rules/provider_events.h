// What the tests of the webhook reader share.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "common/error.h"
#include "server/bounces/rules/provider_event.h"

namespace suppressd {

inline const Classifier& BuiltInRules() {
  static const Classifier& classifier = *Classifier::BuiltIn()->release();
  return classifier;
}

inline absl::StatusOr<std::vector<ReportedRecipient>> Read(const std::string& provider, const std::string& payload) {
  v1::ProviderEvent request;
  request.set_provider(provider);
  request.set_payload(payload);
  return ReadProviderEvent(request, BuiltInRules());
}

// The only report of a payload; an empty one, and a failed test, when there is another number.
inline ReportedRecipient ReadOne(const std::string& provider, const std::string& payload) {
  const auto reports = Read(provider, payload);
  EXPECT_TRUE(reports.ok()) << reports.status() << "\n" << payload;
  EXPECT_EQ(reports.ok() ? reports->size() : 0, 1u) << payload;
  return reports.ok() && reports->size() == 1 ? reports->front() : ReportedRecipient();
}

// "HARD ADDRESS_NOT_FOUND by provider.ses.no_email", with "!" behind it on a conflict.
inline std::string Summary(const ReportedRecipient& report) {
  const v1::Verdict& verdict = report.event.verdict();
  std::string summary = v1::Verdict::Class_Name(verdict.bounce_class());
  if (verdict.reason() != v1::BOUNCE_REASON_UNSPECIFIED) summary += " " + v1::BounceReason_Name(verdict.reason());
  return summary + " by " + verdict.rule_id() + (verdict.conflict() ? "!" : "");
}

inline std::string SummaryOf(const std::string& provider, const std::string& payload) {
  return Summary(ReadOne(provider, payload));
}

struct ProviderCase {
  std::string event;
  std::string verdict;
};

// Each verdict is a Summary or the beginning of one.
inline void ExpectVerdicts(const std::string& provider, const std::vector<ProviderCase>& cases) {
  for (const ProviderCase& row : cases) {
    const std::string summary = SummaryOf(provider, row.event);
    EXPECT_TRUE(absl::StartsWith(summary, row.verdict)) << row.event << "\n  is " << summary << ", not " << row.verdict;
  }
}

// The errors of the reports, with commas between; nothing for one that was taken.
inline std::string RefusalsOf(const std::vector<ReportedRecipient>& reports) {
  std::string refusals;
  for (const ReportedRecipient& report : reports) {
    refusals += &report == &reports.front() ? "" : ",";
    if (report.error != v1::ERROR_REASON_UNSPECIFIED) refusals += ReasonName(report.error);
  }
  return refusals;
}

// The fields of a report, one a line.
inline std::string FieldsOf(const ReportedRecipient& report) {
  const v1::BounceEvent& event = report.event;
  return report.recipient + "\n" + report.event_id + "\n" + event.diagnostic() + "\n" + event.remote_mta() + "\n" +
         event.message_id() + "\n" + std::to_string(event.occurred_at().seconds()) + "\n" +
         std::to_string(event.mail_sent_at().seconds()) + "\n" + std::to_string(event.verdict().code()) + " " +
         event.verdict().enhanced_code() + "\n" + event.feedback_type();
}

}  // namespace suppressd
