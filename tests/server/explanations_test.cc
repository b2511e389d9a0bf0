#include "server/list/explanations.h"

#include <gmock/gmock.h>

#include <set>
#include <string>

namespace suppressd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ExplanationsTest, EveryReasonAndTypeHasWordsOfItsOwn) {
  std::set<std::string> meanings;
  for (int reason = v1::ADDRESS_NOT_FOUND; reason <= v1::REJECTS_UNKNOWN_SENDERS; ++reason) {
    v1::Cause cause;
    cause.set_type(v1::Cause::HARD_BOUNCE);
    cause.set_state(v1::Cause::ACTIVE);
    cause.set_reason(static_cast<v1::BounceReason>(reason));
    const v1::ExplainedCause explanation = Explain(cause, "");
    EXPECT_TRUE(meanings.insert(explanation.meaning()).second) << reason;
    EXPECT_FALSE(explanation.suggested_action().empty());
    EXPECT_THAT(explanation.requirements(), ElementsAre(v1::ExplainedCause::NOTE));
  }
  for (const auto type : {v1::Cause::SOFT_BOUNCE, v1::Cause::COMPLAINT, v1::Cause::UNSUBSCRIBE, v1::Cause::MANUAL}) {
    v1::Cause cause;
    cause.set_type(type);
    cause.set_state(v1::Cause::ACTIVE);
    EXPECT_TRUE(meanings.insert(Explain(cause, "").meaning()).second) << type;
  }
}

TEST(ExplanationsTest, ComplaintNeedsConsentAndManualNeedsSelection) {
  v1::Cause cause;
  cause.set_state(v1::Cause::ACTIVE);
  cause.set_type(v1::Cause::COMPLAINT);
  EXPECT_THAT(Explain(cause, "").requirements(),
              ElementsAre(v1::ExplainedCause::NOTE, v1::ExplainedCause::SELECTION, v1::ExplainedCause::CONSENT));
  cause.set_type(v1::Cause::MANUAL);
  EXPECT_THAT(Explain(cause, "").requirements(), ElementsAre(v1::ExplainedCause::NOTE, v1::ExplainedCause::SELECTION));
}

TEST(ExplanationsTest, CauseThatNoLongerCountsHasNothingToReactivate) {
  v1::Cause cause;
  cause.set_type(v1::Cause::HARD_BOUNCE);
  cause.set_state(v1::Cause::EXPIRED);
  EXPECT_FALSE(Explain(cause, "").can_reactivate());
  EXPECT_THAT(Explain(cause, "").requirements(), IsEmpty());
}

}  // namespace
}  // namespace suppressd
