#include "server/sidecar/sidecar_replication.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/time/clock.h"
#include "protos/error.h"
#include "server/await_revision.h"
#include "server/range_checksums.h"
#include "server/refused_stream.h"
#include "storage/revision_token.h"

namespace suppression {
namespace {

// Longest wait for the state that a call demands, and for the centre.
constexpr absl::Duration kWaitMax = absl::Seconds(10);

absl::Status NotServedHere() {
  return MakeError(absl::StatusCode::kFailedPrecondition, v1::NOT_SERVED_HERE,
                   "this is a sidecar; ask the server that holds the list");
}

int32_t Clamped(int64_t number) {
  return static_cast<int32_t>(std::clamp<int64_t>(number, 0, std::numeric_limits<int32_t>::max()));
}

}  // namespace

SidecarReplication::SidecarReplication(const SidecarParts& parts, SidecarReplicationOptions options)
    : parts_(parts),
      options_(std::move(options)),
      calls_(options_.calls_in_flight_max, &drain_),
      checksums_(options_.checksums_in_flight_max, &drain_),
      checksum_pool_(1) {}

grpc::ServerWriteReactor<v1::SnapshotResponse>* SidecarReplication::Snapshot(grpc::CallbackServerContext*,
                                                                             const v1::SnapshotRequest*) {
  return new RefusedStream<v1::SnapshotResponse>(NotServedHere());
}

grpc::ServerWriteReactor<v1::ReplicationServiceWatchResponse>* SidecarReplication::Watch(
    grpc::CallbackServerContext*, const v1::ReplicationServiceWatchRequest*) {
  return new RefusedStream<v1::ReplicationServiceWatchResponse>(NotServedHere());
}

grpc::ServerUnaryReactor* SidecarReplication::Acknowledge(grpc::CallbackServerContext* context,
                                                          const v1::AcknowledgeRequest* request,
                                                          v1::AcknowledgeResponse*) {
  return RunUnary(context, *request, options_.request_octets_max, &calls_, [](Done done) { done(NotServedHere()); });
}

grpc::ServerUnaryReactor* SidecarReplication::RangeChecksums(grpc::CallbackServerContext* context,
                                                             const v1::RangeChecksumsRequest* request,
                                                             v1::RangeChecksumsResponse* response) {
  return RunUnary(context, *request, options_.request_octets_max, &checksums_, [&](Done done) {
    const std::shared_ptr<ReplicaView> view = parts_.replica->view();
    if (view == nullptr) {
      return done(MakeError(absl::StatusCode::kUnavailable, v1::NO_REPLICA, "the sidecar has no replica yet"));
    }
    AwaitRevision(&view->store->reader(), request->at_least(), GiveUpAt(absl::Now(), DeadlineOf(*context), kWaitMax),
                  [this, view, context, request, response, done](absl::Status reached) {
                    if (!reached.ok()) return done(reached);
                    checksum_pool_.Run([view, context, request, response, done] {
                      done(SumStore(
                          &view->store->reader(), *request, [context] { return context->IsCancelled(); }, response));
                    });
                  });
  });
}

grpc::ServerUnaryReactor* SidecarReplication::ListReplicas(grpc::CallbackServerContext* context,
                                                           const v1::ListReplicasRequest* request,
                                                           v1::ListReplicasResponse* response) {
  return RunUnary(context, *request, options_.request_octets_max, &calls_, [&](Done done) {
    parts_.upstream->Pass(&Upstream::Replication::async_interface::ListReplicas, request, response,
                          GiveUpAt(absl::Now(), DeadlineOf(*context), kWaitMax), std::move(done));
  });
}

grpc::ServerUnaryReactor* SidecarReplication::GetReplicaStatus(grpc::CallbackServerContext* context,
                                                               const v1::GetReplicaStatusRequest* request,
                                                               v1::GetReplicaStatusResponse* response) {
  return RunUnary(context, *request, options_.request_octets_max, &calls_, [&](Done done) {
    Status(response);
    done(absl::OkStatus());
  });
}

void SidecarReplication::Status(v1::GetReplicaStatusResponse* response) const {
  response->set_replica_id(options_.replica_id);
  response->set_upstream(parts_.upstream->target());
  response->set_state(parts_.follower->state());
  if (const std::shared_ptr<ReplicaView> view = parts_.replica->view(); view != nullptr) {
    response->set_token(EncodeToken(view->state()));
    response->set_entries_estimate(Clamped(static_cast<int64_t>(view->store->reader().EstimateEntries())));
    SetStaleness(*parts_.heads, view->state(), options_.steady_clock(), response);
  }
  response->set_outbox_reports(Clamped(parts_.delivery->waiting()));
  if (const int64_t oldest = parts_.delivery->oldest_micros(); oldest != 0) {
    *response->mutable_outbox_oldest_at() = FromMicros(oldest);
  }
  response->set_outbox_refused(Clamped(parts_.outbox->summary().refused));
  response->set_last_error(std::string(parts_.follower->last_error().message()));
}

}  // namespace suppression
