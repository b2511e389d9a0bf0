// Where a call goes when the target is unavailable.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "client/internal/policy_connection.h"
#include "client/mocks/mock_connection.h"
#include "fake_service.h"
#include "suppressd/client.h"

namespace suppressd {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Return;

// Two services, and a client of the first that falls back to the second.
class FallbackTest : public ::testing::Test {
 protected:
  Client MakeClient() {
    ClientOptions options = sidecar_.ClientOptions();
    options.fallback_target = server_.target();
    return *Client::Create(options);
  }

  static grpc::Status Unavailable(v1::ErrorReason reason) {
    return WireError(grpc::StatusCode::UNAVAILABLE, reason, "not now");
  }

  FakeService sidecar_;
  FakeService server_;
};

TEST_F(FallbackTest, TheFallbackIsLeftAloneWhileTheTargetAnswers) {
  sidecar_.on_check = [](const auto&, v1::IsSuppressedResponse* response) {
    response->set_revision_token("sidecar");
    return grpc::Status::OK;
  };
  EXPECT_EQ(MakeClient().IsSuppressed("a@example.com")->revision_token, "sidecar");
}

TEST_F(FallbackTest, TheFallbackAnswersWhatTheTargetCannot) {
  server_.on_check = [](const auto&, v1::IsSuppressedResponse* response) {
    response->set_revision_token("server");
    return grpc::Status::OK;
  };
  for (const v1::ErrorReason reason :
       {v1::REPLICA_NOT_READY, v1::TOO_STALE, v1::UPSTREAM_UNREACHABLE, v1::REVISION_NOT_REACHED, v1::SHUTTING_DOWN}) {
    sidecar_.on_check = [&](const auto&, auto*) { return Unavailable(reason); };
    const absl::StatusOr<CheckResult> result = MakeClient().IsSuppressed("a@example.com");
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->revision_token, "server");
  }
}

TEST_F(FallbackTest, ATargetThatIsGoneIsFallenBackFrom) {
  server_.on_check = [](const auto&, auto*) { return grpc::Status::OK; };
  sidecar_.Stop();
  const Client client = MakeClient();
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(client.IsSuppressed("a@example.com").ok());
}

TEST_F(FallbackTest, AWriteKeepsItsRequestIdWhereverItGoes) {
  std::vector<std::string> ids;
  const auto note = [&](const v1::ReportBounceRequest& request) { ids.push_back(request.request_id()); };
  sidecar_.on_report = [&](const v1::ReportBounceRequest& request, auto*) {
    note(request);
    return Unavailable(v1::OUTBOX_FULL);
  };
  server_.on_report = [&](const v1::ReportBounceRequest& request, auto*) {
    note(request);
    return ids.size() < 4 ? Unavailable(v1::OVERLOADED) : grpc::Status::OK;
  };
  ReportRequest request;
  request.report = Complaint{"a@example.com", "", ""};
  EXPECT_TRUE(MakeClient().ReportBounce(request).ok());
  ASSERT_EQ(ids.size(), 4u);
  EXPECT_THAT(ids, ElementsAre(ids[0], ids[0], ids[0], ids[0]));
  EXPECT_EQ(ids[0].size(), 36u);
}

TEST_F(FallbackTest, WhatTheTargetRefusesIsRefused) {
  sidecar_.on_check = [](const auto&, auto*) {
    return WireError(grpc::StatusCode::INVALID_ARGUMENT, v1::INVALID_ADDRESS, "no address");
  };
  server_.on_check = [](const auto&, auto*) { return grpc::Status::OK; };
  EXPECT_EQ(ErrorReason(MakeClient().IsSuppressed("a@example.com").status()), "INVALID_ADDRESS");
}

TEST_F(FallbackTest, WhatTheFallbackRefusesIsRefused) {
  sidecar_.on_check = [](const auto&, auto*) { return Unavailable(v1::REPLICA_NOT_READY); };
  server_.on_check = [](const auto&, auto*) {
    return WireError(grpc::StatusCode::INVALID_ARGUMENT, v1::INVALID_ADDRESS, "no address");
  };
  EXPECT_EQ(ErrorReason(MakeClient().IsSuppressed("a@example.com").status()), "INVALID_ADDRESS");
}

TEST_F(FallbackTest, ASilentTargetLeavesTheFallbackTimeToAnswer) {
  std::atomic<bool> done{false};
  sidecar_.on_check = [&](const auto&, auto*) {
    while (!done) std::this_thread::yield();
    return grpc::Status::OK;
  };
  server_.on_check = [](const auto&, v1::IsSuppressedResponse* response) {
    response->set_revision_token("server");
    return grpc::Status::OK;
  };
  CheckRequest request;
  request.address = "a@example.com";
  CallOptions call;
  call.timeout = absl::Seconds(2);
  const absl::StatusOr<CheckResult> result = MakeClient().IsSuppressed(request, call);
  EXPECT_EQ(result.ok() ? result->revision_token : result.status().ToString(), "server");
  done = true;
  sidecar_.Stop();  // the handler still looks at `done`
}

TEST_F(FallbackTest, AWatchGoesOnAtTheFallback) {
  sidecar_.on_watch = [](grpc::ServerContext*, const auto&, grpc::ServerWriter<v1::WatchResponse>* writer) {
    v1::WatchResponse step;
    step.set_revision_token("1");
    step.add_changes();
    writer->Write(step);
    return grpc::Status::OK;
  };
  std::vector<std::string> starts;
  server_.on_watch = [&](grpc::ServerContext*, const v1::WatchRequest& request,
                         grpc::ServerWriter<v1::WatchResponse>* writer) {
    starts.push_back(request.after());
    v1::WatchResponse step;
    step.set_revision_token("2");
    step.add_changes();
    writer->Write(step);
    return grpc::Status::OK;
  };
  const Client client = MakeClient();
  std::vector<std::string> tokens;
  const absl::Status status = client.Watch(WatchRequest(), [&](const WatchStep& step) {
    tokens.push_back(step.revision_token);
    if (tokens.size() == 1) sidecar_.Stop();
    return tokens.size() < 2;
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(tokens, ElementsAre("1", "2"));
  EXPECT_THAT(starts, ElementsAre("1"));
}

// One try, in fake time.
class FallbackTryTest : public ::testing::Test {
 protected:
  FallbackTryTest() { call_.timeout = absl::Seconds(10); }

  static ClientOptions OneTry() {
    ClientOptions options;
    options.retry.max_attempts = 1;
    return options;
  }
  client_internal::RetryEnvironment Environment() {
    client_internal::RetryEnvironment environment = client_internal::SystemRetryEnvironment();
    environment.now = [this] { return now_; };
    return environment;
  }
  absl::StatusOr<CheckResult> Check() { return connection_.IsSuppressed(CheckRequest(), call_); }

  absl::Time now_ = absl::UnixEpoch();
  CallOptions call_;
  std::shared_ptr<MockConnection> target_ = std::make_shared<MockConnection>();
  std::shared_ptr<MockConnection> fallback_ = std::make_shared<MockConnection>();
  client_internal::PolicyConnection connection_{target_, fallback_, OneTry(), Environment()};
};

TEST_F(FallbackTryTest, TheTargetMayTakeHalfOfTheTime) {
  EXPECT_CALL(*target_, IsSuppressed(testing::_, Field(&CallOptions::timeout, absl::Seconds(5))))
      .WillOnce([this](const CheckRequest&, const CallOptions& call) {
        now_ += call.timeout;
        return absl::DeadlineExceededError("silent");
      });
  EXPECT_CALL(*fallback_, IsSuppressed(testing::_, Field(&CallOptions::timeout, absl::Seconds(5))))
      .WillOnce(Return(CheckResult()));
  EXPECT_TRUE(Check().ok());
}

TEST_F(FallbackTryTest, NoTimeLeftIsTheTargetsError) {
  EXPECT_CALL(*target_, IsSuppressed).WillOnce([this](const CheckRequest&, const CallOptions&) {
    now_ += absl::Seconds(10);
    return absl::UnavailableError("late");
  });
  EXPECT_CALL(*fallback_, IsSuppressed).Times(0);
  EXPECT_EQ(Check().status(), absl::UnavailableError("late"));
}

TEST_F(FallbackTryTest, WhenBothAreAwayTheErrorTellsOfBoth) {
  const absl::Status no_replica = MakeError(absl::StatusCode::kUnavailable, v1::REPLICA_NOT_READY, "no replica yet");
  EXPECT_CALL(*target_, IsSuppressed).WillRepeatedly(Return(no_replica));
  EXPECT_CALL(*fallback_, IsSuppressed)
      .WillOnce(Return(absl::UnavailableError("connection refused")))
      .WillOnce(Return(MakeError(absl::StatusCode::kUnavailable, v1::OVERLOADED, "full")));
  const absl::Status first = Check().status();
  EXPECT_TRUE(absl::IsUnavailable(first));
  EXPECT_THAT(std::string(first.message()), HasSubstr("connection refused"));
  EXPECT_THAT(std::string(first.message()), HasSubstr("no replica yet"));
  EXPECT_EQ(ErrorReason(first), "REPLICA_NOT_READY");
  EXPECT_EQ(ErrorReason(Check().status()), "OVERLOADED");
}

}  // namespace
}  // namespace suppressd
