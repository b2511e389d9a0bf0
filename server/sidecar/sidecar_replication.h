// The replication service of a sidecar, which proves its replica equal to the server (replicas of replicas are not
// made: Snapshot, Follow and Acknowledge are NOT_SERVED_HERE), and what it says of itself.
#pragma once

#include <string>

#include "server/rpc/call.h"
#include "server/rpc/drain.h"
#include "server/rpc/unreadable_request.h"
#include "server/sidecar/sidecar_list.h"
#include "storage/worker_pool.h"
#include "suppressd/v1/replication.grpc.pb.h"

namespace suppressd {

struct SidecarReplicationOptions {
  std::string replica_id;
  // Largest request taken, in bytes.
  size_t request_bytes_max = 4 << 20;
  int calls_in_flight_max = 1'000;
  int checksums_in_flight_max = 4;
  std::function<absl::Time()> clock;
  SteadyClock steady_clock;  // for ages
};

// Thread-safe. The parts must outlive it.
class SidecarReplication final : public ReplicationServiceWithReasons {
 public:
  SidecarReplication(const SidecarParts& parts, SidecarReplicationOptions options);

  // As of SuppressionService.
  void BeginDrain() { drain_.Begin(); }
  void AwaitDrained(absl::Time deadline) { drain_.Await(deadline); }

  grpc::ServerWriteReactor<v1::SnapshotResponse>* Snapshot(grpc::CallbackServerContext* context,
                                                           const v1::SnapshotRequest* request) override;
  grpc::ServerWriteReactor<v1::FollowResponse>* Follow(grpc::CallbackServerContext* context,
                                                       const v1::FollowRequest* request) override;
  grpc::ServerUnaryReactor* Acknowledge(grpc::CallbackServerContext* context, const v1::AcknowledgeRequest* request,
                                        v1::AcknowledgeResponse* response) override;
  grpc::ServerUnaryReactor* RangeChecksums(grpc::CallbackServerContext* context,
                                           const v1::RangeChecksumsRequest* request,
                                           v1::RangeChecksumsResponse* response) override;
  grpc::ServerUnaryReactor* ListReplicas(grpc::CallbackServerContext* context, const v1::ListReplicasRequest* request,
                                         v1::ListReplicasResponse* response) override;

 private:
  const SidecarParts parts_;
  const SidecarReplicationOptions options_;
  Drain drain_;
  Admission calls_;
  Admission checksums_;
  WorkerPool checksum_pool_;
};

// The API's SidecarService. Thread-safe. The parts must outlive it.
class SidecarStatus final : public SidecarServiceWithReasons {
 public:
  SidecarStatus(const SidecarParts& parts, SidecarReplicationOptions options);

  // As of SuppressionService.
  void BeginDrain() { drain_.Begin(); }
  void AwaitDrained(absl::Time deadline) { drain_.Await(deadline); }

  // The answer of GetSidecarStatus, without gRPC around it.
  void Status(v1::GetSidecarStatusResponse* response) const;

  grpc::ServerUnaryReactor* GetSidecarStatus(grpc::CallbackServerContext* context,
                                             const v1::GetSidecarStatusRequest* request,
                                             v1::GetSidecarStatusResponse* response) override;

 private:
  const SidecarParts parts_;
  const SidecarReplicationOptions options_;
  Drain drain_;
  Admission calls_;
};

}  // namespace suppressd
