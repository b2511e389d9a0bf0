#include "server/app/clock_guard.h"

#include <gtest/gtest.h>

#include "common/error.h"

namespace suppressd {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);
constexpr absl::Duration kDay = absl::Hours(24);

class ClockGuardTest : public ::testing::Test {
 protected:
  ClockGuard Guard(std::optional<absl::Time> newest = std::nullopt, bool accepted = false, bool any_pause = false) {
    ClockGuardOptions options;
    options.wall_clock = [this] { return wall_; };
    options.steady_clock = [this] { return SteadyTime{steady_}; };
    options.newest = newest;
    options.accepted = accepted;
    options.any_pause = any_pause;
    return ClockGuard(options);
  }
  void Pass(absl::Duration time) {
    wall_ += time;
    steady_ += time;
  }

  absl::Time wall_ = kStart;
  absl::Duration steady_ = absl::Hours(5);
};

TEST_F(ClockGuardTest, FollowsAClockThatGoesAsItShould) {
  ClockGuard guard = Guard();
  for (int i = 0; i < 1'000; ++i) {
    Pass(absl::Minutes(7));
    EXPECT_EQ(guard.Now(), wall_);
  }
  EXPECT_TRUE(guard.status().ok());
  EXPECT_EQ(guard.offset(), absl::ZeroDuration());
}

TEST_F(ClockGuardTest, GoesOnAsBeforeALargeStep) {
  for (const int days : {730, -730, 2, -2}) {
    ClockGuard guard = Guard();
    const absl::Time before = guard.Now();
    wall_ += days * kDay;
    Pass(absl::Minutes(1));
    EXPECT_EQ(guard.Now(), before + absl::Minutes(1)) << days;
    EXPECT_EQ(guard.offset(), days * kDay);
    EXPECT_TRUE(guard.status().ok()) << "writes go on";
    wall_ -= days * kDay;
    EXPECT_EQ(guard.Now(), wall_);
    EXPECT_EQ(guard.offset(), absl::ZeroDuration());
  }
}

TEST_F(ClockGuardTest, FollowsASmallStepAheadAtOnceAndOneBackSlowly) {
  ClockGuard guard = Guard();
  wall_ += absl::Hours(2);
  EXPECT_EQ(guard.Now(), wall_);
  wall_ -= absl::Hours(1);
  absl::Time last = guard.Now();
  EXPECT_EQ(last, wall_ + absl::Hours(1));
  for (int i = 0; i < 12; ++i) {
    Pass(absl::Minutes(10));
    EXPECT_EQ(guard.Now(), last + absl::Minutes(5));
    last = guard.Now();
  }
  Pass(absl::Minutes(1));
  EXPECT_EQ(guard.Now(), wall_) << "it has caught up";
}

TEST_F(ClockGuardTest, TakesNoWritesUnderAClockThatIsFarFromTheNewestRecord) {
  for (const absl::Time newest : {kStart - 31 * kDay, kStart + 2 * kDay}) {
    wall_ = kStart;
    ClockGuard guard = Guard(newest);
    EXPECT_EQ(ReasonOf(guard.status()), v1::CLOCK_SUSPECT);
    EXPECT_EQ(guard.Now(), newest) << "leases are held against the newest time that is known";
    Pass(absl::Hours(1));
    EXPECT_EQ(guard.Now(), newest + absl::Hours(1));
    wall_ = newest + absl::Hours(2);
    EXPECT_TRUE(guard.status().ok());
    EXPECT_EQ(guard.Now(), wall_);
  }
}

TEST_F(ClockGuardTest, BelievesAClockAfterAPauseOfSomeDays) {
  EXPECT_TRUE(Guard(kStart - 29 * kDay).status().ok());
  EXPECT_TRUE(Guard(kStart + absl::Hours(23)).status().ok());
  EXPECT_TRUE(Guard(kStart - 900 * kDay, false, true).status().ok()) << "a backup may be of any age";
  EXPECT_EQ(ReasonOf(Guard(kStart + 900 * kDay, false, true).status()), v1::CLOCK_SUSPECT);
}

TEST_F(ClockGuardTest, BelievesAClockThatIsAccepted) {
  EXPECT_EQ(Guard(kStart - 900 * kDay, true).Now(), kStart);
  EXPECT_EQ(Guard(kStart + 900 * kDay, true).Now(), kStart);
}

TEST_F(ClockGuardTest, DoesNotBelieveAClockOfBeforeTheProgram) {
  wall_ = absl::UnixEpoch();
  ClockGuard guard = Guard();
  EXPECT_EQ(ReasonOf(guard.status()), v1::CLOCK_SUSPECT);
  wall_ = kStart;
  EXPECT_EQ(guard.Now(), kStart);
  EXPECT_TRUE(guard.status().ok());
}

}  // namespace
}  // namespace suppressd
