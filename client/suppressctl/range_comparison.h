// Do two copies of the list hold the same? Compares their checksums, and narrows down where they differ.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "suppressd/v1/replication.pb.h"

namespace suppressd::suppressctl {

// Asks one copy for checksums, as ReplicationService.RangeChecksums.
using ChecksumSource = std::function<absl::StatusOr<v1::RangeChecksumsResponse>(const v1::RangeChecksumsRequest&)>;

struct ComparisonOptions {
  std::vector<std::string> tenants;  // empty: all
  int attempts_max = 10;             // so often are the two compared for one range, at least 1
  int entries_per_range = 1;         // differing ranges are narrowed down to so many entries, at least 1
  int differences_max = 100;         // no more are looked for, at least 1
};

// A range in which the copies differ: the entries with a key after `after_key` (empty: from the first on) up to and
// with `until_key` (empty: to the last).
struct RangeDifference {
  std::string after_key;
  std::string until_key;
  int64_t entries = 0;  // of the copy
  int64_t against = 0;  // of the other one
};

struct Comparison {
  std::vector<RangeDifference> differences;  // in key order; empty: the copies are equal
  bool more = false;                         // differences_max was reached, and there may be more
  int64_t entries = 0;                       // of the copy, in all
  int64_t against = 0;                       // of the other one
  std::string revision_token;                // the state of the copy at the first comparison of everything

  bool equal() const { return differences.empty(); }
};

// Compares `copy` with `other`, which is likely ahead of it and goes on changing. The copy is asked first, then the
// other one, then whichever is behind, at least for the state of the one ahead, until the sums are equal or the states
// are: an entry's revision is a part of the sum, so equal sums are of entries that did not change in between. A range
// that differs, or whose copies never met at one state, is divided. Errors: those of the sources; UNAVAILABLE: a range
// of entries_per_range changes too fast.
absl::StatusOr<Comparison> Compare(const ChecksumSource& copy, const ChecksumSource& other,
                                   const ComparisonOptions& options);

}  // namespace suppressd::suppressctl
