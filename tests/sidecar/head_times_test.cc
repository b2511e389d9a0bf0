#include "server/sidecar/head_times.h"

#include <gtest/gtest.h>

namespace suppressd {
namespace {

SteadyTime At(int second) {
  return {absl::Seconds(second)};
}

TEST(HeadTimesTest, NothingIsKnownBeforeTheServerWasSeen) {
  EXPECT_EQ(HeadTimes().CompleteAt({1, 100}), std::nullopt);
}

TEST(HeadTimesTest, AReplicaIsCompleteAsOfTheNewestHeadThatItHasReached) {
  HeadTimes heads;
  heads.Seen({1, 10}, At(1));
  heads.Seen({1, 20}, At(2));
  heads.Seen({1, 30}, At(3));
  EXPECT_EQ(heads.CompleteAt({1, 9}), std::nullopt);
  EXPECT_EQ(heads.CompleteAt({1, 10}), At(1));
  EXPECT_EQ(heads.CompleteAt({1, 29}), At(2));
  EXPECT_EQ(heads.CompleteAt({1, 31}), At(3));
}

TEST(HeadTimesTest, AServerThatStandsStillMakesAReplicaFresh) {
  HeadTimes heads;
  for (int second = 1; second < 5; ++second) heads.Seen({1, 10}, At(second));
  EXPECT_EQ(heads.CompleteAt({1, 10}), At(4));
}

TEST(HeadTimesTest, AnAnswerThatComesLateChangesNothing) {
  HeadTimes heads;
  heads.Seen({1, 20}, At(5));
  heads.Seen({1, 10}, At(3));
  EXPECT_EQ(heads.CompleteAt({1, 10}), std::nullopt);
  EXPECT_EQ(heads.CompleteAt({1, 20}), At(5));
}

TEST(HeadTimesTest, ARestoredBackupMakesWhatWasSeenBeforeSayNothing) {
  HeadTimes heads;
  heads.Seen({1, 100}, At(1));
  heads.Seen({1, 85}, At(2));
  EXPECT_EQ(heads.CompleteAt({1, 85}), At(2));
  heads.Seen({1, 86}, At(3));
  EXPECT_EQ(heads.CompleteAt({1, 85}), At(2));
}

TEST(HeadTimesTest, TimesOfOtherDataSayNothing) {
  HeadTimes heads;
  heads.Seen({1, 10}, At(1));
  EXPECT_EQ(heads.CompleteAt({2, 10}), std::nullopt);
  heads.Seen({2, 5}, At(2));
  EXPECT_EQ(heads.CompleteAt({2, 5}), At(2));
  EXPECT_EQ(heads.CompleteAt({1, 10}), std::nullopt);
}

TEST(HeadTimesTest, WhatWasNotedHoldsUntilTheServerIsSeen) {
  HeadTimes heads;
  heads.Noted({1, 10}, At(1));
  EXPECT_EQ(heads.CompleteAt({1, 10}), At(1));
  heads.Seen({1, 12}, At(9));
  EXPECT_EQ(heads.CompleteAt({1, 10}), At(1));
  EXPECT_EQ(heads.CompleteAt({1, 12}), At(9));
}

TEST(HeadTimesTest, AReplicaThatLagsForLongKeepsABoundedMemory) {
  HeadTimes heads;
  for (int second = 1; second <= 100'000; ++second) heads.Seen({1, static_cast<uint64_t>(second)}, At(second));
  EXPECT_EQ(heads.CompleteAt({1, 100'000}), At(100'000));
}

}  // namespace
}  // namespace suppressd
