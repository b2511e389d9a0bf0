// What callers see of an orderly stop, on a whole server in this process.
#include <gmock/gmock.h>

#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "grpcpp/create_channel.h"
#include "server/app/app.h"
#include "server/base/log.h"
#include "storage/revision_token.h"
#include "tests/testing/commands.h"
#include "tests/testing/temp_directory.h"
#include "tests/testing/test_server.h"

namespace suppressd {
namespace {

using Stub = v1::SuppressionService::StubInterface;

class DrainTest : public ::testing::Test {
 protected:
  DrainTest() { Start(); }

  void Start() {
    SetLogLevel("error");
    ServeOptions options;
    options.listen_addresses = {"unix:" + (directory_ / "socket")};
    options.data_dir = options.store.path = directory_ / "data";
    auto app = App::Start(options);
    ASSERT_TRUE(app.ok()) << app.status();
    app_ = *std::move(app);
  }
  std::unique_ptr<Stub> Connect(int number = 0) {
    grpc::ChannelArguments arguments;
    arguments.SetInt("test.channel", number);  // another one is another connection
    return v1::SuppressionService::NewStub(
        grpc::CreateCustomChannel("unix:" + (directory_ / "socket"), grpc::InsecureChannelCredentials(), arguments));
  }

  void AwaitCallInFlight() {
    while (app_->service().calls_in_flight() == 0) std::this_thread::yield();
  }

  TempDirectory directory_;
  std::unique_ptr<App> app_;
};

grpc::Status CheckOnce(Stub* stub) {
  grpc::ClientContext context;
  v1::IsSuppressedRequest request;
  v1::IsSuppressedResponse response;
  request.set_address("jo@example.com");
  return stub->IsSuppressed(&context, request, &response);
}

grpc::Status ReportOnce(Stub* stub, int number) {
  grpc::ClientContext context;
  v1::ReportBounceRequest request;
  v1::ReportBounceResponse response;
  request.mutable_smtp_reply()->set_recipient("u" + std::to_string(number) + "@example.com");
  request.mutable_smtp_reply()->set_text("550 5.1.1 no such user");
  return stub->ReportBounce(&context, request, &response);
}

// Callers that call again as soon as they have an answer, and go away at the first error, as RetryInfo tells them to.
TEST_F(DrainTest, StopUnderLoadAnswersEveryCall) {
  constexpr int kRounds = 5;
  constexpr int kCallers = 16;
  constexpr int kCallsBeforeStop = 1'000;
  std::map<std::string, int> outcomes;
  for (int round = 0; round < kRounds; ++round) {
    absl::Mutex mutex;
    int calls = 0;
    std::vector<std::thread> callers;
    for (int caller = 0; caller < kCallers; ++caller) {
      callers.emplace_back([&, caller] {
        const auto stub = Connect(caller % 4);
        for (bool ok = true; ok;) {
          const grpc::Status status = caller % 2 == 0 ? CheckOnce(stub.get()) : ReportOnce(stub.get(), caller);
          ok = status.ok();
          absl::MutexLock lock(&mutex);
          ++calls;
          ++outcomes[std::to_string(status.error_code()) + " " + GrpcReason(status)];
        }
      });
    }
    const auto enough = [&] { return calls >= kCallsBeforeStop; };
    mutex.LockWhen(absl::Condition(&enough));
    mutex.Unlock();
    app_->Stop(absl::Seconds(30));
    for (std::thread& caller : callers) caller.join();
    app_.reset();
    Start();
  }
  for (const auto& [outcome, count] : outcomes) {
    std::printf("%s: %d\n", outcome.c_str(), count);
    // 14 alone: a caller that was kept from its next call until the socket was gone.
    EXPECT_TRUE(outcome == "0 " || outcome == "14 SHUTTING_DOWN" || outcome == "14 ") << outcome;
  }
  EXPECT_GT(outcomes["14 SHUTTING_DOWN"], 0);
}

TEST_F(DrainTest, CallInFlightIsFinishedWhileNewOnesAreTurnedAway) {
  const auto stub = Connect();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  v1::IsSuppressedRequest request;
  v1::IsSuppressedResponse response;
  request.set_address("jo@example.com");
  request.set_at_least(EncodeToken({app_->store().lineage(), 1}));
  absl::Notification waited;
  grpc::Status status;
  stub->async()->IsSuppressed(&context, &request, &response, [&](grpc::Status answered) {
    status = std::move(answered);
    waited.Notify();
  });
  AwaitCallInFlight();
  std::thread stopper([&] { app_->Stop(absl::Seconds(30)); });
  while (CheckOnce(stub.get()).ok()) {
  }
  EXPECT_EQ(GrpcReason(CheckOnce(stub.get())), "SHUTTING_DOWN");
  EXPECT_FALSE(waited.HasBeenNotified());
  app_->log().Append(HardBounce("jo@example.com", 0), [](const auto&) {});  // reaches the state it waits for
  waited.WaitForNotification();
  EXPECT_TRUE(status.ok()) << status.error_message();
  stopper.join();
}

TEST_F(DrainTest, StopEndsTheStreamOfAReplicaWithOk) {
  const auto stub = v1::ReplicationService::NewStub(
      grpc::CreateChannel("unix:" + (directory_ / "socket"), grpc::InsecureChannelCredentials()));
  absl::Notification written;
  app_->log().Append(HardBounce("jo@example.com", 0), [&](const auto&) { written.Notify(); });
  written.WaitForNotification();
  grpc::ClientContext context;
  v1::FollowRequest request;
  request.set_replica_id("r");
  request.mutable_after()->set_revision_token(EncodeToken({app_->store().lineage(), 0}));
  const auto reader = stub->Follow(&context, request);
  v1::FollowResponse step;
  ASSERT_TRUE(reader->Read(&step));  // where it starts
  ASSERT_TRUE(reader->Read(&step));
  EXPECT_EQ(step.position().revision_token(), EncodeToken({app_->store().lineage(), 1}));
  app_->Stop(absl::Seconds(30));
  EXPECT_FALSE(reader->Read(&step));
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(DrainTest, StopWaitsNoLongerThanItsTimeout) {
  const auto stub = Connect();
  grpc::ClientContext context;
  v1::IsSuppressedRequest request;
  v1::IsSuppressedResponse response;
  request.set_address("jo@example.com");
  request.set_at_least(EncodeToken({app_->store().lineage(), 1}));
  absl::Notification waited;
  stub->async()->IsSuppressed(&context, &request, &response, [&](const grpc::Status&) { waited.Notify(); });
  AwaitCallInFlight();
  const absl::Time start = absl::Now();
  app_->Stop(absl::Milliseconds(50));
  EXPECT_LT(absl::Now() - start, absl::Seconds(8)) << "the read alone would wait for 10 s";
  waited.WaitForNotification();
}

}  // namespace
}  // namespace suppressd
