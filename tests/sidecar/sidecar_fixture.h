// A server and sidecars of it, in this process, over real sockets and real directories.
#pragma once

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/app/sidecar_app.h"
#include "tests/testing/temp_directory.h"
#include "tests/testing/test_server.h"

namespace suppressd {

// Waits until something holds; false when it does not within a time that only a hanging test takes.
inline bool Eventually(const std::function<bool()>& holds) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // between two looks
  }
  return true;
}

// A sidecar that ticks by itself, as in its process but faster.
class TestSidecar {
 public:
  explicit TestSidecar(SidecarOptions options) : options_(std::move(options)) { Start(); }
  ~TestSidecar() { Stop(); }

  void Start() {
    auto app = SidecarApp::Start(options_);
    start_status_ = app.status();
    if (!app.ok()) {
      std::cerr << "no sidecar: " << app.status() << "\n";
      return;
    }
    app_ = *std::move(app);
    stopping_ = false;
    ticker_ = std::thread([this] {
      while (!stopping_) {
        ticked_ = app_->Tick();
        if (!ticked_.ok()) return;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    });
    grpc::ChannelArguments arguments;  // a connection of its own, soon made again
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 20);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 100);
    channel_ = grpc::CreateCustomChannel(options_.listen_addresses[0], grpc::InsecureChannelCredentials(), arguments);
    stub_ = v1::SuppressionService::NewStub(channel_);
    replication_stub_ = v1::ReplicationService::NewStub(channel_);
    sidecar_stub_ = v1::SidecarService::NewStub(channel_);
  }
  void Stop(absl::Duration timeout = absl::ZeroDuration()) {
    if (app_ == nullptr) return;
    stopping_ = true;
    ticker_.join();
    app_->Stop(timeout);
    app_.reset();
  }
  // Waits until its ticks end with an error, and returns it.
  absl::Status AwaitEnd() {
    ticker_.join();
    ticker_ = std::thread([] {});
    return ticked_;
  }

  bool AwaitServing() {
    return Eventually([this] { return !app_->addresses().empty(); });
  }
  bool AwaitAttached() {
    return app_ != nullptr && Eventually([this] { return app_->Status().state() == v1::Replica::ATTACHED; }) &&
           AwaitServing();
  }
  bool AwaitDelivered() {
    return Eventually([this] { return app_->Status().outbox_report_count() == 0; });
  }
  v1::GetSidecarStatusResponse Status() { return app_->Status(); }

  v1::SuppressionService::StubInterface& stub() { return *stub_; }
  v1::ReplicationService::StubInterface& replication_stub() { return *replication_stub_; }
  v1::SidecarService::StubInterface& sidecar_stub() { return *sidecar_stub_; }
  SidecarOptions& options() { return options_; }
  const absl::Status& start_status() const { return start_status_; }

 private:
  SidecarOptions options_;
  absl::Status start_status_;
  std::unique_ptr<SidecarApp> app_;
  std::atomic<bool> stopping_{false};
  absl::Status ticked_;
  std::thread ticker_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::SuppressionService::StubInterface> stub_;
  std::unique_ptr<v1::ReplicationService::StubInterface> replication_stub_;
  std::unique_ptr<v1::SidecarService::StubInterface> sidecar_stub_;
};

class SidecarTest : public ::testing::Test {
 protected:
  using Stub = v1::SuppressionService::StubInterface;

  // The server's clock stands at a time long past; that of sidecars goes.
  explicit SidecarTest(StoreOptions store = {}) : server_(store) {
    server_.clock().Advance(absl::Now() - server_.clock().Now());
  }

  SidecarOptions Options(const std::string& name = "one") {
    SidecarOptions options;
    options.listen_addresses = {"unix:" + (directory_ / (name + ".sock"))};
    options.data_dir = directory_ / name;
    options.upstream = server_.address();
    options.replica_id = name;
    options.store.block_cache_mib = 8;
    options.forward_timeout_millis = 500;
    options.log_level = "error";
    return options;
  }

  static grpc::Status Report(Stub& stub, const std::string& address, v1::ReportBounceResponse* response,
                             const std::string& request_id = "") {
    v1::ReportBounceRequest request;
    request.set_request_id(request_id);
    request.mutable_smtp_reply()->set_recipient(address);
    request.mutable_smtp_reply()->set_code(550);
    request.mutable_smtp_reply()->set_text("5.1.1 no such user here");
    grpc::ClientContext context;
    Limit(&context);
    return stub.ReportBounce(&context, request, response);
  }
  // Reports a hard bounce, which must succeed, and returns the token.
  static std::string ReportTo(Stub& stub, const std::string& address) {
    v1::ReportBounceResponse response;
    const grpc::Status status = Report(stub, address, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.revision_token();
  }
  static grpc::Status Check(Stub& stub, const v1::IsSuppressedRequest& request, v1::IsSuppressedResponse* response) {
    grpc::ClientContext context;
    Limit(&context);
    response->Clear();
    return stub.IsSuppressed(&context, request, response);
  }
  static v1::IsSuppressedResponse CheckAt(Stub& stub, const std::string& address, const std::string& token = "") {
    v1::IsSuppressedRequest request;
    request.set_address(address);
    request.set_at_least(token);
    v1::IsSuppressedResponse response;
    const grpc::Status status = Check(stub, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  static bool IsSuppressed(Stub& stub, const std::string& address, const std::string& token = "") {
    return CheckAt(stub, address, token).suppressed();
  }
  static void Limit(grpc::ClientContext* context, int seconds = 30) {
    context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(seconds));
  }
  // The checksum over all entries, and the state it is of.
  static v1::RangeChecksumsResponse Sum(v1::ReplicationService::StubInterface& stub, const std::string& at_least) {
    grpc::ClientContext context;
    Limit(&context);
    v1::RangeChecksumsRequest request;
    request.set_at_least(at_least);
    v1::RangeChecksumsResponse response;
    const grpc::Status status = stub.RangeChecksums(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  // Whether the sidecar holds just what the server does, once it has reached the server's state.
  bool IsEqual(TestSidecar& sidecar) {
    const v1::RangeChecksumsResponse server = Sum(server_.replication_stub(), "");
    const v1::RangeChecksumsResponse replica = Sum(sidecar.replication_stub(), server.revision_token());
    return replica.revision_token() == server.revision_token() && replica.entry_count() == server.entry_count() &&
           replica.ranges(0).sha256() == server.ranges(0).sha256();
  }

  TempDirectory directory_;
  TestServer server_;
};

}  // namespace suppressd
