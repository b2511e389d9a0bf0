// A SuppressionService (and a ReplicationService) on a real Unix socket in a directory of its own, which answers as the
// test says.
//
//   FakeService service;
//   service.on_check = [](const auto& request, auto* response) { response->set_suppressed(true); return
//   grpc::Status::OK; }; Client client = *Client::Create(service.ClientOptions());
//
// Set the handlers before the first call. A call without one is UNIMPLEMENTED.
#pragma once

#include <grpcpp/ext/health_check_service_server_builder_option.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <stdlib.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>

#include "common/error.h"
#include "suppressd/internal/v1/rpc_status.pb.h"
#include "suppressd/options.h"
#include "suppressd/v1/admin_service.grpc.pb.h"
#include "suppressd/v1/replication.grpc.pb.h"
#include "suppressd/v1/suppression_service.grpc.pb.h"

namespace suppressd {

// An error as the service sends it: ErrorInfo, and RetryInfo when retry_ms is not negative.
inline grpc::Status WireError(grpc::StatusCode code, v1::ErrorReason reason, const std::string& message,
                              const std::map<std::string, std::string>& metadata = {}, int retry_ms = -1) {
  internal::v1::ErrorInfo info;
  info.set_reason(ReasonName(reason));
  info.set_domain(kErrorDomain);
  info.mutable_metadata()->insert(metadata.begin(), metadata.end());
  internal::v1::RpcStatus details;
  details.set_code(code);
  details.set_message(message);
  google::protobuf::Any* any = details.add_details();
  any->set_type_url(kErrorInfoTypeUrl);
  any->set_value(info.SerializeAsString());
  if (retry_ms >= 0) {
    internal::v1::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(retry_ms / 1000);
    retry.mutable_retry_delay()->set_nanos(retry_ms % 1000 * 1'000'000);
    any = details.add_details();
    any->set_type_url(kRetryInfoTypeUrl);
    any->set_value(retry.SerializeAsString());
  }
  return grpc::Status(code, message, details.SerializeAsString());
}

// How a test answers a call.
template <typename Request, typename Response>
using Handler = std::function<grpc::Status(const Request&, Response*)>;

template <typename Request, typename Response>
grpc::Status Handle(const Handler<Request, Response>& handler, const Request* request, Response* response) {
  return handler ? handler(*request, response) : grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "no handler");
}

// The calls of ReplicationService that suppressctl makes.
class FakeReplication final : public v1::ReplicationService::Service {
 public:
  Handler<v1::RangeChecksumsRequest, v1::RangeChecksumsResponse> on_checksums;
  Handler<v1::ListReplicasRequest, v1::ListReplicasResponse> on_replicas;

 private:
  grpc::Status RangeChecksums(grpc::ServerContext*, const v1::RangeChecksumsRequest* request,
                              v1::RangeChecksumsResponse* response) override {
    return Handle(on_checksums, request, response);
  }
  grpc::Status ListReplicas(grpc::ServerContext*, const v1::ListReplicasRequest* request,
                            v1::ListReplicasResponse* response) override {
    return Handle(on_replicas, request, response);
  }
};

class FakeSidecar final : public v1::SidecarService::Service {
 public:
  Handler<v1::GetSidecarStatusRequest, v1::GetSidecarStatusResponse> on_status;

 private:
  grpc::Status GetSidecarStatus(grpc::ServerContext*, const v1::GetSidecarStatusRequest* request,
                                v1::GetSidecarStatusResponse* response) override {
    return Handle(on_status, request, response);
  }
};

// The calls of AdminService that suppressctl makes.
class FakeAdmin final : public v1::AdminService::Service {
 public:
  Handler<v1::ListAuditRequest, v1::ListAuditResponse> on_audit;
  Handler<v1::CreateBackupRequest, v1::CreateBackupResponse> on_create_backup;
  Handler<v1::ListBackupsRequest, v1::ListBackupsResponse> on_list_backups;

 private:
  grpc::Status CreateBackup(grpc::ServerContext*, const v1::CreateBackupRequest* request,
                            v1::CreateBackupResponse* response) override {
    return Handle(on_create_backup, request, response);
  }
  grpc::Status ListBackups(grpc::ServerContext*, const v1::ListBackupsRequest* request,
                           v1::ListBackupsResponse* response) override {
    return Handle(on_list_backups, request, response);
  }
  grpc::Status ListAudit(grpc::ServerContext*, const v1::ListAuditRequest* request,
                         v1::ListAuditResponse* response) override {
    return Handle(on_audit, request, response);
  }
};

class FakeService final : public v1::SuppressionService::Service {
 public:
  explicit FakeService(std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials()) {
    char directory[] = "/tmp/suppressd_test.XXXXXX";
    directory_ = mkdtemp(directory);
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    builder.AddListeningPort(target(), credentials);
    builder.RegisterService(this);
    builder.RegisterService(&replication);
    builder.RegisterService(&sidecar);
    builder.RegisterService(&admin);
    server_ = builder.BuildAndStart();
  }
  ~FakeService() override {
    Stop();
    unlink((directory_ + "/socket").c_str());
    rmdir(directory_.c_str());
  }

  // Refuses new calls and ends those in flight.
  void Stop() { server_->Shutdown(std::chrono::system_clock::now()); }

  std::string target() const { return "unix:" + directory_ + "/socket"; }
  suppressd::ClientOptions ClientOptions() const {
    suppressd::ClientOptions options;
    options.target = target();
    options.deadline = absl::Seconds(30);
    options.retry.initial_backoff = absl::Milliseconds(1);
    options.retry.max_backoff = absl::Milliseconds(1);
    return options;
  }
  void SetHealth(const std::string& service, bool serving) {
    server_->GetHealthCheckService()->SetServingStatus(service, serving);
  }

  Handler<v1::IsSuppressedRequest, v1::IsSuppressedResponse> on_check;
  Handler<v1::BatchIsSuppressedRequest, v1::BatchIsSuppressedResponse> on_batch;
  Handler<v1::ReportBounceRequest, v1::ReportBounceResponse> on_report;
  Handler<v1::ListSuppressionsRequest, v1::ListSuppressionsResponse> on_list;
  Handler<v1::CountSuppressionsRequest, v1::CountSuppressionsResponse> on_count;
  Handler<v1::GetBounceDetailsRequest, v1::GetBounceDetailsResponse> on_details;
  Handler<v1::ReactivateRequest, v1::ReactivateResponse> on_reactivate;
  Handler<v1::SuppressRequest, v1::SuppressResponse> on_suppress;
  std::function<grpc::Status(grpc::ServerContext*, const v1::WatchRequest&, grpc::ServerWriter<v1::WatchResponse>*)>
      on_watch;
  FakeReplication replication;
  FakeSidecar sidecar;
  FakeAdmin admin;

 private:
  grpc::Status IsSuppressed(grpc::ServerContext*, const v1::IsSuppressedRequest* request,
                            v1::IsSuppressedResponse* response) override {
    return Handle(on_check, request, response);
  }
  grpc::Status BatchIsSuppressed(grpc::ServerContext*, const v1::BatchIsSuppressedRequest* request,
                                 v1::BatchIsSuppressedResponse* response) override {
    return Handle(on_batch, request, response);
  }
  grpc::Status ReportBounce(grpc::ServerContext*, const v1::ReportBounceRequest* request,
                            v1::ReportBounceResponse* response) override {
    return Handle(on_report, request, response);
  }
  grpc::Status ListSuppressions(grpc::ServerContext*, const v1::ListSuppressionsRequest* request,
                                v1::ListSuppressionsResponse* response) override {
    return Handle(on_list, request, response);
  }
  grpc::Status CountSuppressions(grpc::ServerContext*, const v1::CountSuppressionsRequest* request,
                                 v1::CountSuppressionsResponse* response) override {
    return Handle(on_count, request, response);
  }
  grpc::Status GetBounceDetails(grpc::ServerContext*, const v1::GetBounceDetailsRequest* request,
                                v1::GetBounceDetailsResponse* response) override {
    return Handle(on_details, request, response);
  }
  grpc::Status Reactivate(grpc::ServerContext*, const v1::ReactivateRequest* request,
                          v1::ReactivateResponse* response) override {
    return Handle(on_reactivate, request, response);
  }
  grpc::Status Suppress(grpc::ServerContext*, const v1::SuppressRequest* request,
                        v1::SuppressResponse* response) override {
    return Handle(on_suppress, request, response);
  }
  grpc::Status Watch(grpc::ServerContext* context, const v1::WatchRequest* request,
                     grpc::ServerWriter<v1::WatchResponse>* writer) override {
    return on_watch ? on_watch(context, *request, writer) : grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "no handler");
  }

  std::string directory_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace suppressd
