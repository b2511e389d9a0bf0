#include "storage/state_machine.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "storage/entry.h"
#include "tests/testing/commands.h"

namespace suppressd {
namespace {

class StateMachineTest : public ::testing::Test {
 protected:
  v1::BounceEvent::Effect Report(v1::Verdict::Class bounce_class, v1::BounceReason reason, int64_t at,
                                 const stored::PolicyDecision& decision, int64_t sent = 0,
                                 const std::string& stream = "") {
    v1::BounceEvent event = EventOf(bounce_class, reason, at);
    if (sent != 0) *event.mutable_mail_sent_at() = FromMicros(sent);
    event.set_stream(stream);
    ApplyReport(decision, {at, at}, &event, &entry_);
    return event.effect();
  }
  v1::BounceEvent::Effect Hard(int64_t at, int64_t sent = 0) {
    return Report(v1::Verdict::HARD, v1::ADDRESS_NOT_FOUND, at, SuppressDecision(), sent);
  }
  v1::BounceEvent::Effect Soft(int64_t at) { return Report(v1::Verdict::SOFT, v1::MAILBOX_FULL, at, CountDecision()); }
  v1::BounceEvent::Effect SoftReportedAt(int64_t at, int64_t occurred) {
    v1::BounceEvent event = EventOf(v1::Verdict::SOFT, v1::MAILBOX_FULL, occurred);
    ApplyReport(CountDecision(), {at, at}, &event, &entry_);
    return event.effect();
  }
  v1::BounceEvent::Effect Complain(int64_t at, const std::string& stream = "") {
    return Report(v1::Verdict::COMPLAINT, v1::BOUNCE_REASON_UNSPECIFIED, at, SuppressDecision(), 0, stream);
  }
  // Reactivates the causes of these types; none: the bounces.
  v1::ErrorReason Reactivate(int64_t at, const std::vector<v1::Cause::Type>& types = {}, int64_t consent_at = 0) {
    stored::ReactivateOperation operation;
    operation.set_note("works again");
    for (const v1::Cause::Type type : types) operation.add_selectors()->set_type(type);
    if (consent_at != 0) *operation.mutable_consent()->mutable_obtained_at() = FromMicros(consent_at);
    stored::Command by;
    by.set_on_behalf_of("jane");
    by.set_actor("ops");
    return ApplyReactivate(operation, by, at, &entry_, &changed_);
  }
  // A manual cause for one stream.
  v1::ErrorReason SuppressStream(int64_t at, int stream) {
    stored::SuppressOperation operation;
    operation.mutable_cause()->set_type(v1::Cause::MANUAL);
    operation.mutable_cause()->set_stream("stream-" + std::to_string(stream));
    return ApplySuppress(operation, at, &entry_, &changed_);
  }
  bool HasStream(int stream) const {
    const auto& causes = entry_.suppression().causes();
    return std::any_of(causes.begin(), causes.end(),
                       [&](const v1::Cause& cause) { return cause.stream() == "stream-" + std::to_string(stream); });
  }
  bool SuppressedAt(int64_t at) const { return SuppressedInAnyStream(entry_.suppression(), at); }
  const v1::Cause& Cause(int index) const { return entry_.suppression().causes(index); }

  stored::StoredEntry entry_;
  bool changed_ = false;
};

TEST_F(StateMachineTest, HardBounceSuppressesAtOnceAndARepeatRefreshes) {
  EXPECT_EQ(Hard(Day(0)), v1::BounceEvent::SUPPRESSED);
  EXPECT_EQ(Hard(Day(1)), v1::BounceEvent::ALREADY_SUPPRESSED);
  ASSERT_EQ(entry_.suppression().causes_size(), 1);
  EXPECT_EQ(Cause(0).event_count(), 2);
  EXPECT_EQ(ToMicros(Cause(0).first_event_at()), Day(0));
  EXPECT_EQ(ToMicros(Cause(0).last_event_at()), Day(1));
  EXPECT_EQ(ToMicros(entry_.suppression().listed_at()), Day(0));
}

TEST_F(StateMachineTest, ComplaintAfterABounceIsASecondCause) {
  Hard(Day(0));
  EXPECT_EQ(Complain(Day(1)), v1::BounceEvent::SUPPRESSED);
  ASSERT_EQ(entry_.suppression().causes_size(), 2);
  EXPECT_EQ(Cause(0).type(), v1::Cause::HARD_BOUNCE);
  EXPECT_EQ(Cause(1).type(), v1::Cause::COMPLAINT);
}

TEST_F(StateMachineTest, ReactivationOfTheBounceLeavesTheComplaint) {
  Hard(Day(0));
  Complain(Day(1));
  EXPECT_EQ(Reactivate(Day(2)), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_TRUE(changed_);
  EXPECT_EQ(Cause(0).state(), v1::Cause::REACTIVATED);
  EXPECT_EQ(Cause(0).reactivation().note(), "works again");
  EXPECT_EQ(Cause(0).reactivation().on_behalf_of(), "jane");
  EXPECT_TRUE(SuppressedAt(Day(2)));
}

TEST_F(StateMachineTest, ReactivationTwiceChangesNothingTheSecondTime) {
  Hard(Day(0));
  Reactivate(Day(1));
  const std::string before = entry_.SerializeAsString();
  EXPECT_EQ(Reactivate(Day(2)), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_FALSE(changed_);
  EXPECT_EQ(entry_.SerializeAsString(), before);
}

TEST_F(StateMachineTest, LateBounceOfMailFromBeforeTheReactivationIsOutdated) {
  Hard(Day(0));
  Reactivate(Day(1));
  EXPECT_EQ(Hard(Day(2), Day(0)), v1::BounceEvent::OUTDATED);
  EXPECT_FALSE(SuppressedAt(Day(2)));
  EXPECT_EQ(Hard(Day(3), Day(2)), v1::BounceEvent::SUPPRESSED);
  EXPECT_EQ(ToMicros(entry_.suppression().listed_at()), Day(3));
}

TEST_F(StateMachineTest, ComplaintAboutMailFromBeforeTheReactivationStillCounts) {
  Hard(Day(0));
  Reactivate(Day(2));
  EXPECT_EQ(Complain(Day(1)), v1::BounceEvent::SUPPRESSED);
}

TEST_F(StateMachineTest, ComplaintIsLiftedOnlyWithNewerConsent) {
  Complain(Day(0));
  EXPECT_EQ(Reactivate(Day(2), {v1::Cause::COMPLAINT}), v1::CONSENT_REQUIRED);
  EXPECT_EQ(Reactivate(Day(2), {v1::Cause::COMPLAINT}, Day(0)), v1::CONSENT_REQUIRED);
  EXPECT_TRUE(SuppressedAt(Day(2)));
  EXPECT_EQ(Reactivate(Day(2), {v1::Cause::COMPLAINT}, Day(1)), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_FALSE(SuppressedAt(Day(2)));
  EXPECT_EQ(Complain(Day(1)), v1::BounceEvent::OUTDATED) << "older than the consent";
  EXPECT_EQ(Complain(Day(3)), v1::BounceEvent::SUPPRESSED);
}

TEST_F(StateMachineTest, ReactivationLiftsAllOrNone) {
  Hard(Day(0));
  Complain(Day(0));
  EXPECT_EQ(Reactivate(Day(1), {v1::Cause::HARD_BOUNCE, v1::Cause::COMPLAINT}), v1::CONSENT_REQUIRED);
  EXPECT_EQ(Cause(0).state(), v1::Cause::ACTIVE);
}

TEST_F(StateMachineTest, ComplaintAboutAStreamBlocksOnlyThatStream) {
  Complain(Day(0), "marketing");
  EXPECT_TRUE(Matches(Cause(0), Day(0), "marketing"));
  EXPECT_FALSE(Matches(Cause(0), Day(0), "receipts"));
  EXPECT_FALSE(Matches(Cause(0), Day(0), ""));
}

TEST_F(StateMachineTest, HardBounceBlocksEveryStream) {
  Report(v1::Verdict::HARD, v1::ADDRESS_NOT_FOUND, Day(0), SuppressDecision(), 0, "marketing");
  EXPECT_TRUE(Matches(Cause(0), Day(0), ""));
  EXPECT_TRUE(Matches(Cause(0), Day(0), "receipts"));
}

TEST_F(StateMachineTest, FullMailboxExpiresToTheMicrosecond) {
  Report(v1::Verdict::HARD, v1::MAILBOX_FULL, Day(0), SuppressDecision(30));
  EXPECT_TRUE(SuppressedAt(Day(30) - 1));
  EXPECT_FALSE(SuppressedAt(Day(30)));
}

TEST_F(StateMachineTest, ReportThatComesAfterItsExpiryIsOnlyRecorded) {
  v1::BounceEvent event = EventOf(v1::Verdict::HARD, v1::MAILBOX_FULL, Day(0));
  ApplyReport(SuppressDecision(30), {Day(31), Day(31)}, &event, &entry_);
  EXPECT_EQ(event.effect(), v1::BounceEvent::RECORDED);
  EXPECT_EQ(entry_.suppression().causes_size(), 0);
}

TEST_F(StateMachineTest, EachReasonIsACauseWithItsOwnExpiry) {
  Hard(Day(0));
  Report(v1::Verdict::HARD, v1::MAILBOX_FULL, Day(1), SuppressDecision(30));
  ASSERT_EQ(entry_.suppression().causes_size(), 2);
  EXPECT_TRUE(SuppressedAt(Day(400))) << "the address is still unknown when the full mailbox has expired";
}

TEST_F(StateMachineTest, SoftBouncesSuppressOnTheThirdDistinctDay) {
  EXPECT_EQ(Soft(Day(0)), v1::BounceEvent::COUNTED);
  EXPECT_EQ(Soft(Day(0, 1)), v1::BounceEvent::COUNTED);
  EXPECT_EQ(Soft(Day(0, 2)), v1::BounceEvent::COUNTED) << "three events, but one day";
  EXPECT_EQ(Soft(Day(1)), v1::BounceEvent::COUNTED);
  EXPECT_FALSE(SuppressedAt(Day(1)));
  EXPECT_EQ(Soft(Day(2)), v1::BounceEvent::SUPPRESSED);
  EXPECT_EQ(Cause(0).event_count(), 5);
  EXPECT_EQ(ToMicros(Cause(0).expires_at()), Day(2 + 7));
}

TEST_F(StateMachineTest, SoftBouncesOutsideTheWindowDoNotCount) {
  Soft(Day(0));
  Soft(Day(1));
  EXPECT_EQ(Soft(Day(14)), v1::BounceEvent::COUNTED) << "day 0 has left the 14 days that end with day 14";
  EXPECT_EQ(Soft(Day(15)), v1::BounceEvent::COUNTED);
  EXPECT_EQ(Soft(Day(16)), v1::BounceEvent::SUPPRESSED);
}

TEST_F(StateMachineTest, SoftBouncesThatArriveOutOfOrderCountTheSame) {
  Soft(Day(5));
  Soft(Day(3));
  EXPECT_EQ(Soft(Day(4)), v1::BounceEvent::SUPPRESSED);
}

TEST_F(StateMachineTest, SoftBounceReportedAfterItsWindowIsOnlyRecorded) {
  for (int day = 0; day < 3; ++day) EXPECT_EQ(SoftReportedAt(Day(16), Day(day)), v1::BounceEvent::RECORDED);
  EXPECT_EQ(entry_.soft_counters_size(), 0);
  EXPECT_EQ(SoftReportedAt(Day(16), Day(3)), v1::BounceEvent::COUNTED)
      << "the first day of the 14 that end with day 16";
}

TEST_F(StateMachineTest, LeaseDoublesUpToItsLimit) {
  int day = 0;
  for (const int lease : {7, 14, 28, 56, 90, 90}) {
    Soft(Day(day));
    Soft(Day(day + 1));
    EXPECT_EQ(Soft(Day(day + 2)), v1::BounceEvent::SUPPRESSED);
    EXPECT_EQ(ToMicros(Cause(0).expires_at()), Day(day + 2 + lease));
    EXPECT_EQ(Soft(Day(day + 3)), v1::BounceEvent::ALREADY_SUPPRESSED);
    day += 2 + lease;
  }
}

TEST_F(StateMachineTest, ReactivationClearsCountersAndLeases) {
  Soft(Day(0));
  Soft(Day(1));
  Soft(Day(2));
  Reactivate(Day(3));
  Soft(Day(4));
  Soft(Day(5));
  EXPECT_EQ(Soft(Day(6)), v1::BounceEvent::SUPPRESSED);
  EXPECT_EQ(ToMicros(Cause(0).expires_at()), Day(6 + 7));
}

TEST_F(StateMachineTest, PolicyChangeWithOpenCountersTakesTheNewThreshold) {
  Soft(Day(0));
  Soft(Day(1));
  stored::PolicyDecision stricter = CountDecision();
  stricter.set_threshold_events(5);
  stricter.set_threshold_days(5);
  EXPECT_EQ(Report(v1::Verdict::SOFT, v1::MAILBOX_FULL, Day(2), stricter), v1::BounceEvent::COUNTED);
  EXPECT_EQ(Soft(Day(3)), v1::BounceEvent::SUPPRESSED) << "back under the old policy, four days are enough";
}

TEST_F(StateMachineTest, RecordedVerdictsNeverSuppress) {
  stored::PolicyDecision record;
  record.set_action(stored::PolicyDecision::RECORD);
  EXPECT_EQ(Report(v1::Verdict::SENDER_SIDE, v1::BOUNCE_REASON_UNSPECIFIED, Day(0), record), v1::BounceEvent::RECORDED);
  EXPECT_FALSE(SuppressedAt(Day(0)));
  EXPECT_EQ(entry_.suppression().causes_size(), 0);
}

TEST_F(StateMachineTest, BouncesFitBesideAllTheCausesAnEntryCanHold) {
  for (int i = 0; i < kOtherCausesMax; ++i) Complain(Day(0), "stream-" + std::to_string(i));
  Complain(Day(0));
  for (int reason = v1::ADDRESS_NOT_FOUND; reason <= v1::UNDETERMINED; ++reason) {
    EXPECT_EQ(Report(v1::Verdict::HARD, static_cast<v1::BounceReason>(reason), Day(1), SuppressDecision()),
              v1::BounceEvent::SUPPRESSED);
    for (int day = 1; day <= 3; ++day) {
      const v1::BounceEvent::Effect effect =
          Report(v1::Verdict::SOFT, static_cast<v1::BounceReason>(reason), Day(day), CountDecision());
      EXPECT_EQ(effect, day < 3 ? v1::BounceEvent::COUNTED : v1::BounceEvent::SUPPRESSED);
    }
  }
  EXPECT_EQ(entry_.suppression().causes_size(), kCausesMax);
}

TEST_F(StateMachineTest, LiftedOrExpiredCauseWithTheOldestLastEventMakesRoom) {
  for (int i = 0; i < kOtherCausesMax; ++i) EXPECT_EQ(SuppressStream(Day(i), i), v1::ERROR_REASON_UNSPECIFIED);
  // Stream 3 expires and 5 is lifted: 3 has the older event.
  *entry_.mutable_suppression()->mutable_causes(3)->mutable_expires_at() = FromMicros(Day(60));
  entry_.mutable_suppression()->mutable_causes(5)->set_state(v1::Cause::REACTIVATED);
  EXPECT_EQ(SuppressStream(Day(100), 100), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_FALSE(HasStream(3));
  EXPECT_TRUE(HasStream(5));
  EXPECT_EQ(SuppressStream(Day(101), 101), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_FALSE(HasStream(5));
  EXPECT_TRUE(HasStream(100));
  EXPECT_EQ(entry_.suppression().causes_size(), kOtherCausesMax);
}

TEST_F(StateMachineTest, SuppressIsRefusedWhenAllOtherCausesAreActiveAndChangesNothing) {
  for (int i = 0; i < kOtherCausesMax; ++i) SuppressStream(Day(0), i);
  const std::string before = entry_.SerializeAsString();
  EXPECT_EQ(SuppressStream(Day(1), 100), v1::TOO_MANY_CAUSES);
  EXPECT_EQ(entry_.SerializeAsString(), before);
  EXPECT_EQ(SuppressStream(Day(1), 0), v1::ERROR_REASON_UNSPECIFIED) << "one it holds is refreshed";
}

TEST_F(StateMachineTest, ComplaintThatFindsNoRoomCountsForAllMail) {
  for (int i = 0; i < kOtherCausesMax; ++i) SuppressStream(Day(0), i);
  EXPECT_EQ(Complain(Day(1), "new"), v1::BounceEvent::SUPPRESSED);
  EXPECT_EQ(Complain(Day(2), "newer"), v1::BounceEvent::ALREADY_SUPPRESSED);
  const v1::Cause& folded = Cause(kOtherCausesMax);
  EXPECT_EQ(folded.type(), v1::Cause::COMPLAINT);
  EXPECT_EQ(folded.stream(), "");
  EXPECT_EQ(folded.event_count(), 2);
}

TEST_F(StateMachineTest, EntryFilledBeforeTheLimitStillTakesBouncesAndComplaints) {
  for (int i = 0; i < kCausesMax; ++i) {
    v1::Cause* cause = entry_.mutable_suppression()->add_causes();
    cause->set_type(v1::Cause::COMPLAINT);
    cause->set_state(v1::Cause::ACTIVE);
    cause->set_stream("stream-" + std::to_string(i));
    *cause->mutable_last_event_at() = FromMicros(Day(0, i));
  }
  EXPECT_EQ(Hard(Day(1)), v1::BounceEvent::SUPPRESSED);
  EXPECT_EQ(Complain(Day(1), "new"), v1::BounceEvent::SUPPRESSED);
  EXPECT_EQ(entry_.suppression().causes_size(), kCausesMax + 2);
  Reactivate(Day(2), {v1::Cause::COMPLAINT}, Day(1, 1));
  EXPECT_EQ(SuppressStream(Day(3), 100), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_LE(entry_.suppression().causes_size(), kCausesMax) << "lifted ones made room until it fits again";
  EXPECT_TRUE(SuppressedAt(Day(3)));
}

TEST_F(StateMachineTest, ManualCauseIsRefreshedWithItsNewNoteAndExpiry) {
  stored::SuppressOperation operation;
  operation.mutable_cause()->set_type(v1::Cause::MANUAL);
  operation.mutable_cause()->set_note("first");
  EXPECT_EQ(ApplySuppress(operation, Day(0), &entry_, &changed_), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_TRUE(changed_);
  operation.mutable_cause()->set_note("second");
  *operation.mutable_cause()->mutable_expires_at() = FromMicros(Day(5));
  EXPECT_EQ(ApplySuppress(operation, Day(1), &entry_, &changed_), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_FALSE(changed_);
  ASSERT_EQ(entry_.suppression().causes_size(), 1);
  EXPECT_EQ(Cause(0).note(), "second");
  EXPECT_FALSE(SuppressedAt(Day(5)));
}

TEST_F(StateMachineTest, SuppressByHandCannotShortenAComplaint) {
  Complain(Day(0));
  stored::SuppressOperation operation;
  operation.mutable_cause()->set_type(v1::Cause::COMPLAINT);
  *operation.mutable_cause()->mutable_expires_at() = FromMicros(Day(2));
  ApplySuppress(operation, Day(1), &entry_, &changed_);
  EXPECT_TRUE(SuppressedAt(Day(3))) << "only consent lifts a complaint";
}

TEST_F(StateMachineTest, DefaultReactivationLeavesManualCauses) {
  stored::SuppressOperation operation;
  operation.mutable_cause()->set_type(v1::Cause::MANUAL);
  ApplySuppress(operation, Day(0), &entry_, &changed_);
  Reactivate(Day(1));
  EXPECT_FALSE(changed_);
  Reactivate(Day(1), {v1::Cause::MANUAL});
  EXPECT_TRUE(changed_);
  EXPECT_FALSE(SuppressedAt(Day(1)));
}

}  // namespace
}  // namespace suppressd
