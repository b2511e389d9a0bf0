#include "storage/head_signal.h"

#include <gtest/gtest.h>

namespace suppressd {
namespace {

TEST(HeadSignalTest, ReachedRevisionCallsAtOnce) {
  HeadSignal signal(5);
  int calls = 0;
  signal.CallAt(5, [&] { ++calls; });
  EXPECT_EQ(calls, 1);
}

TEST(HeadSignalTest, LaterRevisionCallsOnceWhenReached) {
  HeadSignal signal(5);
  int calls = 0;
  signal.CallAt(7, [&] { ++calls; });
  signal.Advance(6);
  EXPECT_EQ(calls, 0);
  signal.Advance(9);
  signal.Advance(10);
  EXPECT_EQ(calls, 1);
}

TEST(HeadSignalTest, CancelledCallNeverComes) {
  HeadSignal signal(5);
  int calls = 0;
  const uint64_t id = signal.CallAt(7, [&] { ++calls; });
  EXPECT_TRUE(signal.Cancel(id));
  EXPECT_FALSE(signal.Cancel(id));
  signal.Advance(8);
  EXPECT_EQ(calls, 0);
}

TEST(HeadSignalTest, GivingUpCallsAllThatWaitOnce) {
  HeadSignal signal(5);
  int calls = 0;
  signal.CallAt(7, [&] { ++calls; });
  signal.CallAt(9, [&] { ++calls; });
  signal.GiveUp();
  EXPECT_EQ(calls, 2);
  signal.Advance(10);
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace suppressd
