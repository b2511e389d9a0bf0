#include "server/sidecar/backoff.h"

#include <gtest/gtest.h>

namespace suppression {
namespace {

const BackoffOptions kOptions{
    .initial = absl::Milliseconds(100), .max = absl::Seconds(10), .first_jitter = absl::Seconds(1)};

TEST(BackoffTest, DoublesUpToTheCap) {
  Backoff backoff(kOptions, [] { return 0.0; });
  EXPECT_EQ(backoff.Next(), absl::Milliseconds(100));
  EXPECT_EQ(backoff.Next(), absl::Milliseconds(200));
  EXPECT_EQ(backoff.Next(), absl::Milliseconds(400));
}

TEST(BackoffTest, AtTheCapItIsDrawnFromTheWholeOfIt) {
  double random = 0;
  Backoff backoff(kOptions, [&random] { return random; });
  for (int i = 0; i < 100; ++i) backoff.Next();
  EXPECT_EQ(backoff.Next(), absl::ZeroDuration());
  random = 0.5;
  EXPECT_EQ(backoff.Next(), absl::Seconds(5));
}

TEST(BackoffTest, TheFirstWaitHasAJitterOfItsOwnAlsoAfterAReset) {
  Backoff backoff(kOptions, [] { return 0.5; });
  EXPECT_EQ(backoff.Next(), absl::Milliseconds(600));
  EXPECT_EQ(backoff.Next(), absl::Milliseconds(200));
  backoff.Reset();
  EXPECT_EQ(backoff.Next(), absl::Milliseconds(600));
}

TEST(BackoffTest, WaitsAtLeastAsLongAsTheCentreAsks) {
  Backoff backoff(kOptions, [] { return 0.0; });
  EXPECT_EQ(backoff.Next(absl::Seconds(7)), absl::Seconds(7));
}

}  // namespace
}  // namespace suppression
