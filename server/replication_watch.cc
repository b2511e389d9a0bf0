// Watch of the replication service: the change log for replicas, with the entries as they are stored.
#include <memory>
#include <string>
#include <utility>

#include "protos/error.h"
#include "server/change_stream.h"
#include "server/field_checks.h"
#include "server/replica_entry.h"
#include "server/replication.h"

namespace suppression {

class ReplicationWatchCall final : public ChangeStream<v1::ReplicationServiceWatchResponse> {
 public:
  ReplicationWatchCall(ReplicationService* service, grpc::CallbackServerContext* context)
      : ChangeStream(&service->watches_, context, service->list_, service->options_.times), service_(service) {}

  // Begins to stream. Called once, after the call was registered.
  void Begin(const v1::ReplicationServiceWatchRequest& request) {
    absl::StatusOr<ReplicaName> name = ReplicaNameOf(request.replica_id(), request.replica_version());
    if (!name.ok()) return End(name.status());
    absl::StatusOr<std::set<std::string>> tenants = TenantsOf(request.tenants());
    if (!tenants.ok()) return End(tenants.status());
    if (request.after().empty()) return End(InvalidArgument(v1::MISSING_FIELD, "after is missing", "after"));
    const absl::StatusOr<uint64_t> after = service_->RevisionOf(request.after(), request.timeline(), *name, "after");
    if (!after.ok()) return End(after.status());
    if (*after > service_->list_->head().head()) {
      // Its revisions of after the backup will be given out anew, for other changes.
      return End(MakeError(absl::StatusCode::kFailedPrecondition, v1::LINEAGE_MISMATCH,
                           "the token is newer than the data: an older backup was restored", "after"));
    }
    absl::StatusOr<uint64_t> acknowledged = *after;
    if (!request.acknowledged().empty()) {
      acknowledged = service_->RevisionOf(request.acknowledged(), request.timeline(), *name, "acknowledged");
      if (!acknowledged.ok()) return End(acknowledged.status());
    }
    const absl::Time now = service_->clock_();
    id_ = name->id;
    service_->replicas_.Attach(*name, now);
    service_->replicas_.Acknowledge(*name, *acknowledged, now);
    pinned_ = service_->held_.Attach(id_, *after, now);
    attached_ = true;
    Follow(*after, *std::move(tenants));
  }

 private:
  void AddEntries(stored::Change change, v1::ReplicationServiceWatchResponse* response) override {
    for (stored::StoredEntry& entry : *change.mutable_entries()) {
      *response->add_entries() = ToReplicaEntry(std::move(entry));
    }
  }

  void Complete(v1::ReplicationServiceWatchResponse* response) override {
    response->set_timeline(service_->list_->timeline());
  }

  void Reached(uint64_t revision) override {
    const absl::Time now = service_->clock_();
    service_->replicas_.Sent(id_, revision, now);
    if (pinned_) service_->held_.KeepPin(id_, now);
  }

  void CaughtUp() override {
    if (std::exchange(pinned_, false)) service_->held_.Unpin(id_);
  }

  void Closed() override {
    ChangeStream::Closed();
    if (attached_) service_->replicas_.Detach(id_, service_->clock_());
  }

  ReplicationService* const service_;
  // Used by the one event that drives the call.
  std::string id_;
  bool attached_ = false;
  bool pinned_ = false;  // changes are kept for it until it has caught up
};

grpc::ServerWriteReactor<v1::ReplicationServiceWatchResponse>* ReplicationService::Watch(
    grpc::CallbackServerContext* context, const v1::ReplicationServiceWatchRequest* request) {
  auto call = std::make_shared<ReplicationWatchCall>(this, context);
  if (absl::Status refused = watches_.Add(call); !refused.ok()) {
    call->End(refused);
  } else {
    call->Begin(*request);
  }
  return call.get();
}

}  // namespace suppression
