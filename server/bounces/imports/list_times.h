// The times of list files, in every form that providers write.
#pragma once

#include <optional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/timestamp.pb.h"

namespace suppressd {

struct ListTime {
  // Unset: the file says that the time is not known.
  std::optional<absl::Time> time;
  // It was written without a zone, and was taken as UTC.
  bool zone_missing = false;
};

// Reads seconds since 1970 (integer or fraction; from 100,000,000,000 on milliseconds), ISO 8601 with or without an
// offset, RFC 2822, a date alone, and what Go and JavaScript make of a time ("2026-03-04 10:11:12.3 +0000 UTC",
// "Wed Mar 04 2026 10:11:12 GMT+0000 (UTC)"). Nothing, zero, NULL and times up to 1970, such as 0001-01-01, are "not
// known". nullopt: none of these. Pure and thread-safe.
std::optional<ListTime> ReadListTime(absl::string_view text);

// To the nanosecond, rounded down.
google::protobuf::Timestamp ToTimestamp(absl::Time time);

}  // namespace suppressd
