#include "storage/change_pins.h"

#include <gtest/gtest.h>

#include <utility>

namespace suppressd {
namespace {

TEST(ChangePinsTest, TheOldestThatStillCountsIsTold) {
  ChangePins pins;
  EXPECT_EQ(pins.Oldest(0), std::nullopt);
  const ChangePin late = pins.Add(20, 100);
  const ChangePin early = pins.Add(10, 50);
  EXPECT_EQ(pins.Oldest(49), 10u);
  EXPECT_EQ(pins.Oldest(50), 20u);
  EXPECT_EQ(pins.Oldest(100), std::nullopt);
}

TEST(ChangePinsTest, APinMovesUntilItsTimeHasCome) {
  ChangePins pins;
  ChangePin pin = pins.Add(10, 50);
  pin.Move(12, 60);
  EXPECT_EQ(pins.Oldest(50), 12u);
  EXPECT_EQ(pins.Oldest(60), std::nullopt);
  pin.Move(13, 1000);
  EXPECT_EQ(pins.Oldest(60), std::nullopt) << "what it stood for may be gone";
}

TEST(ChangePinsTest, APinCountsUntilItsHolderLetsItGo) {
  ChangePins pins;
  ChangePin pin = pins.Add(10, 50);
  ChangePin taken = std::move(pin);
  pin.Release();
  EXPECT_EQ(pins.Oldest(0), 10u);
  taken = pins.Add(20, 50);
  EXPECT_EQ(pins.Oldest(0), 20u);
  taken = ChangePin();
  EXPECT_EQ(pins.Oldest(0), std::nullopt);
}

}  // namespace
}  // namespace suppressd
