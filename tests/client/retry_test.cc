#include "client/internal/retry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "client/internal/policy_connection.h"
#include "client/mocks/mock_connection.h"
#include "common/error.h"
#include "common/uuid.h"
#include "suppressd/internal/v1/rpc_status.pb.h"

namespace suppressd::client_internal {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Return;

// Time that passes only in sleep, jitter that is always the upper bound, ids that count.
class FakeWorld {
 public:
  RetryEnvironment environment() {
    RetryEnvironment result;
    result.now = [this] { return now; };
    result.sleep = [this](absl::Duration duration, const Cancellation& cancellation) {
      sleeps.push_back(duration);
      now += duration;
      if (on_sleep) on_sleep(cancellation);
    };
    result.random = [this] { return random; };
    result.request_id = [this] { return "id-" + std::to_string(++ids); };
    return result;
  }

  absl::Time now = absl::UnixEpoch();
  std::vector<absl::Duration> sleeps;
  std::function<void(const Cancellation&)> on_sleep;
  double random = 1.0;
  int ids = 0;
};

class RetryTest : public ::testing::Test {
 protected:
  RetryTest() {
    options_.retry.max_attempts = 5;
    options_.retry.initial_backoff = absl::Milliseconds(100);
    options_.retry.max_backoff = absl::Milliseconds(300);
    call_.timeout = absl::Seconds(10);
  }

  PolicyConnection Connection() { return PolicyConnection(inner_, nullptr, options_, world_.environment()); }

  static absl::Status Unavailable(absl::Duration retry_delay = absl::ZeroDuration()) {
    absl::Status status = MakeError(absl::StatusCode::kUnavailable, v1::OVERLOADED, "too many calls");
    internal::v1::RetryInfo info;
    info.mutable_retry_delay()->set_seconds(absl::ToInt64Seconds(retry_delay));
    if (retry_delay > absl::ZeroDuration()) status.SetPayload(kRetryInfoTypeUrl, absl::Cord(info.SerializeAsString()));
    return status;
  }

  FakeWorld world_;
  ClientOptions options_;
  CallOptions call_;
  std::shared_ptr<MockConnection> inner_ = std::make_shared<MockConnection>();
};

TEST_F(RetryTest, UnavailableIsTriedAgainUntilItSucceeds) {
  EXPECT_CALL(*inner_, IsSuppressed)
      .WillOnce(Return(Unavailable()))
      .WillOnce(Return(Unavailable()))
      .WillOnce(Return(CheckResult()));
  EXPECT_TRUE(Connection().IsSuppressed(CheckRequest(), call_).ok());
  EXPECT_THAT(world_.sleeps, ElementsAre(absl::Milliseconds(100), absl::Milliseconds(200)));
}

TEST_F(RetryTest, EveryOtherErrorIsFinal) {
  for (int code = 1; code <= 16; ++code) {
    if (code == static_cast<int>(absl::StatusCode::kUnavailable)) continue;
    EXPECT_CALL(*inner_, IsSuppressed).WillOnce(Return(absl::Status(static_cast<absl::StatusCode>(code), "no")));
    EXPECT_EQ(static_cast<int>(Connection().IsSuppressed(CheckRequest(), call_).status().code()), code);
    EXPECT_TRUE(world_.sleeps.empty());
  }
}

TEST_F(RetryTest, BackoffDoublesUpToItsMaximum) {
  EXPECT_CALL(*inner_, IsSuppressed).Times(5).WillRepeatedly(Return(Unavailable()));
  const absl::Status status = Connection().IsSuppressed(CheckRequest(), call_).status();
  EXPECT_THAT(world_.sleeps, ElementsAre(absl::Milliseconds(100), absl::Milliseconds(200), absl::Milliseconds(300),
                                         absl::Milliseconds(300)));
  EXPECT_THAT(std::string(status.message()), HasSubstr("after 5 attempts"));
  EXPECT_EQ(ReasonOf(status), v1::OVERLOADED);
}

TEST_F(RetryTest, JitterScalesTheWholeWait) {
  world_.random = 0.25;
  EXPECT_CALL(*inner_, IsSuppressed).WillOnce(Return(Unavailable())).WillOnce(Return(CheckResult()));
  EXPECT_TRUE(Connection().IsSuppressed(CheckRequest(), call_).ok());
  EXPECT_THAT(world_.sleeps, ElementsAre(absl::Milliseconds(25)));
}

TEST_F(RetryTest, TheServersRetryInfoIsWaitedFor) {
  EXPECT_CALL(*inner_, IsSuppressed).WillOnce(Return(Unavailable(absl::Seconds(3)))).WillOnce(Return(CheckResult()));
  EXPECT_TRUE(Connection().IsSuppressed(CheckRequest(), call_).ok());
  EXPECT_THAT(world_.sleeps, ElementsAre(absl::Milliseconds(3100)));
}

TEST_F(RetryTest, ARetryInfoPastTheDeadlineEndsTheCallAtOnce) {
  EXPECT_CALL(*inner_, IsSuppressed).WillOnce(Return(Unavailable(absl::Seconds(10))));
  EXPECT_TRUE(absl::IsUnavailable(Connection().IsSuppressed(CheckRequest(), call_).status()));
  EXPECT_TRUE(world_.sleeps.empty());
}

TEST_F(RetryTest, TheDeadlineCoversAllAttempts) {
  options_.retry.max_attempts = 20;
  call_.timeout = absl::Milliseconds(650);
  std::vector<absl::Duration> left;
  EXPECT_CALL(*inner_, IsSuppressed).WillRepeatedly([&](const CheckRequest&, const CallOptions& call) {
    left.push_back(call.timeout);
    return Unavailable();
  });
  EXPECT_FALSE(Connection().IsSuppressed(CheckRequest(), call_).ok());
  EXPECT_THAT(left, ElementsAre(absl::Milliseconds(650), absl::Milliseconds(550), absl::Milliseconds(350),
                                absl::Milliseconds(50)));
}

TEST_F(RetryTest, AWriteKeepsItsRequestIdAcrossAttempts) {
  std::vector<std::string> ids;
  EXPECT_CALL(*inner_, ReportBounce).WillRepeatedly([&](const ReportRequest& request, const CallOptions&) {
    ids.push_back(request.request_id);
    return ids.size() % 3 == 0 ? absl::StatusOr<ReportResult>(ReportResult()) : Unavailable();
  });
  PolicyConnection connection = Connection();
  EXPECT_TRUE(connection.ReportBounce(ReportRequest(), call_).ok());
  EXPECT_TRUE(connection.ReportBounce(ReportRequest(), call_).ok());
  EXPECT_THAT(ids, ElementsAre("id-1", "id-1", "id-1", "id-2", "id-2", "id-2"));
}

TEST_F(RetryTest, EveryWriteGetsARequestIdUnlessItHasAKey) {
  EXPECT_CALL(*inner_, Suppress(::testing::Field(&SuppressRequest::request_id, "id-1"), _));
  EXPECT_CALL(*inner_, Reactivate(::testing::Field(&ReactivateRequest::request_id, "id-2"), _));
  EXPECT_CALL(*inner_, ReportBounce(::testing::Field(&ReportRequest::request_id, "mine"), _));
  EXPECT_CALL(*inner_, ReportBounce(::testing::Field(&ReportRequest::request_id, ""), _));
  PolicyConnection connection = Connection();
  (void)connection.Suppress(SuppressRequest(), call_);
  (void)connection.Reactivate(ReactivateRequest(), call_);
  ReportRequest report;
  report.request_id = "mine";
  (void)connection.ReportBounce(report, call_);
  report.request_id.clear();
  report.event_id = "evt";
  (void)connection.ReportBounce(report, call_);
}

TEST_F(RetryTest, AWatchResumesAfterTheLastStep) {
  std::vector<std::string> starts;
  EXPECT_CALL(*inner_, Watch)
      .WillRepeatedly([&](const WatchRequest& request, const OnStep& on_step, const Cancellation&) {
        starts.push_back(request.after);
        WatchStep step;
        step.revision_token = "t" + std::to_string(starts.size());
        step.changes.resize(1);
        return on_step(step) ? absl::UnavailableError("cut") : absl::OkStatus();
      });
  int steps = 0;
  WatchRequest request;
  request.after = "t0";
  const absl::Status status = Connection().Watch(
      request, [&](const WatchStep&) { return ++steps < 3; }, Cancellation());
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(starts, ElementsAre("t0", "t1", "t2"));
}

TEST_F(RetryTest, AWatchGivesUpWhenNothingComesForTooLong) {
  options_.watch_retry_for = absl::Seconds(2);
  EXPECT_CALL(*inner_, Watch).WillRepeatedly(Return(absl::UnavailableError("down")));
  const absl::Status status = Connection().Watch(
      WatchRequest(), [](const WatchStep&) { return true; }, Cancellation());
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_LT(world_.now - absl::UnixEpoch(), absl::Seconds(2));
  EXPECT_GT(world_.now - absl::UnixEpoch(), absl::Milliseconds(1500));
}

TEST_F(RetryTest, AWatchDoesNotRetryGoneHistory) {
  EXPECT_CALL(*inner_, Watch).WillOnce(Return(MakeError(absl::StatusCode::kOutOfRange, v1::HISTORY_GONE, "gone")));
  const absl::Status status = Connection().Watch(
      WatchRequest(), [](const WatchStep&) { return true; }, Cancellation());
  EXPECT_EQ(ReasonOf(status), v1::HISTORY_GONE);
}

TEST_F(RetryTest, CancellingEndsAWatchThatWaits) {
  EXPECT_CALL(*inner_, Watch).WillOnce(Return(absl::UnavailableError("down")));
  world_.on_sleep = [](const Cancellation& cancellation) { cancellation.Cancel(); };
  const absl::Status status = Connection().Watch(
      WatchRequest(), [](const WatchStep&) { return true; }, Cancellation());
  EXPECT_TRUE(absl::IsCancelled(status));
}

TEST(RetryWaitTest, ManyFailuresDoNotOverflow) {
  RetryOptions options;
  FakeWorld world;
  EXPECT_EQ(RetryWait(options, world.environment(), 1'000'000, absl::UnavailableError("")), options.max_backoff);
}

TEST(RequestIdTest, IsARandomUuidOfVersionFour) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = NewUuid();
    EXPECT_EQ(id.size(), 36u) << id;
    EXPECT_THAT(id, MatchesRegex("[0-9a-f]+-[0-9a-f]+-4[0-9a-f]+-[89ab][0-9a-f]+-[0-9a-f]+"));
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 1000u);
}

TEST(SystemRetryEnvironmentTest, RandomStaysBelowOne) {
  const RetryEnvironment environment = SystemRetryEnvironment();
  for (int i = 0; i < 1000; ++i) {
    const double value = environment.random();
    EXPECT_GE(value, 0.0);
    EXPECT_LT(value, 1.0);
  }
}

}  // namespace
}  // namespace suppressd::client_internal
