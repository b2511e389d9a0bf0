// Resume keys of snapshots: where a stream stands, opaque to callers. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace suppressd {

struct SnapshotPosition {
  // The revision of the snapshot.
  uint64_t revision = 0;
  // The key of the last entry sent, and how many there were up to it. Empty and zero: none.
  std::string after_key;
  int64_t entry_count = 0;
};

std::string EncodePosition(const SnapshotPosition& position);

// Reads a resume key of the snapshot at `revision`. INVALID_ARGUMENT (INVALID_FIELD) when EncodePosition did not make
// it, or for another revision.
absl::StatusOr<SnapshotPosition> DecodePosition(const std::string& resume_key, uint64_t revision);

}  // namespace suppressd
