// Real processes: a server and a sidecar, cut off from each other, killed at random moments and started again, while
// senders go on. What was acknowledged is there, what a sender wrote it reads, and no answer goes back in time.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "common/uuid.h"
#include "grpcpp/create_channel.h"
#include "storage/revision_token.h"
#include "suppressd/v1/replication.grpc.pb.h"
#include "suppressd/v1/suppression_service.grpc.pb.h"
#include "tests/testing/server_process.h"
#include "tests/testing/stopping_proxy.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

using std::chrono::milliseconds;
using Stub = v1::SuppressionService::StubInterface;

constexpr int kSenders = 4;
// Shorter under a sanitizer, as in the other long tests.
constexpr int kOperations = SUPPRESSD_SANITIZED ? 4'000 : 10'000;
constexpr int kDisturbances = SUPPRESSD_SANITIZED ? 16 : 40;
constexpr auto kCallMax = std::chrono::seconds(3);
constexpr auto kGiveUp = std::chrono::minutes(3);  // an operation that takes longer is a test that hangs

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 20);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

// Repeats a call until it gets an answer.
template <typename Call>
grpc::Status Insist(const Call& call) {
  const auto give_up = std::chrono::steady_clock::now() + kGiveUp;
  while (true) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallMax);
    const grpc::Status status = call(&context);
    if (status.error_code() != grpc::StatusCode::UNAVAILABLE &&
        status.error_code() != grpc::StatusCode::DEADLINE_EXCEEDED &&
        status.error_code() != grpc::StatusCode::CANCELLED) {
      return status;
    }
    if (std::chrono::steady_clock::now() > give_up) return status;
    std::this_thread::sleep_for(milliseconds(10));
  }
}

// A sender with addresses of its own, which it reports, reactivates and checks through the sidecar.
class Sender {
 public:
  Sender(const std::string& sidecar, int number, uint64_t seed)
      : stub_(v1::SuppressionService::NewStub(Connect(sidecar))), number_(number), random_(seed) {}

  void Operate() {
    const int index = static_cast<int>(random_() % kAddresses);
    switch (random_() % 4) {
      case 0:
        return suppressed_[index] ? Reactivate(index) : Report(index);
      case 1:
        return Check(index, token_);
      default:
        return Check(index, "");
    }
  }

  std::string Address(int index) const {
    return "u" + std::to_string(index) + "@sender" + std::to_string(number_) + ".example.com";
  }
  bool suppressed(int index) const { return suppressed_[index]; }
  int local_reports() const { return local_reports_; }
  static constexpr int kAddresses = 20;

 private:
  void Report(int index) {
    v1::ReportBounceRequest request;
    request.set_request_id(NewUuid());
    request.mutable_smtp_reply()->set_recipient(Address(index));
    request.mutable_smtp_reply()->set_code(550);
    request.mutable_smtp_reply()->set_text("5.1.1 no such user here");
    v1::ReportBounceResponse response;
    const grpc::Status status = Insist([&](auto* context) { return stub_->ReportBounce(context, request, &response); });
    ASSERT_TRUE(status.ok()) << status.error_message();
    suppressed_[index] = true;
    if (response.durability() == v1::ReportBounceResponse::AT_SIDECAR) {
      ++local_reports_;
      Check(index, "", true);  // blocked at once, without a token
    } else {
      token_ = response.revision_token();
      Check(index, token_);
    }
  }

  void Reactivate(int index) {
    v1::ReactivateRequest request;
    request.set_request_id(NewUuid());
    request.set_address(Address(index));
    request.set_note("test");
    v1::ReactivateResponse response;
    const grpc::Status status = Insist([&](auto* context) { return stub_->Reactivate(context, request, &response); });
    ASSERT_TRUE(status.ok()) << status.error_message();
    suppressed_[index] = false;
    token_ = response.revision_token();
    Check(index, token_);
  }

  // Without a token an answer may be old, but never older than one before it.
  void Check(int index, const std::string& token, bool just_reported = false) {
    v1::IsSuppressedRequest request;
    request.set_address(Address(index));
    request.set_at_least(token);
    v1::IsSuppressedResponse response;
    const grpc::Status status = Insist([&](auto* context) {
      response.Clear();
      return stub_->IsSuppressed(context, request, &response);
    });
    ASSERT_TRUE(status.ok()) << status.error_message();
    const auto state = DecodeToken(response.revision_token(), "token");
    ASSERT_TRUE(state.ok());
    EXPECT_GE(state->revision, seen_) << "an answer from before an earlier answer";
    seen_ = state->revision;
    if (just_reported || HasMyWrites(*state)) {
      EXPECT_EQ(response.suppressed(), suppressed_[index]) << Address(index);
    }
  }
  // Whether an answer from this state must show what this sender did last: it does from the state of its newest token
  // on, and what was taken locally shows at once.
  bool HasMyWrites(const RevisionToken& state) const {
    const auto newest = DecodeToken(token_, "token");
    return !newest.ok() || state.revision >= newest->revision;
  }

  const std::unique_ptr<Stub> stub_;
  const int number_;
  std::mt19937_64 random_;
  bool suppressed_[kAddresses] = {};
  std::string token_;
  uint64_t seen_ = 0;
  int local_reports_ = 0;
};

class SidecarProcessTest : public ::testing::Test {
 protected:
  void StartServer() {
    server_ = std::make_unique<ServerProcess>(
        directory_ / "server-ports",
        std::vector<std::string>{"--data_dir=" + (directory_ / "server"), "--log_level=error",
                                 "--listen_address=127.0.0.1:" + std::to_string(server_port_)});
    ASSERT_TRUE(server_->started());
    server_port_ = std::stoi(server_->address().substr(server_->address().rfind(':') + 1));
  }
  void StartSidecar() {
    sidecar_ = std::make_unique<ServerProcess>(
        directory_ / "sidecar-ports",
        std::vector<std::string>{"--data_dir=" + (directory_ / "sidecar"), "--log_level=error",
                                 "--upstream=" + proxy_->address(), "--forward_timeout_millis=300",
                                 "--listen_address=unix:" + (directory_ / "s")},
        "sidecar");
    ASSERT_TRUE(sidecar_->started());
  }

  void Disturb(std::mt19937_64* random) {
    switch ((*random)() % 4) {
      case 0:
        proxy_->SetFrozen(true);
        std::this_thread::sleep_for(milliseconds((*random)() % 500));  // the length of the disturbance
        return proxy_->SetFrozen(false);
      case 1:
        return proxy_->Cut();
      case 2:
        sidecar_->End(SIGKILL);
        return StartSidecar();
      default:
        server_->End(SIGKILL);
        std::this_thread::sleep_for(milliseconds((*random)() % 300));
        return StartServer();
    }
  }

  static v1::RangeChecksumsResponse Sum(const std::string& address, const std::string& at_least) {
    const auto stub = v1::ReplicationService::NewStub(Connect(address));
    v1::RangeChecksumsRequest request;
    request.set_at_least(at_least);
    v1::RangeChecksumsResponse response;
    const grpc::Status status =
        Insist([&](auto* context) { return stub->RangeChecksums(context, request, &response); });
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  TempDirectory directory_;
  int server_port_ = 0;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<StoppingProxy> proxy_;
  std::unique_ptr<ServerProcess> sidecar_;
};

TEST_F(SidecarProcessTest, SendersReadTheirWritesAndNothingIsLostWhateverBreaks) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  StartServer();
  proxy_ = std::make_unique<StoppingProxy>(server_port_);
  StartSidecar();
  const std::string sidecar = "unix:" + (directory_ / "s");

  std::atomic<int> operations{0};
  std::vector<std::unique_ptr<Sender>> senders;
  std::vector<std::thread> threads;
  for (int i = 0; i < kSenders; ++i) senders.push_back(std::make_unique<Sender>(sidecar, i, seed + i));
  for (const auto& sender : senders) {
    threads.emplace_back([&operations, sender = sender.get()] {
      while (operations.fetch_add(1) < kOperations && !::testing::Test::HasFatalFailure()) sender->Operate();
    });
  }
  std::mt19937_64 random(seed);
  for (int i = 1; i <= kDisturbances; ++i) {
    while (operations < kOperations / kDisturbances * i && !::testing::Test::HasFatalFailure()) {
      std::this_thread::sleep_for(milliseconds(2));
    }
    Disturb(&random);
  }
  for (std::thread& thread : threads) thread.join();

  // Everything that was acknowledged arrives, and then both hold the same.
  const auto status_stub = v1::SidecarService::NewStub(Connect(sidecar));
  v1::GetSidecarStatusResponse status;
  const auto give_up = std::chrono::steady_clock::now() + kGiveUp;
  do {
    ASSERT_LT(std::chrono::steady_clock::now(), give_up) << status.DebugString();
    std::this_thread::sleep_for(milliseconds(5));
    status.Clear();
    ASSERT_TRUE(Insist([&](auto* context) { return status_stub->GetSidecarStatus(context, {}, &status); }).ok());
  } while (status.outbox_report_count() > 0);
  EXPECT_EQ(status.outbox_refused_count(), 0);
  const auto server = v1::SuppressionService::NewStub(Connect(server_->address()));
  int local_reports = 0;
  for (const auto& sender : senders) {
    local_reports += sender->local_reports();
    for (int i = 0; i < Sender::kAddresses; ++i) {
      v1::IsSuppressedRequest request;
      request.set_address(sender->Address(i));
      v1::IsSuppressedResponse response;
      ASSERT_TRUE(Insist([&](auto* context) { return server->IsSuppressed(context, request, &response); }).ok());
      EXPECT_EQ(response.suppressed(), sender->suppressed(i)) << sender->Address(i);
    }
  }
  const v1::RangeChecksumsResponse there = Sum(server_->address(), "");
  const v1::RangeChecksumsResponse here = Sum(sidecar, there.revision_token());
  EXPECT_EQ(here.revision_token(), there.revision_token());
  EXPECT_EQ(here.ranges(0).sha256(), there.ranges(0).sha256());
  RecordProperty("local_reports", local_reports);
}

// A line of /proc/PID/status, in KiB.
int64_t StatusKib(pid_t pid, const std::string& name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  std::string word;
  while (file >> word) {
    int64_t kib = 0;
    if (word == name + ":" && file >> kib) return kib;
  }
  return -1;
}

TEST_F(SidecarProcessTest, ManySidecarsAtOnceCostTheServerABoundedAmountOfMemory) {
  constexpr int kSidecars = SUPPRESSD_SANITIZED ? 10 : 50;
  constexpr int kEntries = 5'000;
  // AddressSanitizer holds back 256 MiB of what was freed.
  constexpr int64_t kGrowthMaxKib = (SUPPRESSD_SANITIZED ? 192 + 256 : 192) << 10;
  StartServer();
  const auto server = v1::SuppressionService::NewStub(Connect(server_->address()));
  for (int i = 0; i < kEntries; ++i) {
    v1::SuppressRequest request;
    request.set_address("u" + std::to_string(i) + "@example.com");
    request.set_note(std::string(1'000, 'x'));
    v1::SuppressResponse response;
    grpc::ClientContext context;
    ASSERT_TRUE(server->Suppress(&context, request, &response).ok());
  }
  const int64_t before = StatusKib(server_->pid(), "VmRSS");
  std::vector<std::unique_ptr<ServerProcess>> sidecars(kSidecars);
  std::vector<std::thread> starts;
  for (int i = 0; i < kSidecars; ++i) {
    starts.emplace_back([&, i] {
      const std::string name = "sidecar" + std::to_string(i);
      sidecars[i] = std::make_unique<ServerProcess>(
          directory_ / (name + "-ports"),
          std::vector<std::string>{"--data_dir=" + (directory_ / name), "--log_level=error",
                                   "--upstream=" + server_->address(), "--replica_id=" + name, "--block_cache_mib=8",
                                   "--listen_address=unix:" + (directory_ / name) + ".sock"},
          "sidecar");
    });
  }
  for (std::thread& start : starts) start.join();
  for (const auto& sidecar : sidecars) ASSERT_TRUE(sidecar->started());
  const int64_t after = StatusKib(server_->pid(), "VmHWM");
  EXPECT_GT(before, 0);
  EXPECT_LT(after - before, kGrowthMaxKib) << "snapshots of 5 MB are bounded by those that are made at once";
  const std::string sum = Sum(server_->address(), "").ranges(0).sha256();
  for (const auto& sidecar : sidecars) EXPECT_EQ(Sum(sidecar->address(), "").ranges(0).sha256(), sum);
}

}  // namespace
}  // namespace suppressd
