// The calls of ReplicationService and SidecarService that suppressctl makes, tried again like those of a Client.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/secure_channel.h"
#include "suppressd/options.h"
#include "suppressd/v1/replication.grpc.pb.h"

namespace suppressd::suppressctl {

// A cheap value; copies share one channel. Every call ends within `timeout`, retries included; errors are those of the
// service, as from Client. Thread-safe.
class ReplicationCalls {
 public:
  // `options` must come from ResolveOptions(); of them, target, TLS and retry are used. Connects at the first call.
  // Errors: MakeChannel().
  static absl::StatusOr<ReplicationCalls> Make(const ClientOptions& options);

  absl::StatusOr<v1::RangeChecksumsResponse> RangeChecksums(const v1::RangeChecksumsRequest& request,
                                                            absl::Duration timeout) const;
  absl::StatusOr<v1::ListReplicasResponse> ListReplicas(const v1::ListReplicasRequest& request,
                                                        absl::Duration timeout) const;
  absl::StatusOr<v1::GetSidecarStatusResponse> GetSidecarStatus(absl::Duration timeout) const;

 private:
  using Replication = v1::ReplicationService::StubInterface;
  using Sidecar = v1::SidecarService::StubInterface;

  ReplicationCalls(std::shared_ptr<SecureChannel> channel, RetryOptions retry);

  std::shared_ptr<SecureChannel> channel_;
  std::shared_ptr<Replication> replication_;
  std::shared_ptr<Sidecar> sidecar_;
  RetryOptions retry_;
};

inline absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}
inline absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

}  // namespace suppressd::suppressctl
