#include "server/snapshot_position.h"

#include "absl/strings/str_cat.h"
#include "protos/error.h"
#include "server/digest.h"
#include "suppression/internal/v1/snapshot_position.pb.h"

namespace suppression {
namespace {

constexpr size_t kSumOctets = 8;

}  // namespace

std::string EncodePosition(const SnapshotPosition& position) {
  internal::v1::SnapshotPosition message;
  message.set_revision(position.revision);
  message.set_after_key(position.after_key);
  message.set_entries(position.entries);
  const std::string octets = message.SerializeAsString();
  return absl::StrCat(Sha256(octets).substr(0, kSumOctets), octets);
}

absl::StatusOr<SnapshotPosition> DecodePosition(const std::string& resume_key, uint64_t revision) {
  internal::v1::SnapshotPosition message;
  if (resume_key.size() <= kSumOctets ||
      Sha256(resume_key.substr(kSumOctets)).substr(0, kSumOctets) != resume_key.substr(0, kSumOctets) ||
      !message.ParseFromString(resume_key.substr(kSumOctets)) || message.revision() != revision) {
    return InvalidArgument(v1::INVALID_FIELD, "resume_after is garbled or of another snapshot", "resume_after");
  }
  return SnapshotPosition{message.revision(), message.after_key(), message.entries()};
}

}  // namespace suppression
