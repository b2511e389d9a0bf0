// suppressd is killed with -9 at random moments while many callers report: after each restart everything that was
// acknowledged is there, and nothing is there that was not sent.
//
// SUPPRESSD_KILL_SEED=N repeats the choice of moments, SUPPRESSD_KILL_ROUNDS=N sets the number of kills.
#include <gmock/gmock.h>

#include <atomic>
#include <cstdlib>
#include <random>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"
#include "suppressd/v1/suppression_service.grpc.pb.h"
#include "tests/testing/server_process.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

constexpr int kCallers = 8;

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::unique_ptr<v1::SuppressionService::Stub> Connect(const ServerProcess& server) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a new connection, not one to an earlier process
  return v1::SuppressionService::NewStub(
      grpc::CreateCustomChannel(server.address(), grpc::InsecureChannelCredentials(), arguments));
}

// Every address on the list.
std::set<std::string> ReadList(v1::SuppressionService::Stub* stub) {
  std::set<std::string> addresses;
  v1::ListSuppressionsRequest request;
  request.set_page_size(1000);
  do {
    grpc::ClientContext context;
    v1::ListSuppressionsResponse response;
    const grpc::Status status = stub->ListSuppressions(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    if (!status.ok()) break;
    for (const auto& suppression : response.suppressions()) {
      EXPECT_TRUE(addresses.insert(suppression.address()).second) << "listed twice";
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return addresses;
}

TEST(KillTest, AcknowledgedReportsSurviveAndNothingElseAppears) {
  const uint64_t seed = FromEnvironment("SUPPRESSD_KILL_SEED", std::random_device()());
  const int rounds = static_cast<int>(FromEnvironment("SUPPRESSD_KILL_ROUNDS", SUPPRESSD_SANITIZED ? 15 : 50));
  std::printf("SUPPRESSD_KILL_SEED=%llu SUPPRESSD_KILL_ROUNDS=%d\n", static_cast<unsigned long long>(seed), rounds);
  std::mt19937_64 random(seed);
  TempDirectory directory;
  const std::vector<std::string> arguments = {"--data_dir=" + (directory / "data"),
                                              "--listen_address=unix:" + (directory / "socket"), "--log_level=error"};
  std::set<std::string> acknowledged, sent;
  for (int round = 0; round <= rounds; ++round) {
    ServerProcess server(directory / "port", arguments);
    ASSERT_TRUE(server.started()) << "round " << round;
    const std::set<std::string> listed = ReadList(Connect(server).get());
    for (const std::string& address : acknowledged) ASSERT_TRUE(listed.contains(address)) << "lost in round " << round;
    for (const std::string& address : listed) ASSERT_TRUE(sent.contains(address)) << "invented in round " << round;
    acknowledged = listed;  // what turned out to be there must stay
    if (round == rounds) break;

    // The kill comes when so many reports are acknowledged, which is any moment of the server's work.
    const int kill_after = static_cast<int>(random() % 300);
    std::atomic<int> count = 0;
    std::atomic<bool> stop = false;
    std::vector<std::vector<std::string>> done(kCallers), tried(kCallers);
    std::vector<std::thread> callers;
    for (int caller = 0; caller < kCallers; ++caller) {
      callers.emplace_back([&, caller] {
        const auto stub = Connect(server);
        for (int i = 0; !stop; ++i) {
          const std::string address = absl::StrCat("r", round, ".c", caller, ".", i, "@example.com");
          grpc::ClientContext context;
          v1::ReportBounceRequest request;
          v1::ReportBounceResponse response;
          request.mutable_smtp_reply()->set_recipient(address);
          request.mutable_smtp_reply()->set_text("550 5.1.1 no such user");
          tried[caller].push_back(address);
          if (!stub->ReportBounce(&context, request, &response).ok()) break;
          done[caller].push_back(address);
          ++count;
        }
      });
    }
    std::thread killer([&] {
      while (count < kill_after) std::this_thread::yield();
      server.End(SIGKILL);
      stop = true;
    });
    killer.join();
    for (std::thread& caller : callers) caller.join();
    for (const auto& addresses : done) acknowledged.insert(addresses.begin(), addresses.end());
    for (const auto& addresses : tried) sent.insert(addresses.begin(), addresses.end());
  }
  std::printf("%zu acknowledged or found, %zu sent, %d kills\n", acknowledged.size(), sent.size(), rounds);
  EXPECT_GT(acknowledged.size(), static_cast<size_t>(rounds));
}

TEST(KillTest, OrderlyStopExitsWithZeroAndLosesNothing) {
  TempDirectory directory;
  const std::vector<std::string> arguments = {"--data_dir=" + (directory / "data"),
                                              "--listen_address=unix:" + (directory / "socket"), "--log_level=error"};
  for (int round = 0; round < 2; ++round) {
    ServerProcess server(directory / "port", arguments);
    ASSERT_TRUE(server.started());
    const auto stub = Connect(server);
    EXPECT_EQ(ReadList(stub.get()).size(), static_cast<size_t>(round));
    grpc::ClientContext context;
    v1::ReportBounceRequest request;
    v1::ReportBounceResponse response;
    request.mutable_smtp_reply()->set_recipient("jo@example.com");
    request.mutable_smtp_reply()->set_text("550 5.1.1 no such user");
    EXPECT_TRUE(stub->ReportBounce(&context, request, &response).ok());
    EXPECT_EQ(server.End(SIGTERM), 0);
  }
}

}  // namespace
}  // namespace suppressd
