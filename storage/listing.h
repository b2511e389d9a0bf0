// Listing: pages over the list that stay consistent while it is written.
//
// The time index holds a row for each place where an entry stands, or stood: a move leaves the old row behind with the
// revision of the move. A listing remembers the revision of its first page and sees exactly the rows of that revision,
// so no entry is missed and none is doubled; rows left behind are forgotten when the change log no longer reaches back.
// A page starts with one seek, so it costs the same at any depth.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "suppressd/v1/suppression_service.pb.h"

namespace suppressd {

// Most index rows one page walks; a sparser filter gives shorter pages.
inline constexpr int kListRowsPerPageMax = 20'000;
// A page also ends with the entry that takes it to this size, so that it stays below what clients accept (4 MiB).
inline constexpr size_t kListPageMaxBytes = 2 << 20;

// Which entries; empty and zero: all. Of an entry they look at the causes that `state` is about: those that count now,
// the lifted, the expired, or all. One and the same cause must pass reasons, cause_types, stream and source.
struct ListFilter {
  v1::SuppressionFilter::State state = v1::SuppressionFilter::SUPPRESSED_NOW;
  std::vector<v1::BounceReason> reasons;
  std::vector<v1::Cause::Type> cause_types;
  std::optional<std::string> stream;
  std::string source;
  std::string domain;
  // Normalised. Of addresses that begin with this, or of addresses and whole domains ("@domain") that hold this.
  std::string address_prefix;
  std::string address_contains;
  int64_t listed_from_micros = 0;
  int64_t listed_before_micros = 0;
  // With EVER_SUPPRESSED, and for PassesFilter only: those that never were suppressed, too, where nothing but domain is
  // asked of them.
  bool or_never_suppressed = false;
};

struct ListQuery;
// Whether an entry, which is complete, passes the filter of a query. Pure.
bool PassesFilter(const ListQuery& query, const v1::Suppression& suppression);

struct ListQuery {
  std::string tenant;
  ListFilter filter;
  v1::ListSuppressionsRequest::Order order = v1::ListSuppressionsRequest::NEWEST_FIRST;
  // Decides expiry.
  int64_t now_micros = 0;
  // 1 to 1,000. See kListPageMaxBytes too.
  int page_size = 100;
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
  // Entries and index rows that the page met and could not read because they are damaged; they are left out.
  int64_t damaged_count = 0;
};

// How many entries pass a filter.
struct ListCounts {
  // The revision they were counted at.
  uint64_t revision = 0;
  int64_t total = 0;
  // How many hold a cause of each reason that passes the filter.
  std::map<v1::BounceReason, int64_t> reasons;
  // Entries that could not be read because they are damaged; they are not counted.
  int64_t damaged_count = 0;
};

}  // namespace suppressd
