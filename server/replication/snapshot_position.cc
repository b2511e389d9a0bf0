#include "server/replication/snapshot_position.h"

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "server/rpc/digest.h"
#include "suppressd/internal/v1/snapshot_position.pb.h"

namespace suppressd {
namespace {

constexpr size_t kSumBytes = 8;

}  // namespace

std::string EncodePosition(const SnapshotPosition& position) {
  internal::v1::SnapshotPosition message;
  message.set_revision(position.revision);
  message.set_after_key(position.after_key);
  message.set_entry_count(position.entry_count);
  const std::string bytes = message.SerializeAsString();
  return absl::StrCat(Sha256(bytes).substr(0, kSumBytes), bytes);
}

absl::StatusOr<SnapshotPosition> DecodePosition(const std::string& resume_key, uint64_t revision) {
  internal::v1::SnapshotPosition message;
  if (resume_key.size() <= kSumBytes ||
      Sha256(resume_key.substr(kSumBytes)).substr(0, kSumBytes) != resume_key.substr(0, kSumBytes) ||
      !message.ParseFromString(resume_key.substr(kSumBytes)) || message.revision() != revision) {
    return InvalidArgument(v1::INVALID_FIELD, "resume_after is garbled or of another snapshot", "resume_after");
  }
  return SnapshotPosition{message.revision(), message.after_key(), message.entry_count()};
}

}  // namespace suppressd
