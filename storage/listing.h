// Listing: pages over the list that stay consistent while it is written.
//
// The time index holds a row for each place where an entry stands, or stood: a move leaves the old row behind with the
// revision of the move. A listing remembers the revision of its first page and sees exactly the rows of that revision,
// so no entry is missed and none is doubled; rows left behind are forgotten when the change log no longer reaches back.
// A page starts with one seek, so it costs the same at any depth.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "suppression/v1/suppression_service.pb.h"

namespace suppression {

// Most index rows one page walks; a sparser filter gives shorter pages.
inline constexpr int kListRowsPerPageMax = 20'000;
// A page also ends with the entry that takes it to this size, so that it stays below what clients accept (4 MiB).
inline constexpr size_t kListPageMaxOctets = 2 << 20;

struct ListQuery {
  std::string tenant;
  v1::ListSuppressionsRequest::Order order = v1::ListSuppressionsRequest::NEWEST_FIRST;
  // Filters; unspecified, empty or zero: all. Of an entry they look at the causes that `state` is about: those that
  // count now, the lifted, the expired, or all. One and the same cause must pass them.
  v1::BounceReason reason = v1::BOUNCE_REASON_UNSPECIFIED;
  std::string domain;
  std::string source;
  v1::Cause::Type cause_type = v1::Cause::TYPE_UNSPECIFIED;
  int64_t listed_from_micros = 0;
  int64_t listed_before_micros = 0;
  v1::ListSuppressionsRequest::StateFilter state = v1::ListSuppressionsRequest::SUPPRESSED_NOW;
  // Decides expiry.
  int64_t now_micros = 0;
  // 1 to 1,000. See kListPageMaxOctets too.
  int page_size = 100;
  // Count as well. `stop` is asked now and then: true ends the count with DEADLINE_EXCEEDED. It must be set.
  bool with_counts = false;
  std::function<bool()> stop;
  // Where the page before ended, and the revision of the first page. Empty and zero: the first page.
  std::string after_key;
  uint64_t first_revision = 0;
};

struct ListPage {
  std::vector<v1::Suppression> suppressions;
  // The revision this page was read at.
  uint64_t revision = 0;
  // For the next page: the revision of the first page, and where this one ended. Empty: this was the last.
  uint64_t first_revision = 0;
  std::string next_after_key;
  // Without damaged entries.
  v1::ListCounts counts;
  // Entries and index rows that the page met and could not read because they are damaged; they are left out.
  int damaged_entries = 0;
};

}  // namespace suppression
