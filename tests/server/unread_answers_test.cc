#include "server/rpc/unread_answers.h"

#include <gmock/gmock.h>

namespace suppressd {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

TEST(UnreadAnswersTest, RoomIsTakenUntilTheAnswerIsRead) {
  UnreadAnswers unread(100);
  const uint64_t first = unread.Add(
      60, [] { FAIL() << "it is read at once"; }, kNow);
  EXPECT_NE(first, 0);
  EXPECT_EQ(unread.Add(
                60, [] {}, kNow),
            0);
  unread.Remove(first);
  EXPECT_NE(unread.Add(
                60, [] {}, kNow),
            0);
}

TEST(UnreadAnswersTest, WhoeverDoesNotReadMakesRoomOldestFirst) {
  UnreadAnswers unread(100);
  int cancelled = 0;
  unread.Add(
      40, [&] { cancelled += 1; }, kNow);
  unread.Add(
      40, [&] { cancelled += 10; }, kNow + absl::Milliseconds(1));
  EXPECT_NE(unread.Add(
                60, [] {}, kNow + kUnreadGrace + absl::Milliseconds(2)),
            0);
  EXPECT_EQ(cancelled, 1);
}

TEST(UnreadAnswersTest, AnAnswerLargerThanAllIsTakenWhenItIsTheOnlyOne) {
  UnreadAnswers unread(100);
  EXPECT_NE(unread.Add(
                200, [] {}, kNow),
            0);
}

}  // namespace
}  // namespace suppressd
