// Checksums over ranges of the entries at one revision. The same entries give the same checksums, whoever holds them:
// that is how a replica and the server it follows prove each other equal. Thread-safe.
#pragma once

#include <functional>

#include "absl/status/status.h"
#include "storage/list_reader.h"
#include "storage/snapshot.h"
#include "suppressd/v1/replication.pb.h"

namespace suppressd {

// Most ranges of one answer; the last one holds the rest.
inline constexpr int kChecksumRangesMax = 1'000;

// Sums up the entries of `range` in ranges of `entries_per_range` (0: in one), and adds them to the response, all of it
// but the token. `stop` is asked now and then: true ends the walk with DEADLINE_EXCEEDED (DEADLINE_PASSED). INTERNAL
// when stored data is damaged.
absl::Status SumRanges(const Snapshot& snapshot, const SnapshotRange& range, int entries_per_range,
                       const std::function<bool()>& stop, v1::RangeChecksumsResponse* response);

// Answers a RangeChecksums call from a store, in the state that it is in now. INVALID_ARGUMENT when a field is wrong;
// else as SumRanges.
absl::Status SumStore(const ListReader* list, const v1::RangeChecksumsRequest& request,
                      const std::function<bool()>& stop, v1::RangeChecksumsResponse* response);

}  // namespace suppressd
