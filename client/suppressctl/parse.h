// From the words of a command line to values. Pure and thread-safe. All errors are INVALID_ARGUMENT.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "suppressd/types.h"

namespace suppressd::suppressctl {

// "2s", "1h30m", and days: "30d". Positive and finite.
absl::StatusOr<absl::Duration> ParseDuration(const std::string& text);

// The same, or zero: "0s".
absl::StatusOr<absl::Duration> ParseDurationOrZero(const std::string& text);

// Reads --max_staleness into `duration` unless `text` is empty, in which case it stays unset.
absl::Status ParseMaxStaleness(const std::string& text, std::optional<absl::Duration>* duration);

// RFC 3339, "2026-03-01T12:00:00Z" or with an offset, from the year 1 to 9999.
absl::StatusOr<absl::Time> ParseTime(const std::string& text);

// An RFC 3339 time, or a duration from `now` on.
absl::StatusOr<absl::Time> ParseTimeOrDuration(const std::string& text, absl::Time now);

// Reads into `time` unless `text` is empty, in which case `time` stays unset.
absl::Status ParseOptionalTime(const std::string& option, const std::string& text, std::optional<absl::Time>* time);

// "TYPE[:REASON[:STREAM]]", names in any case; an empty REASON means every reason, an empty STREAM the cause that
// applies to all mail.
absl::StatusOr<CauseSelector> ParseCauseSelector(const std::string& text);

// A name of one of the API's enums, in any case, into `value`; an empty name leaves it alone.
template <typename Enum>
absl::Status ParseEnum(const std::string& option, const std::string& name, Enum* value) {
  if (name.empty()) return absl::OkStatus();
  const std::optional<Enum> found = FromName<Enum>(name);
  if (!found.has_value()) {
    std::string known;
    for (int i = 1; FromName<Enum>(Name(static_cast<Enum>(i))).has_value(); ++i) {
      absl::StrAppend(&known, known.empty() ? "" : ", ", Name(static_cast<Enum>(i)));
    }
    return absl::InvalidArgumentError(absl::StrCat(option, " must be one of ", known));
  }
  *value = *found;
  return absl::OkStatus();
}

// Several, separated by commas.
template <typename Enum>
absl::Status ParseEnums(const std::string& option, const std::string& names, std::vector<Enum>* values) {
  for (const absl::string_view name : absl::StrSplit(names, ',', absl::SkipEmpty())) {
    absl::Status status = ParseEnum(option, std::string(name), &values->emplace_back());
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace suppressd::suppressctl
