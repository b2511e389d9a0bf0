#include "server/bounces/rules/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace suppressd {
namespace {

using storage::v1::PolicyDecision;
using ::testing::HasSubstr;
using ::testing::StartsWith;

v1::Verdict MakeVerdict(v1::Verdict::Class bounce_class, v1::BounceReason reason = v1::BOUNCE_REASON_UNSPECIFIED) {
  v1::Verdict verdict;
  verdict.set_bounce_class(bounce_class);
  verdict.set_reason(reason);
  return verdict;
}

std::unique_ptr<const Policy> Parse(absl::string_view yaml) {
  absl::StatusOr<std::unique_ptr<const Policy>> policy = Policy::FromYaml("p.yaml", yaml);
  EXPECT_TRUE(policy.ok()) << policy.status();
  return policy.ok() ? *std::move(policy) : nullptr;
}

void ExpectCount(const PolicyDecision& decision, int events, int window_days) {
  EXPECT_EQ(decision.action(), PolicyDecision::COUNT);
  EXPECT_EQ(decision.threshold_events(), events);
  EXPECT_EQ(decision.threshold_days(), events);
  EXPECT_EQ(decision.window_days(), window_days);
  EXPECT_EQ(decision.lease_days(), 7);
  EXPECT_EQ(decision.lease_max_days(), 90);
}

TEST(BuiltInPolicy, SuppressesAtOnceForEveryHardReason) {
  for (int reason = v1::ADDRESS_NOT_FOUND; reason <= v1::REJECTS_UNKNOWN_SENDERS; ++reason) {
    const PolicyDecision decision =
        Policy::BuiltIn()->Decide("default", MakeVerdict(v1::Verdict::HARD, static_cast<v1::BounceReason>(reason)));
    EXPECT_EQ(decision.action(), PolicyDecision::SUPPRESS) << reason;
    EXPECT_EQ(decision.expires_after_days(), reason == v1::MAILBOX_FULL ? 30 : 0) << reason;
  }
}

TEST(BuiltInPolicy, CountsSoftBounces) {
  const auto policy = Policy::BuiltIn();
  for (int reason = v1::ADDRESS_NOT_FOUND; reason <= v1::REJECTS_UNKNOWN_SENDERS; ++reason) {
    ExpectCount(policy->Decide("x", MakeVerdict(v1::Verdict::SOFT, static_cast<v1::BounceReason>(reason))), 3, 14);
  }
  ExpectCount(policy->Decide("x", MakeVerdict(v1::Verdict::SOFT, v1::UNDETERMINED)), 5, 30);
}

TEST(BuiltInPolicy, SuppressesForComplaintsWithoutEnd) {
  const PolicyDecision decision = Policy::BuiltIn()->Decide("x", MakeVerdict(v1::Verdict::COMPLAINT));
  EXPECT_EQ(decision.action(), PolicyDecision::SUPPRESS);
  EXPECT_EQ(decision.expires_after_days(), 0);
}

TEST(BuiltInPolicy, NeverSuppressesAtOnceWhatHasNoHardReason) {
  ExpectCount(Policy::BuiltIn()->Decide("x", MakeVerdict(v1::Verdict::HARD, v1::UNDETERMINED)), 5, 30);
  ExpectCount(Policy::BuiltIn()->Decide("x", MakeVerdict(v1::Verdict::HARD, static_cast<v1::BounceReason>(99))), 5, 30);
}

TEST(Policy, RecordsSenderSideAndNoBounceWhateverTheFileSays) {
  const auto policy = Parse("default: {complaint: {action: record}, soft: {UNDETERMINED: {action: suppress}}}");
  for (const auto bounce_class :
       {v1::Verdict::SENDER_SIDE, v1::Verdict::NOT_A_BOUNCE, v1::Verdict::CLASS_UNSPECIFIED}) {
    EXPECT_EQ(policy->Decide("x", MakeVerdict(bounce_class, v1::UNDETERMINED)).action(), PolicyDecision::RECORD);
  }
}

TEST(Policy, EmptyFileIsTheDefault) {
  for (const char* yaml : {"", "---\n", "default:\n", "tenants: {}\n", "{}"}) {
    const auto policy = Parse(yaml);
    ASSERT_NE(policy, nullptr) << yaml;
    ExpectCount(policy->Decide("x", MakeVerdict(v1::Verdict::SOFT, v1::MAILBOX_FULL)), 3, 14);
  }
}

TEST(Policy, TenantOverridesDefaultOfTheFileWhichOverridesTheBuiltIn) {
  const auto policy = Parse(R"(
tenants:
  shop:
    soft: {MAILBOX_FULL: {events: 5}}
default:
  soft: {MAILBOX_FULL: {events: 4, days: 2}, UNDETERMINED: {action: record}}
)");
  const v1::Verdict full = MakeVerdict(v1::Verdict::SOFT, v1::MAILBOX_FULL);
  EXPECT_EQ(policy->Decide("shop", full).threshold_events(), 5);
  EXPECT_EQ(policy->Decide("shop", full).threshold_days(), 2);
  EXPECT_EQ(policy->Decide("other", full).threshold_events(), 4);
  const v1::Verdict undetermined = MakeVerdict(v1::Verdict::SOFT, v1::UNDETERMINED);
  EXPECT_EQ(policy->Decide("shop", undetermined).action(), PolicyDecision::RECORD);
}

TEST(Policy, AnotherActionStartsFromItsBuiltInNumbers) {
  const auto policy = Parse("default: {hard: {MAILBOX_FULL: {action: count}, ADDRESS_NOT_FOUND: {action: suppress}}}");
  const PolicyDecision full = policy->Decide("x", MakeVerdict(v1::Verdict::HARD, v1::MAILBOX_FULL));
  ExpectCount(full, 3, 14);
  EXPECT_EQ(full.expires_after_days(), 0);
}

TEST(Policy, AFullMailboxExpiresAlsoWhereSuppressIsNotTheInheritedAction) {
  const auto policy = Parse(
      "default: {hard: {MAILBOX_FULL: {action: record}}}\ntenants: {x: {hard: {MAILBOX_FULL: {action: suppress}}}}");
  EXPECT_EQ(policy->Decide("x", MakeVerdict(v1::Verdict::HARD, v1::MAILBOX_FULL)).expires_after_days(), 30);
}

TEST(Policy, SameActionKeepsInheritedNumbers) {
  const auto policy = Parse("default: {hard: {MAILBOX_FULL: {action: suppress}}}");
  EXPECT_EQ(policy->Decide("x", MakeVerdict(v1::Verdict::HARD, v1::MAILBOX_FULL)).expires_after_days(), 30);
}

struct BadFile {
  const char* fact;
  std::string yaml;
  const char* error;
};

class RefusedPolicy : public testing::TestWithParam<BadFile> {};

TEST_P(RefusedPolicy, SaysWhereAndWhat) {
  const auto policy = Policy::FromYaml("p.yaml", GetParam().yaml);
  ASSERT_FALSE(policy.ok());
  EXPECT_EQ(policy.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(policy.status().message()), StartsWith(GetParam().error));
}

INSTANTIATE_TEST_SUITE_P(
    Table, RefusedPolicy,
    testing::Values(
        BadFile{"NotYaml", "default: [", "p.yaml:1: "},
        BadFile{"NotAMapping", "- a", "p.yaml:1: the policy is not a mapping"},
        BadFile{"TwoDocuments", "---\n{}\n---\n{}\n", "p.yaml:3: more than one document"},
        BadFile{"LeadingComma", ",", "p.yaml:1: more than one document"},
        BadFile{"CommaBeforeContent", ",\ndefault: {complaint: {action: record}}", "p.yaml:1: more than one"},
        BadFile{"ContentBehindClosedRoot", "{}\ndefault: {}", "p.yaml:2: "},
        BadFile{"UnknownTopLevelKey", "\nfoo: 1", "p.yaml:2: unknown key \"foo\""},
        BadFile{"UnknownSection", "default:\n  firm: {}", "p.yaml:2: unknown key \"firm\""},
        BadFile{"UnknownField", "default:\n  complaint:\n    expiry: 3", "p.yaml:3: unknown key \"expiry\""},
        BadFile{"UnknownReason", "default:\n  hard:\n    FULL: {}", "p.yaml:3: \"FULL\" is not a reason"},
        BadFile{"UnspecifiedReason", "default: {soft: {BOUNCE_REASON_UNSPECIFIED: {}}}", "p.yaml:1: \"BOUNCE"},
        BadFile{"UndeterminedIsNotHard", "default: {hard: {UNDETERMINED: {}}}", "p.yaml:1: \"UNDETERMINED\""},
        BadFile{"UnknownAction", "default: {complaint: {action: ban}}", "p.yaml:1: \"ban\" is not an action"},
        BadFile{"ComplaintsAreNotCounted", "default: {complaint: {action: count}}", "p.yaml:1: \"count\""},
        BadFile{"DuplicateKey", "default: {}\ndefault: {}", "p.yaml:2: the policy has \"default\" twice"},
        BadFile{"DuplicateTenant", "tenants:\n  a: {}\n  a: {}", "p.yaml:3: tenants has \"a\" twice"},
        BadFile{"BadTenant", "tenants:\n  Shop: {}", "p.yaml:2: \"Shop\" is not a tenant name"},
        BadFile{"Zero", "default: {soft: {UNDETERMINED: {events: 0}}}",
                "p.yaml:1: events is not a number from 1 to 1000"},
        BadFile{"TooMany", "default: {soft: {UNDETERMINED: {window_days: 366}}}", "p.yaml:1: window_days"},
        BadFile{"NotANumber", "default: {soft: {UNDETERMINED: {events: many}}}", "p.yaml:1: events"},
        BadFile{"Overflow", "default: {soft: {UNDETERMINED: {events: 99999999999}}}", "p.yaml:1: events"},
        BadFile{"NegativeExpiry", "default: {complaint: {expires_after_days: -1}}", "p.yaml:1: expires_after_days"},
        BadFile{"FieldOfAnotherAction", "default: {complaint: {events: 3}}", "p.yaml:1: events does not go with"},
        BadFile{"MoreDaysThanEvents", "default: {soft: {MAILBOX_FULL: {days: 4}}}",
                "p.yaml:1: days is more than events"},
        BadFile{"MoreDaysThanWindow", "default: {soft: {MAILBOX_FULL: {window_days: 2}}}",
                "p.yaml:1: days is more than window"},
        BadFile{"LeaseOverMaximum", "default: {soft: {MAILBOX_FULL: {lease_days: 91}}}", "p.yaml:1: lease_days"},
        BadFile{"TooLarge", std::string(1024 * 1024 + 1, '#'), "p.yaml:1: the file is larger"},
        BadFile{"TooDeep", std::string(100'000, '['), "p.yaml:1: "}),
    [](const auto& row) { return row.param.fact; });

// The fenced YAML block of the document.
std::string ExampleInDocument() {
  std::ifstream file(POLICY_DOC);
  std::stringstream text;
  text << file.rdbuf();
  const std::string document = text.str();
  const size_t begin = document.find("```yaml\n") + 8;
  return document.substr(begin, document.find("```", begin) - begin);
}

TEST(PolicyDocument, ExampleDoesWhatItSays) {
  const auto policy = Parse(ExampleInDocument());
  ASSERT_NE(policy, nullptr);
  EXPECT_EQ(policy->Decide("x", MakeVerdict(v1::Verdict::HARD, v1::MAILBOX_FULL)).expires_after_days(), 60);
  EXPECT_EQ(policy->Decide("x", MakeVerdict(v1::Verdict::SOFT, v1::UNDETERMINED)).window_days(), 21);
  const v1::Verdict restricted = MakeVerdict(v1::Verdict::HARD, v1::REJECTS_UNKNOWN_SENDERS);
  EXPECT_EQ(policy->Decide("x", restricted).action(), PolicyDecision::SUPPRESS);
  EXPECT_EQ(policy->Decide("shop", restricted).action(), PolicyDecision::COUNT);
  EXPECT_EQ(policy->Decide("shop", restricted).lease_max_days(), 56);
}

}  // namespace
}  // namespace suppressd
