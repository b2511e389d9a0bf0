// Listing the audit trail: pages over its records, oldest first, with the texts that were not erased.
//
// A record is never changed and none is written before another, so a page is found by the revision of the record before
// it; pages follow the trail as it grows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "suppressd/v1/audit.pb.h"

namespace suppressd {

// Most records that one page looks at; a sparser filter gives shorter pages.
inline constexpr int kAuditRowsPerPageMax = 20'000;
// A page also ends with the record that takes it to this size, so that it stays below what clients accept (4 MiB).
inline constexpr size_t kAuditPageBytesMax = 2 << 20;

// Which records; empty and unset: all.
struct AuditQuery {
  std::set<std::string> tenants = {};
  std::string actor = {};
  std::string action = {};
  // About this entry, normalised; an empty domain: about any, or none. An empty local part is the whole domain. With
  // one tenant it is found by an index.
  std::string domain = {};
  std::string local_part = {};
  // Microseconds since 1970; `until` itself is left out.
  std::optional<int64_t> since_micros = {};
  std::optional<int64_t> until_micros = {};
  // 1 to 1,000. See kAuditPageBytesMax too.
  int page_size = 100;
  // Only records behind this revision.
  uint64_t after_revision = 0;
};

struct AuditPage {
  // One that cannot be read has its revision only, and is left out where there is a filter. A text that cannot be read
  // is empty. Who verifies the chain finds both.
  std::vector<v1::AuditRecord> records;
  // Where the whole trail ends, in the state that the records were read from.
  v1::AuditHead head;
  // The revision that they are exact at, at least.
  uint64_t revision = 0;
  // after_revision of the next page. Zero: this was the last.
  uint64_t next_after_revision = 0;
};

}  // namespace suppressd
