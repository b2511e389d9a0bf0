// What a Client adds to its Connection, shown with the installed mock.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/mocks/mock_connection.h"
#include "suppressd/client.h"

namespace suppressd {
namespace {

using ::testing::_;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::Return;

class PolicyTest : public ::testing::Test {
 protected:
  Client MakeClient(WhenUnavailable when_unavailable = WhenUnavailable::kError) {
    options_.when_unavailable = when_unavailable;
    return Client(connection_, options_);
  }

  ClientOptions options_;
  std::shared_ptr<MockConnection> connection_ = std::make_shared<MockConnection>();
};

TEST_F(PolicyTest, AnAnswerIsPassedOnAsItIs) {
  CheckResult answer;
  answer.suppressed = true;
  answer.revision_token = "t";
  EXPECT_CALL(*connection_, IsSuppressed).WillOnce(Return(answer));
  const absl::StatusOr<CheckResult> result = MakeClient(WhenUnavailable::kAllow).IsSuppressed("a@example.com");
  EXPECT_TRUE(result->suppressed);
  EXPECT_FALSE(result->assumed);
  EXPECT_EQ(result->revision_token, "t");
}

TEST_F(PolicyTest, TenantAndDeadlineAreFilledIn) {
  options_.tenant = "acme";
  options_.deadline = absl::Seconds(7);
  EXPECT_CALL(*connection_,
              IsSuppressed(AllOf(Field(&CheckRequest::tenant, "acme"), Field(&CheckRequest::address, "a")),
                           Field(&CallOptions::timeout, absl::Seconds(7))));
  EXPECT_CALL(*connection_,
              Suppress(Field(&SuppressRequest::tenant, "own"), Field(&CallOptions::timeout, absl::Seconds(1))));
  (void)MakeClient().IsSuppressed("a");
  SuppressRequest request;
  request.tenant = "own";
  CallOptions call;
  call.timeout = absl::Seconds(1);
  (void)MakeClient().Suppress(request, call);
}

TEST_F(PolicyTest, UnavailableIsAnErrorByDefault) {
  EXPECT_CALL(*connection_, IsSuppressed).WillOnce(Return(absl::UnavailableError("down")));
  EXPECT_TRUE(absl::IsUnavailable(MakeClient().IsSuppressed("a@example.com").status()));
}

TEST_F(PolicyTest, AllowAssumesNotSuppressedAndSaysSo) {
  for (const absl::Status& status : {absl::UnavailableError("down"), absl::DeadlineExceededError("silent")}) {
    EXPECT_CALL(*connection_, IsSuppressed).WillOnce(Return(status));
    const absl::StatusOr<CheckResult> result = MakeClient(WhenUnavailable::kAllow).IsSuppressed("a@example.com");
    ASSERT_TRUE(result.ok());
    EXPECT_FALSE(result->suppressed);
    EXPECT_TRUE(result->assumed);
    EXPECT_EQ(result->unavailable, status);
  }
}

TEST_F(PolicyTest, SuppressAssumesSuppressedAndSaysSo) {
  EXPECT_CALL(*connection_, IsSuppressed).WillOnce(Return(absl::UnavailableError("down")));
  const absl::StatusOr<CheckResult> result = MakeClient(WhenUnavailable::kSuppress).IsSuppressed("a@example.com");
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(result->suppressed);
  EXPECT_TRUE(result->assumed);
}

TEST_F(PolicyTest, ARefusedRequestIsNeverAssumedAway) {
  for (const auto when : {WhenUnavailable::kAllow, WhenUnavailable::kSuppress}) {
    EXPECT_CALL(*connection_, IsSuppressed).WillOnce(Return(absl::InvalidArgumentError("no address")));
    EXPECT_TRUE(absl::IsInvalidArgument(MakeClient(when).IsSuppressed("nonsense").status()));
  }
}

TEST_F(PolicyTest, ABatchIsAssumedAsAWhole) {
  EXPECT_CALL(*connection_, BatchIsSuppressed).Times(2).WillRepeatedly(Return(absl::UnavailableError("down")));
  BatchRequest request;
  request.addresses = {"a@example.com", "b@example.com"};
  const absl::StatusOr<BatchResult> allowed = MakeClient(WhenUnavailable::kAllow).BatchIsSuppressed(request);
  ASSERT_TRUE(allowed.ok());
  EXPECT_TRUE(allowed->assumed);
  EXPECT_TRUE(allowed->MaySend(0) && allowed->MaySend(1));
  const absl::StatusOr<BatchResult> suppressed = MakeClient(WhenUnavailable::kSuppress).BatchIsSuppressed(request);
  ASSERT_TRUE(suppressed.ok());
  EXPECT_TRUE(suppressed->assumed);
  EXPECT_FALSE(suppressed->MaySend(0) || suppressed->MaySend(1));
}

TEST_F(PolicyTest, WritesAreNeverAssumed) {
  EXPECT_CALL(*connection_, ReportBounce).WillOnce(Return(absl::UnavailableError("down")));
  EXPECT_TRUE(absl::IsUnavailable(MakeClient(WhenUnavailable::kAllow).ReportBounce(ReportRequest()).status()));
}

TEST_F(PolicyTest, MaySendIsTrueForNotSuppressedOnly) {
  BatchResult result;
  result.answers = {Answer::kNotSuppressed, Answer::kSuppressed,     Answer::kFailed,       Answer::kNotKnown,
                    Answer::kUnspecified,   static_cast<Answer>(77), Answer::kNotSuppressed};
  for (int32_t i = 0; i < 7; ++i) EXPECT_EQ(result.MaySend(i), i == 0 || i == 6) << i;
  EXPECT_FALSE(result.MaySend(7)) << "nobody answered for it";
  EXPECT_FALSE(result.MaySend(-1));
}

Page MakePage(const std::vector<std::string>& addresses, const std::string& next) {
  Page page;
  for (const std::string& address : addresses) {
    page.suppressions.emplace_back();
    page.suppressions.back().address = address;
  }
  page.next_page_token = next;
  page.revision_token = "t";
  return page;
}

class ForEachTest : public PolicyTest {
 protected:
  absl::StatusOr<ForEachResult> Walk(int64_t limit, size_t stop_after = 1000) {
    return MakeClient().ForEachSuppression(ListRequest(), limit, [this, stop_after](const Suppression& entry) {
      seen_.push_back(entry.address);
      return seen_.size() < stop_after;
    });
  }
  std::vector<std::string> seen_;
};

TEST_F(ForEachTest, WalksPastEmptyPagesToTheEnd) {
  EXPECT_CALL(*connection_, ListSuppressions(Field(&ListRequest::page_token, ""), _))
      .WillOnce(Return(MakePage({"a", "b"}, "2")));
  EXPECT_CALL(*connection_, ListSuppressions(Field(&ListRequest::page_token, "2"), _))
      .WillOnce(Return(MakePage({}, "3")));
  EXPECT_CALL(*connection_, ListSuppressions(Field(&ListRequest::page_token, "3"), _))
      .WillOnce(Return(MakePage({"c"}, "")));
  const absl::StatusOr<ForEachResult> result = Walk(10);
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(seen_, ElementsAre("a", "b", "c"));
  EXPECT_TRUE(result->at_end);
  EXPECT_EQ(result->visited, 3);
  EXPECT_EQ(result->revision_token, "t");
}

TEST_F(ForEachTest, StopsAtTheLimitWithoutAskingForMore) {
  EXPECT_CALL(*connection_, ListSuppressions).WillOnce(Return(MakePage({"a", "b"}, "2")));
  const absl::StatusOr<ForEachResult> result = Walk(2);
  EXPECT_THAT(seen_, ElementsAre("a", "b"));
  EXPECT_FALSE(result->at_end);
}

TEST_F(ForEachTest, StopsWhenTheVisitorSaysSo) {
  EXPECT_CALL(*connection_, ListSuppressions).WillOnce(Return(MakePage({"a", "b"}, "")));
  const absl::StatusOr<ForEachResult> result = Walk(10, 1);
  EXPECT_THAT(seen_, ElementsAre("a"));
  EXPECT_FALSE(result->at_end);
}

TEST_F(ForEachTest, APageThatRepeatsItselfIsAnError) {
  EXPECT_CALL(*connection_, ListSuppressions).Times(2).WillRepeatedly(Return(MakePage({}, "again")));
  EXPECT_EQ(Walk(10).status().code(), absl::StatusCode::kInternal);
}

TEST_F(ForEachTest, ALimitOfZeroIsRefused) {
  EXPECT_CALL(*connection_, ListSuppressions).Times(0);
  EXPECT_TRUE(absl::IsInvalidArgument(Walk(0).status()));
}

TEST_F(PolicyTest, AWatchHidesHeartbeatsUnlessAsked) {
  EXPECT_CALL(*connection_, Watch).WillRepeatedly([](const WatchRequest&, const OnStep& on_step, const Cancellation&) {
    WatchStep step;
    EXPECT_TRUE(on_step(step));
    step.changes.resize(1);
    return on_step(step) ? absl::InternalError("went on") : absl::OkStatus();
  });
  for (const bool heartbeats : {false, true}) {
    WatchRequest request;
    request.heartbeats = heartbeats;
    int steps = 0;
    EXPECT_TRUE(MakeClient()
                    .Watch(request,
                           [&](const WatchStep& step) {
                             ++steps;
                             return step.changes.empty();
                           })
                    .ok());
    EXPECT_EQ(steps, heartbeats ? 2 : 1);
  }
}

TEST_F(PolicyTest, AWatchIsForTheTenantOfTheClient) {
  options_.tenant = "acme";
  EXPECT_CALL(*connection_, Watch(Field(&WatchRequest::tenants, ElementsAre("acme")), _, _));
  (void)MakeClient().Watch(WatchRequest(), [](const WatchStep&) { return true; });
}

}  // namespace
}  // namespace suppressd
