#include "client/suppressctl/rejudge.h"

#include <gtest/gtest.h>

namespace suppressd::suppressctl {
namespace {

const LocalRules& BuiltIn() {
  static const LocalRules* const kRules = new LocalRules(*LoadRules({}, ""));
  return *kRules;
}

BounceEvent Event(const std::string& diagnostic, VerdictClass was, BounceReason reason, Effect effect) {
  BounceEvent event;
  event.diagnostic = diagnostic;
  event.verdict.bounce_class = was;
  event.verdict.reason = reason;
  event.verdict.rule_id = "old.rule";
  event.effect = effect;
  event.occurred_at = absl::FromUnixSeconds(1'000);
  return event;
}

Details With(std::vector<BounceEvent> events, bool hard_cause = true) {
  Details details;
  if (hard_cause) {
    Cause& cause = details.suppression.causes.emplace_back();
    cause.type = CauseType::kHardBounce;
    cause.state = CauseState::kActive;
    cause.reason = BounceReason::kAddressNotFound;
  }
  details.events = std::move(events);
  return details;
}

constexpr auto kHard = VerdictClass::kHard;
constexpr auto kUnknownUser = BounceReason::kAddressNotFound;

TEST(RejudgeTest, ACauseThatTheRulesWouldNotSetIsFound) {
  const auto findings =
      Rejudge(With({Event("554 blocked using zen.spamhaus.org", kHard, kUnknownUser, Effect::kSuppressed)}), BuiltIn());
  ASSERT_EQ(findings.size(), 1);
  EXPECT_FALSE(findings[0].more);
  EXPECT_EQ(findings[0].old_rule, "old.rule");
  EXPECT_EQ(findings[0].new_class, "SENDER_SIDE");
}

TEST(RejudgeTest, OneBounceThatStillSuppressesKeepsTheCause) {
  EXPECT_TRUE(
      Rejudge(With({Event("554 blocked using zen.spamhaus.org", kHard, kUnknownUser, Effect::kAlreadySuppressed),
                    Event("550 5.1.1 no such user", kHard, kUnknownUser, Effect::kSuppressed)}),
              BuiltIn())
          .empty());
}

TEST(RejudgeTest, ACauseWithoutKeptBouncesStays) {
  EXPECT_TRUE(Rejudge(With({}), BuiltIn()).empty());
}

TEST(RejudgeTest, WhatAProviderDecidedIsLeftAlone) {
  BounceEvent event = Event("", kHard, kUnknownUser, Effect::kSuppressed);
  event.verdict.rule_id = "provider.ses.suppressed";
  EXPECT_TRUE(Rejudge(With({event}), BuiltIn()).empty());
}

TEST(RejudgeTest, ABounceThatWouldNowSuppressIsMore) {
  const auto findings = Rejudge(
      With({Event("550 5.1.1 no such user", VerdictClass::kSoft, BounceReason::kUndetermined, Effect::kCounted)},
           false),
      BuiltIn());
  ASSERT_EQ(findings.size(), 1);
  EXPECT_TRUE(findings[0].more);
  EXPECT_EQ(findings[0].reason, kUnknownUser);
}

TEST(RejudgeTest, WhatIsOlderThanAReactivationIsNotMore) {
  Details details =
      With({Event("550 5.1.1 no such user", VerdictClass::kSoft, BounceReason::kUndetermined, Effect::kCounted)});
  details.suppression.causes[0].state = CauseState::kReactivated;
  details.suppression.causes[0].reactivation =
      Reactivation{absl::FromUnixSeconds(2'000), "", "", "fixed", std::nullopt};
  EXPECT_TRUE(Rejudge(details, BuiltIn()).empty());
  details.events[0].mail_sent_at = absl::FromUnixSeconds(3'000);
  EXPECT_EQ(Rejudge(details, BuiltIn()).size(), 1);
}

TEST(RejudgeTest, ComplaintsAreLeftAlone) {
  EXPECT_TRUE(
      Rejudge(With({Event("", VerdictClass::kComplaint, BounceReason::kUnspecified, Effect::kSuppressed)}, false),
              BuiltIn())
          .empty());
}

}  // namespace
}  // namespace suppressd::suppressctl
