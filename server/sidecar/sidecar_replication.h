// The replication service of a sidecar: what proves its replica equal to the centre, and how it is doing. Replicas of
// replicas are not made: Snapshot, Watch and Acknowledge are NOT_SERVED_HERE.
#pragma once

#include <string>

#include "server/call.h"
#include "server/drain.h"
#include "server/sidecar/sidecar_service.h"
#include "server/unreadable_request.h"
#include "storage/worker_pool.h"
#include "suppression/v1/replication.grpc.pb.h"

namespace suppression {

struct SidecarReplicationOptions {
  std::string replica_id;
  // Largest request taken, in octets.
  size_t request_octets_max = 4 << 20;
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

  // The answer of GetReplicaStatus, without gRPC around it.
  void Status(v1::GetReplicaStatusResponse* response) const;

  grpc::ServerWriteReactor<v1::SnapshotResponse>* Snapshot(grpc::CallbackServerContext* context,
                                                           const v1::SnapshotRequest* request) override;
  grpc::ServerWriteReactor<v1::ReplicationServiceWatchResponse>* Watch(
      grpc::CallbackServerContext* context, const v1::ReplicationServiceWatchRequest* request) override;
  grpc::ServerUnaryReactor* Acknowledge(grpc::CallbackServerContext* context, const v1::AcknowledgeRequest* request,
                                        v1::AcknowledgeResponse* response) override;
  grpc::ServerUnaryReactor* RangeChecksums(grpc::CallbackServerContext* context,
                                           const v1::RangeChecksumsRequest* request,
                                           v1::RangeChecksumsResponse* response) override;
  grpc::ServerUnaryReactor* ListReplicas(grpc::CallbackServerContext* context, const v1::ListReplicasRequest* request,
                                         v1::ListReplicasResponse* response) override;
  grpc::ServerUnaryReactor* GetReplicaStatus(grpc::CallbackServerContext* context,
                                             const v1::GetReplicaStatusRequest* request,
                                             v1::GetReplicaStatusResponse* response) override;

 private:
  const SidecarParts parts_;
  const SidecarReplicationOptions options_;
  Drain drain_;
  Admission calls_;
  Admission checksums_;
  WorkerPool checksum_pool_;
};

}  // namespace suppression
