// The replication service: what replicas need of the server that holds the list.
//
//   replication.cc         Acknowledge, RangeChecksums, ListReplicas
//   snapshot_stream.cc     Snapshot
//   follow_stream.cc       Follow
#pragma once

#include <algorithm>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/replication/held_snapshots.h"
#include "server/replication/replica_registry.h"
#include "server/rpc/call.h"
#include "server/rpc/drain.h"
#include "server/rpc/stream_call.h"
#include "server/rpc/stream_registry.h"
#include "server/rpc/unreadable_request.h"
#include "storage/list_reader.h"
#include "storage/worker_pool.h"
#include "suppressd/v1/replication.grpc.pb.h"

namespace suppressd {

// A chunk of a snapshot ends with the entry that takes it to this size.
inline constexpr size_t kSnapshotChunkBytes = 256 << 10;
// Most bytes of a replica's id.
inline constexpr size_t kReplicaIdBytesMax = 128;

struct ReplicationOptions {
  // Largest request taken, in bytes.
  size_t request_bytes_max = 4 << 20;
  // Most replicas that follow at once; the next is UNAVAILABLE (OVERLOADED).
  int follows_max = 1'000;
  // Snapshots: how many at once, and for how long they outlive their last use.
  HeldSnapshotsOptions snapshots = {};
  // Threads that snapshots are read on.
  int snapshot_threads = 2;
  // Most calls of RangeChecksums in flight at once; they run one after another.
  int checksums_in_flight_max = 4;
  // Most other unary calls in flight at once.
  int calls_in_flight_max = 1'000;
  // When slow readers are cut, and heartbeats sent.
  StreamTimes times = {};
  // Longest wait for the state that a call demands, whatever its deadline.
  absl::Duration await_revision_max = absl::Seconds(10);
};

// Thread-safe. The list must outlive it.
class ReplicationService final : public ReplicationServiceWithReasons {
 public:
  using Clock = std::function<absl::Time()>;

  ReplicationService(const ListReader* list, Clock clock, const ReplicationOptions& options);

  // From now on every call is UNAVAILABLE (SHUTTING_DOWN); streams end with OK. Unary calls in flight go on.
  void BeginDrain();
  // Waits until none is in flight; see Drain::Await.
  void AwaitDrained(absl::Time deadline) { drain_.Await(deadline); }
  // Lets go what replicas have not used for too long. Called now and then.
  void Sweep();

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

  // How many snapshots are held, and how many streams of both kinds are under way.
  int snapshots() const { return held_.count(); }
  // How long the threads of both kinds have been at what they run now, the longer of the two.
  absl::Duration streams_busy() { return std::max(snapshots_.pump().busy(), follows_.pump().busy()); }
  int streams() const { return snapshots_.size() + follows_.size(); }

 private:
  friend class SnapshotCall;
  friend class FollowCall;

  absl::Status Acknowledged(const v1::AcknowledgeRequest& request, v1::AcknowledgeResponse* response);
  absl::Status List(const v1::ListReplicasRequest& request, v1::ListReplicasResponse* response) const;
  // The revision of a replica's position. One of another lineage is noted.
  absl::StatusOr<uint64_t> RevisionOf(const v1::Position& position, const ReplicaName& name, absl::string_view field);
  std::string Token(uint64_t revision) const;

  const ListReader* const list_;
  const Clock clock_;
  const ReplicationOptions options_;
  Drain drain_;
  Admission calls_;
  Admission checksums_;
  ReplicaRegistry replicas_;
  HeldSnapshots held_;
  StreamRegistry snapshots_;
  StreamRegistry follows_;
  // Last, so that their work ends before what it uses is gone.
  WorkerPool snapshot_pool_;
  WorkerPool checksum_pool_;
};

// The sidecar service of a server that is none. Thread-safe.
class NoSidecarService final : public SidecarServiceWithReasons {
 public:
  explicit NoSidecarService(const ReplicationOptions& options)
      : request_bytes_max_(options.request_bytes_max), calls_(options.calls_in_flight_max, &drain_) {}

  grpc::ServerUnaryReactor* GetSidecarStatus(grpc::CallbackServerContext* context,
                                             const v1::GetSidecarStatusRequest* request,
                                             v1::GetSidecarStatusResponse* response) override;

 private:
  const size_t request_bytes_max_;
  Drain drain_;
  Admission calls_;
};

// Who calls. MISSING_FIELD, FIELD_TOO_LONG or INVALID_FIELD.
absl::StatusOr<ReplicaName> ReplicaNameOf(const std::string& id, const std::string& version);

}  // namespace suppressd
