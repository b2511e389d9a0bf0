// Follow: the change log for replicas, with the entries as they are stored.
#include <memory>
#include <string>
#include <utility>

#include "common/error.h"
#include "server/replication/replica_entry.h"
#include "server/replication/replication.h"
#include "server/rpc/change_stream.h"
#include "server/rpc/field_checks.h"
#include "storage/replica_writer.h"

namespace suppressd {

class FollowCall final : public ChangeStream<v1::FollowResponse> {
 public:
  FollowCall(ReplicationService* service, grpc::CallbackServerContext* context)
      : ChangeStream(&service->follows_, context, service->list_, service->options_.times), service_(service) {}

  // Begins to stream. Called once, after the call was registered.
  void Begin(const v1::FollowRequest& request) {
    absl::StatusOr<ReplicaName> name = ReplicaNameOf(request.replica_id(), request.replica_version());
    if (!name.ok()) return End(name.status());
    absl::StatusOr<std::set<std::string>> tenants = TenantsOf(request.tenants());
    if (!tenants.ok()) return End(tenants.status());
    if (request.after().revision_token().empty()) {
      return End(InvalidArgument(v1::MISSING_FIELD, "after is missing", "after"));
    }
    const absl::StatusOr<uint64_t> after = service_->RevisionOf(request.after(), *name, "after");
    if (!after.ok()) return End(after.status());
    if (*after > service_->list_->head().head()) {
      // Its revisions of after the backup will be given out again, for other changes.
      return End(MakeError(absl::StatusCode::kFailedPrecondition, v1::LINEAGE_MISMATCH,
                           "the token is newer than the data: an older backup was restored", "after"));
    }
    absl::StatusOr<uint64_t> acknowledged = *after;
    if (!request.acknowledged_token().empty()) {
      v1::Position position = request.after();
      position.set_revision_token(request.acknowledged_token());
      acknowledged = service_->RevisionOf(position, *name, "acknowledged_token");
      if (!acknowledged.ok()) return End(acknowledged.status());
    }
    const absl::Time now = service_->clock_();
    id_ = name->id;
    service_->replicas_.Attach(*name, now);
    service_->replicas_.Acknowledge(*name, *acknowledged, now);
    pinned_ = service_->held_.Attach(id_, *after, now);
    attached_ = true;
    ChangeStream::Follow(*after, *std::move(tenants));
  }

 private:
  void AddEntries(stored::Change change, v1::FollowResponse* response) override {
    for (stored::StoredEntry& entry : *change.mutable_entries()) {
      v1::ReplicaChange* one = response->add_changes();
      one->set_kind(entry.erased() ? v1::Change::ERASED : v1::Change::UPDATED);
      *one->mutable_entry() = ToReplicaEntry(std::move(entry));
    }
  }

  void SetState(const std::string& revision_token, v1::FollowResponse* response) override {
    response->mutable_position()->set_revision_token(revision_token);
    response->mutable_position()->set_timeline(service_->list_->timeline());
    response->set_min_reader(kReplicaForm);
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

grpc::ServerWriteReactor<v1::FollowResponse>* ReplicationService::Follow(grpc::CallbackServerContext* context,
                                                                         const v1::FollowRequest* request) {
  auto call = std::make_shared<FollowCall>(this, context);
  if (absl::Status refused = follows_.Add(call); !refused.ok()) {
    call->End(refused);
  } else {
    call->Begin(*request);
  }
  return call.get();
}

}  // namespace suppressd
