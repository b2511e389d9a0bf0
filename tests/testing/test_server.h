// A whole service on a real Unix socket in a temporary directory, with a fake clock.
#pragma once

#include <grpc/grpc.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "common/error.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/server_builder.h"
#include "server/admin/admin_service.h"
#include "server/base/log.h"
#include "server/list/service.h"
#include "server/replication/replication.h"
#include "storage/log/local_commit_log.h"
#include "storage/store.h"
#include "suppressd/internal/v1/rpc_status.pb.h"
#include "suppressd/v1/admin_service.grpc.pb.h"
#include "suppressd/v1/replication.grpc.pb.h"
#include "suppressd/v1/suppression_service.grpc.pb.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {

class TestServer {
 public:
  explicit TestServer(StoreOptions store_options = {}, ServiceOptions service_options = {},
                      const std::string& rules_file = "", ReplicationOptions replication_options = {})
      : store_options_(store_options),
        service_options_(service_options),
        replication_options_(std::move(replication_options)) {
    store_options_.path = directory_ / "data";
    SetLogLevel("error");
    grpc_init();  // never shut down: between two tests that could wait for a poller of a channel, up to 10 s
    rules_ = *RuleBook::Open("", rules_file);
    Start();
  }
  ~TestServer() { Stop(); }

  void Start() {
    store_ = *Store::Open(store_options_);
    log_ = std::make_unique<LocalCommitLog>();
    if (!log_->Start(&store_->applier()).ok()) std::abort();
    service_ = std::make_unique<SuppressionService>(
        &store_->reader(), log_.get(), rules_.get(), [this] { return clock_.NowForService(); }, service_options_);
    replication_ = std::make_unique<ReplicationService>(
        &store_->reader(), [this] { return clock_.Now(); }, replication_options_);
    admin_ = std::make_unique<AdminService>(
        &store_->reader(), log_.get(), rules_.get(), [this] { return clock_.NowForService(); },
        AdminOptions{.preview = [this](const stored::Command& command) { return store_->applier().Preview(command); }});
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address(), grpc::InsecureServerCredentials());
    builder.SetMaxReceiveMessageSize(32 << 20);
    builder.RegisterService(service_.get());
    builder.RegisterService(replication_.get());
    builder.RegisterService(admin_.get());
    builder.RegisterService(&no_sidecar_);
    server_ = builder.BuildAndStart();
    grpc::ChannelArguments arguments;  // a connection of its own: another's backoff does not count after a restart
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channel_ = grpc::CreateCustomChannel(address(), grpc::InsecureChannelCredentials(), arguments);
    stub_ = v1::SuppressionService::NewStub(channel_);
    replication_stub_ = v1::ReplicationService::NewStub(channel_);
    admin_stub_ = v1::AdminService::NewStub(channel_);
    sidecar_stub_ = v1::SidecarService::NewStub(channel_);
  }
  void Stop() {
    if (server_ == nullptr) return;
    service_->BeginDrain();
    replication_->BeginDrain();
    admin_->BeginDrain();
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
    log_->Close();
    server_.reset();
    admin_.reset();
    replication_.reset();
    service_.reset();
    log_.reset();
    store_.reset();
  }
  void Restart() {
    Stop();
    Start();
  }

  const std::string& data_directory() const { return store_options_.path; }
  // Of the store; it may be damaged between Stop and Start.
  const StoreOptions& store_options() const { return store_options_; }
  std::string address() const { return "unix:" + (directory_ / "s"); }
  const std::string& data_path() const { return store_options_.path; }
  v1::SuppressionService::StubInterface& stub() { return *stub_; }
  v1::ReplicationService::StubInterface& replication_stub() { return *replication_stub_; }
  v1::AdminService::StubInterface& admin_stub() { return *admin_stub_; }
  v1::SidecarService::StubInterface& sidecar_stub() { return *sidecar_stub_; }
  FakeClock& clock() { return clock_; }
  Store& store() { return *store_; }
  LocalCommitLog& log() { return *log_; }
  RuleBook& rules() { return *rules_; }
  SuppressionService& service() { return *service_; }
  ReplicationService& replication() { return *replication_; }

 private:
  TempDirectory directory_;
  StoreOptions store_options_;
  ServiceOptions service_options_;
  ReplicationOptions replication_options_;
  FakeClock clock_{absl::FromUnixSeconds(1'780'000'000)};
  std::unique_ptr<RuleBook> rules_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<LocalCommitLog> log_;
  std::unique_ptr<SuppressionService> service_;
  std::unique_ptr<ReplicationService> replication_;
  std::unique_ptr<AdminService> admin_;
  NoSidecarService no_sidecar_{ReplicationOptions()};
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::SuppressionService::StubInterface> stub_;
  std::unique_ptr<v1::ReplicationService::StubInterface> replication_stub_;
  std::unique_ptr<v1::AdminService::StubInterface> admin_stub_;
  std::unique_ptr<v1::SidecarService::StubInterface> sidecar_stub_;
};

// The ErrorInfo of a gRPC error; empty when it has none.
inline internal::v1::ErrorInfo GrpcErrorInfo(const grpc::Status& status) {
  internal::v1::RpcStatus rpc;
  internal::v1::ErrorInfo info;
  if (!rpc.ParseFromString(status.error_details())) return info;
  for (const auto& detail : rpc.details()) {
    if (detail.type_url() == kErrorInfoTypeUrl && info.ParseFromString(detail.value())) return info;
  }
  return {};
}
// The RetryInfo of a gRPC error; zero when it has none.
inline absl::Duration GrpcRetryDelay(const grpc::Status& status) {
  internal::v1::RpcStatus rpc;
  internal::v1::RetryInfo retry;
  if (!rpc.ParseFromString(status.error_details())) return absl::ZeroDuration();
  for (const auto& detail : rpc.details()) {
    if (detail.type_url() != kRetryInfoTypeUrl || !retry.ParseFromString(detail.value())) continue;
    return absl::Seconds(retry.retry_delay().seconds()) + absl::Nanoseconds(retry.retry_delay().nanos());
  }
  return absl::ZeroDuration();
}
// Its reason, and the request field that it names; empty when it has none.
inline std::string GrpcReason(const grpc::Status& status) {
  return GrpcErrorInfo(status).reason();
}
inline std::string GrpcField(const grpc::Status& status) {
  const internal::v1::ErrorInfo info = GrpcErrorInfo(status);
  const auto found = info.metadata().find("field");
  return found == info.metadata().end() ? "" : found->second;
}

}  // namespace suppressd
