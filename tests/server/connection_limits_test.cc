#include "server/gate/connection_limits.h"

#include <gmock/gmock.h>

#include <string>

namespace suppressd {
namespace {

constexpr size_t kCallsMax = 100;
const absl::Duration kStart = absl::Seconds(1'000);

std::string FrameOf(int type, int flags, uint32_t stream, const std::string& payload = "") {
  const size_t size = payload.size();
  std::string frame = {static_cast<char>(size >> 16), static_cast<char>(size >> 8), static_cast<char>(size),
                       static_cast<char>(type), static_cast<char>(flags)};
  for (int shift = 24; shift >= 0; shift -= 8) frame.push_back(static_cast<char>(stream >> shift));
  return frame + payload;
}

std::string Call(uint32_t stream) {
  return FrameOf(1, kEndHeaders, stream, "headers") + FrameOf(0, kEndStream, stream, "data");
}
std::string Reset(uint32_t stream) {
  return FrameOf(3, 0, stream, std::string(4, '\0'));
}
std::string Ping() {
  return FrameOf(6, 0, 0, "12345678");
}
// The end of an answer.
std::string Trailers(uint32_t stream) {
  return FrameOf(1, kEndHeaders | kEndStream, stream, "ok");
}

class ConnectionLimitsTest : public ::testing::Test {
 protected:
  ConnectionLimitsTest() { EXPECT_EQ(Take(std::string(FrameWalk::kPreface)), CutReason::kNone); }
  CutReason Take(const std::string& bytes, absl::Duration after = absl::ZeroDuration()) {
    return limits_.Received(bytes, kStart + after);
  }

  ConnectionLimits limits_{kCallsMax};
};

TEST_F(ConnectionLimitsTest, AnsweredCallsAreWithoutLimit) {
  for (uint32_t i = 0; i < 100'000; ++i) {
    ASSERT_EQ(Take(Call(2 * i + 1)), CutReason::kNone);
    limits_.Sent(FrameOf(0, 0, 2 * i + 1, "answer") + Trailers(2 * i + 1));
  }
  EXPECT_EQ(limits_.open_calls(), 0);
}

TEST_F(ConnectionLimitsTest, FramesMayComeInPiecesOfAnySize) {
  const std::string bytes = Call(1) + Ping() + Call(3) + Reset(1) + Call(5);
  for (size_t piece = 1; piece < bytes.size(); ++piece) {
    ConnectionLimits limits(kCallsMax);
    std::string rest = std::string(FrameWalk::kPreface) + bytes;
    while (!rest.empty()) {
      ASSERT_EQ(limits.Received(rest.substr(0, piece), kStart), CutReason::kNone);
      rest.erase(0, piece);
    }
    EXPECT_EQ(limits.open_calls(), 2) << piece;
  }
}

TEST_F(ConnectionLimitsTest, CallsThatAreNotAnsweredAreLimited) {
  uint32_t stream = 1;
  for (size_t i = 0; i < kCallsMax + kCallsSlack; ++i, stream += 2) ASSERT_EQ(Take(Call(stream)), CutReason::kNone);
  EXPECT_EQ(Take(Call(stream)), CutReason::kCalls);
}

TEST_F(ConnectionLimitsTest, ResetsAreLimitedAtOnceAndForgottenWithTime) {
  uint32_t stream = 1;
  for (int i = 0; i < kResetsBurst; ++i, stream += 2) ASSERT_EQ(Take(Call(stream) + Reset(stream)), CutReason::kNone);
  EXPECT_EQ(Take(Call(stream) + Reset(stream)), CutReason::kResets);
  stream += 2;
  EXPECT_EQ(Take(Call(stream) + Reset(stream), absl::Seconds(1)), CutReason::kNone);
}

TEST_F(ConnectionLimitsTest, ResetOfAnAnsweredCallIsNoReset) {
  for (uint32_t i = 0; i < kIdleFramesBurst / 2; ++i) {
    ASSERT_EQ(Take(Call(2 * i + 1)), CutReason::kNone);
    limits_.Sent(Trailers(2 * i + 1));
    ASSERT_EQ(Take(Reset(2 * i + 1)), CutReason::kNone);
  }
  EXPECT_EQ(limits_.recent_resets(), 0);
}

TEST_F(ConnectionLimitsTest, AClientWhoseCallsAreAnsweredMayTakeOneInTwentyBack) {
  uint32_t stream = 1;
  for (int second = 0; second < 60; ++second) {
    for (int i = 0; i < 5'000; ++i, stream += 2) {
      ASSERT_EQ(Take(Call(stream), absl::Seconds(second)), CutReason::kNone) << second;
      if (i % 20 == 0) {
        ASSERT_EQ(Take(Reset(stream), absl::Seconds(second)), CutReason::kNone) << second;
      } else {
        limits_.Sent(Trailers(stream));
      }
    }
  }
  EXPECT_LT(limits_.recent_resets(), 100);
}

TEST_F(ConnectionLimitsTest, AnAnswerToACallThatWasTakenBackEarnsNothing) {
  uint32_t stream = 1;
  for (int i = 0; i < kResetsBurst; ++i, stream += 2) {
    ASSERT_EQ(Take(Call(stream) + Reset(stream)), CutReason::kNone);
    limits_.Sent(Trailers(stream) + FrameOf(3, 0, stream, std::string(4, '\0')));
  }
  EXPECT_EQ(Take(Call(stream) + Reset(stream)), CutReason::kResets);
}

TEST_F(ConnectionLimitsTest, ResetsThatGatheredWhileNothingWasReceivedComeOnTopOfTheBurst) {
  const absl::Duration late = 2 * kResetsGapMax;
  const int at_once = static_cast<int>(kResetsBurst + kResetsPerSecond * absl::ToDoubleSeconds(kResetsGapMax));
  uint32_t stream = 1;
  for (int i = 0; i < at_once; ++i, stream += 2) {
    // In many pieces, some milliseconds apart.
    ASSERT_EQ(Take(Call(stream) + Reset(stream), late + absl::Microseconds(i)), CutReason::kNone) << i;
  }
  EXPECT_EQ(Take(Call(stream) + Reset(stream), late), CutReason::kResets);
}

TEST_F(ConnectionLimitsTest, IsIdleOnceTheLastFrameIsOutWhole) {
  ASSERT_EQ(Take(Call(1)), CutReason::kNone);
  limits_.Sent(FrameOf(7, 0, 0, "last stream and so on"));
  EXPECT_FALSE(limits_.idle());
  const std::string end = Trailers(1);
  limits_.Sent(end.substr(0, end.size() - 1));
  EXPECT_EQ(limits_.open_calls(), 0);
  EXPECT_FALSE(limits_.idle());
  limits_.Sent(end.substr(end.size() - 1));
  EXPECT_TRUE(limits_.idle());
}

TEST_F(ConnectionLimitsTest, HeadersOfACallAreLimitedOverAllItsFrames) {
  ASSERT_EQ(Take(FrameOf(1, 0, 1, std::string(16'000, 'h'))), CutReason::kNone);
  CutReason reason = CutReason::kNone;
  int frames = 0;
  for (; reason == CutReason::kNone; ++frames) reason = Take(FrameOf(9, 0, 1, std::string(16'000, 'h')));
  EXPECT_EQ(reason, CutReason::kHeaders);
  EXPECT_EQ(frames, 4);
}

TEST_F(ConnectionLimitsTest, EmptyContinuationsAreLimited) {
  ASSERT_EQ(Take(FrameOf(1, 0, 1, "h")), CutReason::kNone);
  for (int i = 0; i < kContinuationsMax; ++i) ASSERT_EQ(Take(FrameOf(9, 0, 1)), CutReason::kNone);
  EXPECT_EQ(Take(FrameOf(9, 0, 1)), CutReason::kHeaders);
}

TEST_F(ConnectionLimitsTest, FramesThatAskForNothingAreLimited) {
  for (int i = 0; i < kIdleFramesBurst; ++i) ASSERT_EQ(Take(Ping()), CutReason::kNone);
  EXPECT_EQ(Take(Ping()), CutReason::kIdleFrames);
}

TEST_F(ConnectionLimitsTest, APingForEachPartOfAnAnswerIsFine) {
  ASSERT_EQ(Take(Call(1)), CutReason::kNone);
  for (int i = 0; i < 3 * kIdleFramesBurst; ++i) {
    limits_.Sent(FrameOf(0, 0, 1, "part"));
    ASSERT_EQ(Take(Ping()), CutReason::kNone);
  }
}

TEST_F(ConnectionLimitsTest, WhoSpeaksNoHttp2IsCutAtTheFirstWrongByte) {
  ConnectionLimits limits(kCallsMax);
  EXPECT_EQ(limits.Received("PRI * HTTP/2", kStart), CutReason::kNone);
  EXPECT_EQ(limits.Received(".1", kStart), CutReason::kNoHttp2);
}

TEST_F(ConnectionLimitsTest, GoawayIsSeen) {
  EXPECT_FALSE(limits_.goaway_sent());
  limits_.Sent(FrameOf(7, 0, 0, "last stream and so on"));
  EXPECT_TRUE(limits_.goaway_sent());
}

}  // namespace
}  // namespace suppressd
