#include "server/sidecar/snapshot_load.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "server/base/log.h"
#include "server/replication/replica_entry.h"
#include "server/rpc/grpc_status.h"

namespace suppressd {
namespace {

// Chunks are about 256 KiB; one entry can hold more.
constexpr size_t kChunkBytesMax = 32 << 20;

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("the snapshot is damaged: ", what));
}

}  // namespace

absl::StatusOr<std::shared_ptr<ReplicaView>> SnapshotLoad::Run() {
  absl::Status status = Read();
  if (status.ok() && !last_) status = absl::UnavailableError("the snapshot broke off");
  if (status.ok()) {
    const absl::StatusOr<RevisionToken> token = DecodeToken(token_, "position");
    status = view_->store->writer().FinishLoad(token->revision, absl::ToUnixMicros(begun_at_), timeline_);
  }
  if (status.ok()) status = Verify();
  if (status.ok()) {
    LogInfo("snapshot_loaded", {{"entries", std::to_string(entries_)}});
    std::shared_ptr<ReplicaView> loaded = std::move(view_);
    Reset();
    return loaded;
  }
  // A full disk is UNAVAILABLE too, and the store that met it takes nothing more.
  const bool resumable = absl::IsUnavailable(status) && ReasonOf(status) != v1::STORAGE_UNAVAILABLE;
  if (!resumable) Reset();
  return status;
}

absl::Status SnapshotLoad::Read() {
  grpc::ClientContext context;
  upstream_->Prepare(&context);
  v1::SnapshotRequest request;
  request.set_replica_id(lists_.name.id);
  request.set_replica_version(lists_.name.version);
  for (const std::string& tenant : lists_.tenants) request.add_tenants(tenant);
  if (view_ != nullptr) {
    request.set_revision_token(token_);
    request.set_resume_after(resume_key_);
  } else {
    begun_at_ = clock_();
  }
  if (!blocks_(&context)) return absl::UnavailableError("stopping");
  const auto reader = upstream_->replication()->Snapshot(&context, request);
  v1::SnapshotResponse chunk;
  absl::Status taken;
  while (taken.ok() && !last_ && reader->Read(&chunk)) taken = Take(chunk);
  if (!taken.ok()) context.TryCancel();
  const grpc::Status ended = reader->Finish();
  blocks_(nullptr);
  if (!taken.ok() || last_) return taken;
  absl::Status status = UpstreamStatus(ended);
  // CANCELLED by the server (a slow reader) and an end before the last chunk are resumed.
  if (status.ok() || ended.error_code() == grpc::StatusCode::CANCELLED) return absl::OkStatus();
  return status;
}

absl::Status SnapshotLoad::Take(const v1::SnapshotResponse& chunk) {
  if (chunk.ByteSizeLong() > kChunkBytesMax) return Damaged("a chunk is too large");
  if (chunk.min_reader() > kReplicaForm) return OutdatedReplica();
  if (chunk.checksum_form() != kChecksumForm) return OutdatedReplica();
  std::string bytes;
  std::vector<stored::StoredEntry> entries(chunk.entries_size());
  for (int i = 0; i < chunk.entries_size(); ++i) {
    AppendCanonical(chunk.entries(i), &bytes);
    *entries[i].mutable_suppression() = chunk.entries(i).suppression();
    entries[i].set_revision(chunk.entries(i).revision());
  }
  if (Crc32(bytes) != chunk.checksum()) return Damaged("the checksum of a chunk does not fit");
  const absl::StatusOr<RevisionToken> token = DecodeToken(chunk.position().revision_token(), "position");
  if (!token.ok()) return Damaged("a chunk names no state");
  if (view_ == nullptr) {
    if (absl::Status room = replica_->CheckRoom(); !room.ok()) return room;
    absl::StatusOr<std::shared_ptr<ReplicaView>> view = replica_->Begin(token->lineage);
    if (!view.ok()) return view.status();
    view_ = *std::move(view);
    token_ = chunk.position().revision_token();
    timeline_ = chunk.position().timeline();
  } else if (chunk.position().revision_token() != token_ || chunk.position().timeline() != timeline_) {
    return Damaged("its chunks are of several states");
  }
  entries_ += chunk.entries_size();
  checksum_ = Crc32(bytes, checksum_);
  if (entries_ != chunk.entry_count()) return Damaged("entries are missing");
  if (absl::Status status = view_->store->writer().Load(entries); !status.ok()) return status;
  resume_key_ = chunk.resume_key();
  last_ = !chunk.more_follows();
  return absl::OkStatus();
}

absl::Status SnapshotLoad::Verify() const {
  const absl::StatusOr<std::unique_ptr<Snapshot>> held = view_->store->reader().TakeSnapshot();
  if (!held.ok()) return held.status();
  int64_t entries = 0;
  uint32_t checksum = 0;
  std::string bytes;
  const absl::Status walked = (*held)->Walk({}, [&](absl::string_view, stored::StoredEntry entry) {
    bytes.clear();
    AppendCanonical(ToReplicaEntry(std::move(entry)), &bytes);
    checksum = Crc32(bytes, checksum);
    ++entries;
    return true;
  });
  if (!walked.ok()) return walked;
  if (entries == entries_ && checksum == checksum_) return absl::OkStatus();
  return absl::DataLossError("the snapshot that was stored is not the one that was sent");
}

void SnapshotLoad::Reset() {
  if (view_ != nullptr) Replica::Discard(std::move(view_));
  view_.reset();
  token_.clear();
  timeline_ = 0;
  resume_key_.clear();
  entries_ = 0;
  checksum_ = 0;
  last_ = false;
}

}  // namespace suppressd
