#include "server/base/free_memory.h"

#include <gmock/gmock.h>

namespace suppressd {
namespace {

TEST(FreeMemoryTest, NothingIsDoneWithoutABurst) {
  int64_t resident = 0;
  int given_back = 0;
  FreeMemory memory([&] { return resident; }, [&] { ++given_back; });
  for (int i = 0; i < 100; ++i, resident += i) memory.Tick();
  EXPECT_EQ(given_back, 0);
}

TEST(FreeMemoryTest, AfterABurstItIsLookedAgainAndAgainAndThenNoMore) {
  int64_t resident = 0;
  int given_back = 0;
  FreeMemory memory([&] { return resident; }, [&] { ++given_back; });
  resident = kBurstBytes + 1;
  for (int i = 0; i < 10 * kLookEverySeconds * kLooks; ++i) memory.Tick();
  EXPECT_EQ(given_back, kLooks);
  resident += kBurstBytes + 1;
  for (int i = 0; i < kLookEverySeconds; ++i) memory.Tick();
  EXPECT_EQ(given_back, kLooks + 1);
}

}  // namespace
}  // namespace suppressd
