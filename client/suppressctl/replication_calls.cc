#include "client/suppressctl/replication_calls.h"

#include <chrono>
#include <utility>

#include "client/internal/channel.h"
#include "client/internal/retry.h"
#include "client/internal/utf8.h"
#include "common/from_grpc.h"

namespace suppressd::suppressctl {

absl::StatusOr<ReplicationCalls> ReplicationCalls::Make(const ClientOptions& options) {
  auto channel = client_internal::MakeChannel(options);
  if (!channel.ok()) return channel.status();
  return ReplicationCalls(*std::move(channel), options.retry);
}

ReplicationCalls::ReplicationCalls(std::shared_ptr<SecureChannel> channel, RetryOptions retry)
    : channel_(std::move(channel)),
      replication_(v1::ReplicationService::NewStub(channel_->Get())),
      sidecar_(v1::SidecarService::NewStub(channel_->Get())),
      retry_(retry) {}

template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> ReplicationCalls::Call(Stub* stub,
                                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                                             Response*),
                                                const Request& request, absl::Duration timeout) const {
  if (absl::Status status = client_internal::CheckUtf8(request); !status.ok()) return status;
  return client_internal::Retry<Response>(
      retry_, client_internal::SystemRetryEnvironment(), timeout,
      [&](const CallOptions& call) -> absl::StatusOr<Response> {
        grpc::ClientContext context;
        context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(call.timeout));
        channel_->AddToken(&context);
        Response response;
        const grpc::Status status = (stub->*method)(&context, request, &response);
        if (!status.ok()) return FromGrpc(status);
        return response;
      });
}

absl::StatusOr<v1::RangeChecksumsResponse> ReplicationCalls::RangeChecksums(const v1::RangeChecksumsRequest& request,
                                                                            absl::Duration timeout) const {
  return Call(replication_.get(), &Replication::RangeChecksums, request, timeout);
}

absl::StatusOr<v1::ListReplicasResponse> ReplicationCalls::ListReplicas(const v1::ListReplicasRequest& request,
                                                                        absl::Duration timeout) const {
  return Call(replication_.get(), &Replication::ListReplicas, request, timeout);
}

absl::StatusOr<v1::GetSidecarStatusResponse> ReplicationCalls::GetSidecarStatus(absl::Duration timeout) const {
  return Call(sidecar_.get(), &Sidecar::GetSidecarStatus, v1::GetSidecarStatusRequest(), timeout);
}

}  // namespace suppressd::suppressctl
