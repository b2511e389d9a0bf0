#include "storage/timelines.h"

#include <gtest/gtest.h>

namespace suppressd {
namespace {

TEST(Timelines, AStateIsSharedUpToTheEndOfTheRunThatToldIt) {
  Timelines runs;
  runs.Begin(7, 1);
  runs.Begin(9, 101);  // the run before gave out 1 to 100
  EXPECT_EQ(runs.current(), 9);
  EXPECT_TRUE(runs.Share(7, 0, 150));
  EXPECT_TRUE(runs.Share(7, 100, 150));
  EXPECT_FALSE(runs.Share(7, 101, 150)) << "that run had more than this store knows of it";
  EXPECT_TRUE(runs.Share(9, 50, 150)) << "an earlier state, told by the later run";
  EXPECT_TRUE(runs.Share(9, 150, 150));
  EXPECT_FALSE(runs.Share(9, 151, 150));
  EXPECT_FALSE(runs.Share(8, 50, 150)) << "a run that this store never had";
}

TEST(Timelines, ARunThatGaveOutNothingStillShares) {
  Timelines runs;
  runs.Begin(7, 101);
  runs.Begin(9, 101);
  EXPECT_TRUE(runs.Share(7, 100, 100));
  EXPECT_FALSE(runs.Share(7, 101, 101));
}

TEST(Timelines, AreReadAsTheyWereWritten) {
  Timelines runs;
  runs.Begin(7, 1);
  runs.Begin(UINT64_MAX, 101);
  Timelines read;
  ASSERT_TRUE(read.Decode(runs.Encode()));
  EXPECT_EQ(read.current(), UINT64_MAX);
  EXPECT_TRUE(read.Share(7, 100, 100));
  EXPECT_FALSE(read.Share(7, 101, 101));
  EXPECT_TRUE(read.Decode(""));
  EXPECT_EQ(read.current(), 0);
  EXPECT_FALSE(read.Decode("garbled"));
}

TEST(Timelines, OnlySoManyAreKept) {
  Timelines runs;
  for (uint64_t run = 1; run <= kTimelinesMax + 1; ++run) runs.Begin(run, run);
  EXPECT_FALSE(runs.Share(1, 1, 1'000));
  EXPECT_TRUE(runs.Share(2, 2, 1'000));
}

}  // namespace
}  // namespace suppressd
