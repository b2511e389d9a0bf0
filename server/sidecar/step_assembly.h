// The steps of a Follow stream, put together from their messages, as storage applies them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/list_reader.h"
#include "suppressd/v1/replication.pb.h"

namespace suppressd {

// DATA_LOSS: the server sends what is none of this replica's.
absl::Status Unintelligible();
// Whether a step cannot be taken (HISTORY_GONE): its kind of change is not known here, or it is too large. The list is
// read again in its place.
bool IsUnreadableStep(const absl::Status& status);

// One stream. Not thread-safe.
class StepAssembly {
 public:
  explicit StepAssembly(uint64_t lineage) : lineage_(lineage) {}

  // Takes a message, whose contents are moved. Nothing: more of its step follows. Errors: REPLICA_OUTDATED,
  // Unintelligible, IsUnreadableStep.
  absl::StatusOr<std::optional<RevisionChange>> Add(v1::FollowResponse* message);
  // About how large the step is that Add returned last.
  size_t bytes() const { return bytes_; }

 private:
  const uint64_t lineage_;
  v1::FollowResponse parts_;  // of a step that is not complete yet
  size_t parts_bytes_ = 0;
  size_t bytes_ = 0;
};

}  // namespace suppressd
