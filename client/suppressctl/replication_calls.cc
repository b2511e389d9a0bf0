#include "client/suppressctl/replication_calls.h"

#include <utility>

#include "client/internal/channel.h"
#include "client/suppressctl/service_call.h"

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

absl::StatusOr<v1::RangeChecksumsResponse> ReplicationCalls::RangeChecksums(const v1::RangeChecksumsRequest& request,
                                                                            absl::Duration timeout) const {
  return CallService(channel_.get(), retry_, replication_.get(), &Replication::RangeChecksums, request, timeout);
}

absl::StatusOr<v1::ListReplicasResponse> ReplicationCalls::ListReplicas(const v1::ListReplicasRequest& request,
                                                                        absl::Duration timeout) const {
  return CallService(channel_.get(), retry_, replication_.get(), &Replication::ListReplicas, request, timeout);
}

absl::StatusOr<v1::GetSidecarStatusResponse> ReplicationCalls::GetSidecarStatus(absl::Duration timeout) const {
  return CallService(channel_.get(), retry_, sidecar_.get(), &Sidecar::GetSidecarStatus, v1::GetSidecarStatusRequest(),
                     timeout);
}

}  // namespace suppressd::suppressctl
