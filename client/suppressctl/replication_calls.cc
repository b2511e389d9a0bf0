#include "client/suppressctl/replication_calls.h"

#include <chrono>
#include <utility>

#include "client/internal/channel.h"
#include "client/internal/retry.h"
#include "client/internal/status.h"
#include "client/internal/utf8.h"

namespace suppression::suppressctl {

absl::StatusOr<ReplicationCalls> ReplicationCalls::Make(const ClientOptions& options) {
  auto channel = client_internal::MakeChannel(options);
  if (!channel.ok()) return channel.status();
  return ReplicationCalls(v1::ReplicationService::NewStub(*std::move(channel)), options.retry);
}

template <typename Request, typename Response>
absl::StatusOr<Response> ReplicationCalls::Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                                             Response*),
                                                const Request& request, absl::Duration timeout) const {
  if (absl::Status status = client_internal::CheckUtf8(request); !status.ok()) return status;
  return client_internal::Retry<Response>(
      retry_, client_internal::SystemRetryEnvironment(), timeout,
      [&](const CallOptions& call) -> absl::StatusOr<Response> {
        grpc::ClientContext context;
        context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(call.timeout));
        Response response;
        const grpc::Status status = (stub_.get()->*method)(&context, request, &response);
        if (!status.ok()) return client_internal::FromGrpc(status);
        return response;
      });
}

absl::StatusOr<v1::RangeChecksumsResponse> ReplicationCalls::RangeChecksums(const v1::RangeChecksumsRequest& request,
                                                                            absl::Duration timeout) const {
  return Call(&Stub::RangeChecksums, request, timeout);
}

absl::StatusOr<v1::ListReplicasResponse> ReplicationCalls::ListReplicas(const v1::ListReplicasRequest& request,
                                                                        absl::Duration timeout) const {
  return Call(&Stub::ListReplicas, request, timeout);
}

absl::StatusOr<v1::GetReplicaStatusResponse> ReplicationCalls::GetReplicaStatus(absl::Duration timeout) const {
  return Call(&Stub::GetReplicaStatus, v1::GetReplicaStatusRequest(), timeout);
}

}  // namespace suppression::suppressctl
