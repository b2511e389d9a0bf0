// Snapshot: all entries as of one revision, chunk by chunk. One chunk at a time is read, on a thread of the snapshots'
// own, and the next only when it was taken: a slow reader costs nothing but its snapshot, until it is cut.
#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "common/error.h"
#include "server/replication/replica_entry.h"
#include "server/replication/replication.h"
#include "server/replication/snapshot_position.h"
#include "server/rpc/field_checks.h"
#include "storage/replica_writer.h"
#include "storage/revision_token.h"

namespace suppressd {

class SnapshotCall final : public StreamCall<v1::SnapshotResponse> {
 public:
  SnapshotCall(ReplicationService* service, grpc::CallbackServerContext* context)
      : StreamCall(&service->snapshots_, context, service->options_.times.slow_reader_max), service_(service) {}

  // Begins to stream. Called once, after the call was registered.
  void Begin(const v1::SnapshotRequest& request) {
    if (absl::Status status = Read(request); !status.ok()) return End(status);
    service_->replicas_.BeginLoading(name_, service_->clock_());
    begun_ = true;
    RunOnPool([this] { Open(); });
  }

 private:
  absl::Status Read(const v1::SnapshotRequest& request) {
    absl::StatusOr<ReplicaName> name = ReplicaNameOf(request.replica_id(), request.replica_version());
    if (!name.ok()) return name.status();
    name_ = *std::move(name);
    absl::StatusOr<std::set<std::string>> tenants = TenantsOf(request.tenants());
    if (!tenants.ok()) return tenants.status();
    range_.tenants = *std::move(tenants);
    if (request.revision_token().empty()) {
      if (request.resume_after().empty()) return absl::OkStatus();
      return InvalidArgument(v1::INVALID_FIELD, "resume_after needs the revision_token of its snapshot",
                             "resume_after");
    }
    v1::Position position;
    position.set_revision_token(request.revision_token());
    const absl::StatusOr<uint64_t> revision = service_->RevisionOf(position, name_, "revision_token");
    if (!revision.ok()) return revision.status();
    resumes_ = true;
    position_.revision = *revision;
    if (request.resume_after().empty()) return absl::OkStatus();
    absl::StatusOr<SnapshotPosition> resumed = DecodePosition(request.resume_after(), *revision);
    if (!resumed.ok()) return resumed.status();
    position_ = *std::move(resumed);
    return absl::OkStatus();
  }

  void RunOnPool(std::function<void()> work) {
    service_->snapshot_pool_.Run([self = shared_from_this(), work = std::move(work)] { work(); });
  }

  void Open() {
    HeldSnapshots& held = service_->held_;
    const absl::Time now = service_->clock_();
    auto snapshot = resumes_ ? held.Resume(name_.id, position_.revision, range_.tenants, shared_from_this(), now)
                             : held.Begin(name_.id, range_.tenants, shared_from_this(), now);
    if (!snapshot.ok()) return End(snapshot.status());
    snapshot_ = *std::move(snapshot);
    position_.revision = snapshot_->revision();
    SendChunk();
  }

  void Step() override {
    RunOnPool([this] { SendChunk(); });
  }

  void SendChunk() {
    if (complete_ || Stopping()) return End(absl::OkStatus());
    if (absl::Status status = ReadChunk(); !status.ok()) return End(status);
    const absl::Time now = service_->clock_();
    service_->held_.Reads(name_.id, this, now);
    if (complete_) service_->replicas_.Sent(name_.id, position_.revision, now);
    Send();
  }

  // Makes message_ from the next entries.
  absl::Status ReadChunk() {
    message_.Clear();
    std::string bytes;
    bool full = false;
    range_.after_key = position_.after_key;
    const absl::Status walked = snapshot_->Walk(range_, [&](absl::string_view key, stored::StoredEntry stored) {
      full = bytes.size() >= kSnapshotChunkBytes;
      if (full) return false;
      v1::ReplicaEntry* entry = message_.add_entries();
      *entry = ToReplicaEntry(std::move(stored));
      AppendCanonical(*entry, &bytes);
      position_.after_key.assign(key.data(), key.size());
      ++position_.entry_count;
      return true;
    });
    if (!walked.ok()) return walked;
    complete_ = !full;
    message_.set_more_follows(full);
    message_.set_checksum(Crc32(bytes));
    message_.mutable_position()->set_revision_token(service_->Token(position_.revision));
    message_.mutable_position()->set_timeline(service_->list_->timeline());
    message_.set_min_reader(kReplicaForm);
    message_.set_checksum_form(kChecksumForm);
    message_.set_resume_key(EncodePosition(position_));
    message_.set_entry_count(position_.entry_count);
    message_.set_estimated_entry_count(static_cast<int64_t>(service_->list_->EstimateEntries()));
    return absl::OkStatus();
  }

  void Closed() override {
    if (!begun_) return;
    const absl::Time now = service_->clock_();
    snapshot_.reset();  // this may live on for a while, held by an alarm
    service_->held_.Leave(name_.id, this, now);
    service_->replicas_.EndLoading(name_.id, now);
  }

  ReplicationService* const service_;
  ReplicaName name_;
  bool begun_ = false;
  bool resumes_ = false;
  bool complete_ = false;  // the last chunk was made
  SnapshotRange range_;
  SnapshotPosition position_;
  std::shared_ptr<const Snapshot> snapshot_;
};

grpc::ServerWriteReactor<v1::SnapshotResponse>* ReplicationService::Snapshot(grpc::CallbackServerContext* context,
                                                                             const v1::SnapshotRequest* request) {
  auto call = std::make_shared<SnapshotCall>(this, context);
  if (absl::Status refused = snapshots_.Add(call); !refused.ok()) {
    call->End(refused);
  } else {
    call->Begin(*request);
  }
  return call.get();
}

}  // namespace suppressd
