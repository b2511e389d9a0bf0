#include "server/sidecar/step_assembly.h"

#include <utility>

#include "common/error.h"
#include "server/sidecar/replica.h"
#include "storage/replica_writer.h"
#include "storage/revision_token.h"

namespace suppressd {
namespace {

// A large change comes in parts, which are put together here. More than this of one is not taken: the list is read
// again.
constexpr size_t kChangeBytesMax = 256 << 20;

// A step as storage applies it. Nothing: it holds a kind of change that is not known here.
std::optional<RevisionChange> ToChange(uint64_t revision, v1::FollowResponse* step) {
  RevisionChange change;
  change.revision = revision;
  change.timeline = step->position().timeline();
  *change.change.mutable_at() = step->committed_at();
  for (v1::ReplicaChange& one : *step->mutable_changes()) {
    if (one.kind() != v1::Change::UPDATED && one.kind() != v1::Change::ERASED) return std::nullopt;
    stored::StoredEntry* stored = change.change.add_entries();
    stored->set_erased(one.kind() == v1::Change::ERASED);
    stored->set_revision(one.entry().revision());
    *stored->mutable_suppression() = std::move(*one.mutable_entry()->mutable_suppression());
  }
  if (!change.change.entries().empty()) change.change.set_tenant(change.change.entries(0).suppression().tenant());
  return change;
}

// A step that cannot be taken: of a kind that is not known here, or too large. The list is read again in its place.
absl::Status UnreadableStep(absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, v1::HISTORY_GONE, what);
}

}  // namespace

absl::Status Unintelligible() {
  return absl::DataLossError("the server sends what is no change of this replica's data");
}

bool IsUnreadableStep(const absl::Status& status) {
  return absl::IsDataLoss(status) && ReasonOf(status) == v1::HISTORY_GONE;
}

absl::StatusOr<std::optional<RevisionChange>> StepAssembly::Add(v1::FollowResponse* message) {
  if (message->min_reader() > kReplicaForm) return OutdatedReplica();
  const absl::StatusOr<RevisionToken> token = DecodeToken(message->position().revision_token(), "position");
  if (!token.ok() || token->lineage != lineage_) return Unintelligible();
  parts_bytes_ += message->ByteSizeLong();
  if (parts_bytes_ > kChangeBytesMax) return UnreadableStep("a change is too large");
  const bool last = !message->more_follows();
  if (parts_.changes().empty()) {
    parts_.Swap(message);
  } else {
    parts_.MergeFrom(*message);
  }
  if (!last) return std::nullopt;
  std::optional<RevisionChange> change = ToChange(token->revision, &parts_);
  bytes_ = std::exchange(parts_bytes_, 0);
  parts_.Clear();
  if (!change.has_value()) return UnreadableStep("the server sends a kind of change that is not known here");
  return change;
}

}  // namespace suppressd
