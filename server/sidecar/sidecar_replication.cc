#include "server/sidecar/sidecar_replication.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "common/error.h"
#include "server/replication/range_checksums.h"
#include "server/rpc/await_revision.h"
#include "server/rpc/refused_stream.h"
#include "storage/revision_token.h"

namespace suppressd {
namespace {

// Longest wait for the state that a call demands, and for the server.
constexpr absl::Duration kWaitMax = absl::Seconds(10);

absl::Status NotServedHere() {
  return MakeError(absl::StatusCode::kFailedPrecondition, v1::NOT_SERVED_HERE,
                   "this is a sidecar; ask the server that holds the list");
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

grpc::ServerWriteReactor<v1::FollowResponse>* SidecarReplication::Follow(grpc::CallbackServerContext*,
                                                                         const v1::FollowRequest*) {
  return new RefusedStream<v1::FollowResponse>(NotServedHere());
}

grpc::ServerUnaryReactor* SidecarReplication::Acknowledge(grpc::CallbackServerContext* context,
                                                          const v1::AcknowledgeRequest* request,
                                                          v1::AcknowledgeResponse*) {
  return RunUnary(context, *request, options_.request_bytes_max, &calls_, [](Done done) { done(NotServedHere()); });
}

grpc::ServerUnaryReactor* SidecarReplication::RangeChecksums(grpc::CallbackServerContext* context,
                                                             const v1::RangeChecksumsRequest* request,
                                                             v1::RangeChecksumsResponse* response) {
  return RunUnary(context, *request, options_.request_bytes_max, &checksums_, [&](Done done) {
    const std::shared_ptr<ReplicaView> view = parts_.replica->view();
    if (view == nullptr) {
      return done(parts_.follower->outdated() ? OutdatedReplica()
                                              : MakeError(absl::StatusCode::kUnavailable, v1::REPLICA_NOT_READY,
                                                          "the sidecar has no replica yet"));
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
  return RunUnary(context, *request, options_.request_bytes_max, &calls_, [&](Done done) {
    parts_.upstream->Pass(&Upstream::Replication::async_interface::ListReplicas, request, response,
                          GiveUpAt(absl::Now(), DeadlineOf(*context), kWaitMax), std::move(done));
  });
}

SidecarStatus::SidecarStatus(const SidecarParts& parts, SidecarReplicationOptions options)
    : parts_(parts), options_(std::move(options)), calls_(options_.calls_in_flight_max, &drain_) {}

grpc::ServerUnaryReactor* SidecarStatus::GetSidecarStatus(grpc::CallbackServerContext* context,
                                                          const v1::GetSidecarStatusRequest* request,
                                                          v1::GetSidecarStatusResponse* response) {
  return RunUnary(context, *request, options_.request_bytes_max, &calls_, [&](Done done) {
    Status(response);
    done(absl::OkStatus());
  });
}

void SidecarStatus::Status(v1::GetSidecarStatusResponse* response) const {
  response->set_replica_id(options_.replica_id);
  response->set_upstream(parts_.upstream->target());
  response->set_state(parts_.follower->state());
  if (const std::shared_ptr<ReplicaView> view = parts_.replica->view(); view != nullptr) {
    response->set_revision_token(EncodeToken(view->state()));
    response->set_estimated_entry_count(static_cast<int64_t>(view->store->reader().EstimateEntries()));
    SetStaleness(*parts_.heads, view->state(), options_.steady_clock(), response);
  }
  response->set_outbox_report_count(std::max<int64_t>(parts_.delivery->waiting(), 0));
  if (const int64_t oldest = parts_.delivery->oldest_micros(); oldest != 0) {
    *response->mutable_outbox_oldest_at() = FromMicros(oldest);
  }
  response->set_outbox_refused_count(parts_.outbox->summary().refused);
  response->set_last_error(std::string(parts_.follower->last_error().message()));
}

}  // namespace suppressd
