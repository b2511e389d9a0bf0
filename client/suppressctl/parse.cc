#include "client/suppressctl/parse.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace suppressd::suppressctl {
namespace {

constexpr int kDaysMax = 36'500;

bool InTimestampRange(absl::Time time) {
  return time >= absl::FromUnixSeconds(-62'135'596'800) && time < absl::FromUnixSeconds(253'402'300'800);
}

}  // namespace

absl::StatusOr<absl::Duration> ParseDuration(const std::string& text) {
  absl::Duration duration;
  absl::string_view days = text;
  int number = 0;
  if (absl::ConsumeSuffix(&days, "d") && absl::SimpleAtoi(days, &number) && number <= kDaysMax) {
    duration = absl::Hours(24) * number;
  } else if (!absl::ParseDuration(text, &duration)) {
    return absl::InvalidArgumentError("a duration looks like 500ms, 2s, 1h30m or 30d");
  }
  if (duration <= absl::ZeroDuration() || duration > absl::Hours(24) * kDaysMax) {
    return absl::InvalidArgumentError("a duration must be positive, and at most 36500d");
  }
  return duration;
}

absl::StatusOr<absl::Duration> ParseDurationOrZero(const std::string& text) {
  absl::Duration duration;
  if (absl::ParseDuration(text, &duration) && duration == absl::ZeroDuration()) return duration;
  return ParseDuration(text);
}

absl::Status ParseMaxStaleness(const std::string& text, std::optional<absl::Duration>* duration) {
  if (text.empty()) return absl::OkStatus();
  const absl::StatusOr<absl::Duration> parsed = ParseDurationOrZero(text);
  if (!parsed.ok()) return absl::InvalidArgumentError(absl::StrCat("--max_staleness: ", parsed.status().message()));
  *duration = *parsed;
  return absl::OkStatus();
}

absl::StatusOr<absl::Time> ParseTime(const std::string& text) {
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error) || !InTimestampRange(time)) {
    return absl::InvalidArgumentError("a time looks like 2026-03-01T12:00:00Z or 2026-03-01T13:00:00+01:00");
  }
  return time;
}

absl::StatusOr<absl::Time> ParseTimeOrDuration(const std::string& text, absl::Time now) {
  const absl::StatusOr<absl::Duration> duration = ParseDuration(text);
  if (!duration.ok()) return ParseTime(text);
  return now + *duration;
}

absl::Status ParseOptionalTime(const std::string& option, const std::string& text, std::optional<absl::Time>* time) {
  if (text.empty()) return absl::OkStatus();
  const absl::StatusOr<absl::Time> parsed = ParseTime(text);
  if (!parsed.ok()) return absl::InvalidArgumentError(absl::StrCat(option, ": ", parsed.status().message()));
  *time = *parsed;
  return absl::OkStatus();
}

absl::StatusOr<CauseSelector> ParseCauseSelector(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  CauseSelector selector;
  if (parts.size() > 3 || parts[0].empty()) {
    return absl::InvalidArgumentError("--cause looks like COMPLAINT, HARD_BOUNCE:MAILBOX_FULL or UNSUBSCRIBE::news");
  }
  absl::Status status = ParseEnum("--cause", parts[0], &selector.type);
  if (parts.size() > 1 && !parts[1].empty()) status.Update(ParseEnum("--cause", parts[1], &selector.reason.emplace()));
  if (parts.size() > 2) selector.stream = parts[2];
  if (!status.ok()) return status;
  return selector;
}

}  // namespace suppressd::suppressctl
