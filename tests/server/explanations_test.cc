#include "server/explanations.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace suppression {
namespace {

TEST(ExplanationsTest, EveryReasonAndTypeHasWordsOfItsOwn) {
  std::set<std::string> meanings;
  for (int reason = v1::ADDRESS_NOT_FOUND; reason <= v1::REJECTS_UNKNOWN_SENDERS; ++reason) {
    v1::Cause cause;
    cause.set_type(v1::Cause::HARD_BOUNCE);
    cause.set_state(v1::Cause::ACTIVE);
    cause.set_reason(static_cast<v1::BounceReason>(reason));
    const v1::CauseExplanation explanation = Explain(cause);
    EXPECT_TRUE(meanings.insert(explanation.meaning()).second) << reason;
    EXPECT_FALSE(explanation.suggested_action().empty());
    EXPECT_EQ(explanation.need(), v1::NOTE);
  }
  for (const auto type : {v1::Cause::SOFT_BOUNCES, v1::Cause::COMPLAINT, v1::Cause::UNSUBSCRIBE, v1::Cause::MANUAL}) {
    v1::Cause cause;
    cause.set_type(type);
    cause.set_state(v1::Cause::ACTIVE);
    EXPECT_TRUE(meanings.insert(Explain(cause).meaning()).second) << type;
  }
}

TEST(ExplanationsTest, ComplaintNeedsConsentAndManualNeedsSelection) {
  v1::Cause cause;
  cause.set_state(v1::Cause::ACTIVE);
  cause.set_type(v1::Cause::COMPLAINT);
  EXPECT_EQ(Explain(cause).need(), v1::NOTE_AND_CONSENT);
  cause.set_type(v1::Cause::MANUAL);
  EXPECT_EQ(Explain(cause).need(), v1::NOTE_AND_SELECTION);
}

TEST(ExplanationsTest, CauseThatNoLongerCountsHasNothingToReactivate) {
  v1::Cause cause;
  cause.set_type(v1::Cause::HARD_BOUNCE);
  cause.set_state(v1::Cause::EXPIRED);
  EXPECT_FALSE(Explain(cause).can_reactivate());
  EXPECT_EQ(Explain(cause).need(), v1::REACTIVATION_NEED_UNSPECIFIED);
}

}  // namespace
}  // namespace suppression
