#include "common/backoff.h"

#include <gtest/gtest.h>

namespace suppressd {
namespace {

const BackoffOptions kOptions{.initial = absl::Milliseconds(100), .max = absl::Seconds(10)};

TEST(BackoffTest, TheBoundDoublesUpToTheLargest) {
  Backoff backoff(kOptions, [] { return 0.5; });
  EXPECT_EQ(backoff.Next(), absl::Milliseconds(50));
  EXPECT_EQ(backoff.Next(), absl::Milliseconds(100));
  EXPECT_EQ(backoff.Next(), absl::Milliseconds(200));
  for (int i = 0; i < 100; ++i) backoff.Next();
  EXPECT_EQ(backoff.Next(), absl::Seconds(5));
}

TEST(BackoffTest, AWaitIsDrawnFromTheWholeOfTheBound) {
  Backoff backoff(kOptions, [] { return 0.0; });
  for (int i = 0; i < 20; ++i) EXPECT_EQ(backoff.Next(), absl::ZeroDuration());
}

TEST(BackoffTest, AfterASuccessItBeginsAgain) {
  Backoff backoff(kOptions, [] { return 0.5; });
  backoff.Next();
  backoff.Next();
  backoff.Reset();
  EXPECT_EQ(backoff.Next(), absl::Milliseconds(50));
}

TEST(BackoffTest, WaitsAtLeastAsLongAsTheServerAsks) {
  Backoff backoff(kOptions, [] { return 0.5; });
  EXPECT_EQ(backoff.Next(absl::Seconds(7)), absl::Milliseconds(7050));
}

}  // namespace
}  // namespace suppressd
