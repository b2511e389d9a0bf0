#include "client/internal/health.h"

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <chrono>

#include "absl/synchronization/notification.h"
#include "client/internal/health.pb.h"
#include "common/from_grpc.h"

namespace suppressd::client_internal {

absl::StatusOr<std::string> CheckHealth(const std::shared_ptr<grpc::Channel>& channel, const std::string& service,
                                        absl::Duration timeout) {
  namespace health = ::suppressd::internal::health::v1;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(timeout));
  health::HealthCheckRequest request;
  request.set_service(service);
  health::HealthCheckResponse response;
  grpc::Status status;
  absl::Notification done;
  grpc::TemplatedGenericStub<health::HealthCheckRequest, health::HealthCheckResponse> stub(channel);
  stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", grpc::StubOptions(), &request, &response,
                 [&](grpc::Status result) {
                   status = std::move(result);
                   done.Notify();
                 });
  done.WaitForNotification();
  if (status.error_code() == grpc::StatusCode::NOT_FOUND) return "SERVICE_UNKNOWN";
  if (!status.ok()) return FromGrpc(status);
  return health::HealthCheckResponse_ServingStatus_Name(response.status());
}

}  // namespace suppressd::client_internal
