#include "storage/clock_repair.h"

#include <gmock/gmock.h>

#include "storage/store.h"
#include "tests/testing/apply.h"
#include "tests/testing/commands.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

using ::testing::UnorderedElementsAre;

constexpr int kYears = 730;  // days that the clock was ahead

class ClockRepairTest : public ::testing::Test {
 protected:
  ClockRepairTest() { Open(); }
  void Open() {
    store_.reset();
    store_ = *Store::Open({.path = directory_ / "data"});
  }
  stored::CommandResult Apply(const stored::Command& command) { return (*ApplyTo(*store_, {command}))[0]; }
  v1::Suppression Get(const std::string& address) {
    const stored::Target target = TargetOf(address);
    Lookup found;
    EXPECT_TRUE(store_->reader().Get({"default", target.domain(), target.local_part()}, &found).ok());
    return found.address->suppression();
  }
  std::vector<std::string> Listed(int64_t now) {
    ListQuery query;
    query.tenant = "default";
    query.now_micros = now;
    std::vector<std::string> addresses;
    const auto page = store_->reader().List(query);
    for (const auto& entry : page->suppressions) addresses.push_back(entry.address());
    return addresses;
  }

  TempDirectory directory_;
  std::unique_ptr<Store> store_;
};

TEST_F(ClockRepairTest, WhatWasWrittenAheadOfTimeIsOfNowAfterwards) {
  Apply(HardBounce("early@example.com", Day(0), "r:early"));
  Apply(HardBounce("lifted@example.com", Day(kYears)));
  Apply(ReactivateCommand("lifted@example.com", Day(kYears, 5)));
  Apply(HardBounce("late@example.com", Day(kYears), "r:late"));
  Apply(ReportCommand("full@example.com", EventOf(v1::Verdict::HARD, v1::MAILBOX_FULL, Day(kYears)),
                      SuppressDecision(30), Day(kYears)));
  const uint64_t lineage = store_->lineage();
  ASSERT_TRUE(store_->MoveTimesBack(Day(1)).ok());
  Open();
  EXPECT_NE(store_->lineage(), lineage) << "nobody who knows the other state is told that it is this one";
  EXPECT_EQ(ToMicros(Get("late@example.com").listed_at()), Day(1));
  EXPECT_EQ(ToMicros(Get("early@example.com").listed_at()), Day(0));
  EXPECT_EQ(ToMicros(Get("full@example.com").causes(0).expires_at()) / 1000, Day(31) / 1000);
  EXPECT_THAT(Listed(Day(2)), UnorderedElementsAre("early@example.com", "late@example.com", "full@example.com"));
  EXPECT_EQ(Apply(HardBounce("lifted@example.com", Day(1, 10))).effects(0), v1::BounceEvent::SUPPRESSED);
  EXPECT_TRUE(Apply(HardBounce("late@example.com", Day(1, 20), "r:late")).duplicate());
  EXPECT_TRUE(Apply(HardBounce("early@example.com", Day(1, 30), "r:early")).duplicate());
  EXPECT_FALSE(Apply(HardBounce("late@example.com", Day(10), "r:late")).duplicate());
}

TEST_F(ClockRepairTest, PointsOfDaysToComeArePointsOfToday) {
  const auto soft = [&](int day) {
    return Apply(ReportCommand("jo@example.com", EventOf(v1::Verdict::SOFT, v1::MAILBOX_FULL, Day(day)),
                               CountDecision(), Day(day)));
  };
  soft(0);
  soft(kYears);
  soft(kYears + 1);
  ASSERT_TRUE(store_->MoveTimesBack(Day(1)).ok());
  EXPECT_EQ(soft(2).effects(0), v1::BounceEvent::COUNTED);
  EXPECT_EQ(soft(3).effects(0), v1::BounceEvent::SUPPRESSED) << "three days, of which one is that of the repair";
}

}  // namespace
}  // namespace suppressd
