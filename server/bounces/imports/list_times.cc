#include "server/bounces/imports/list_times.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"

namespace suppressd {
namespace {

// No form is longer, its zone's name included.
constexpr size_t kTimeBytesMax = 96;
// Numbers from here on are milliseconds: as seconds they would be in the year 5138.
constexpr double kMillisecondsFrom = 1e11;
// The last second that a protobuf Timestamp knows, 9999-12-31T23:59:59Z.
constexpr int64_t kTimestampSecondsMax = 253'402'300'799;

constexpr absl::string_view kUnknown[] = {"", "0", "null", "\\n", "never", "none", "n/a", "-"};

struct Zone {
  absl::string_view name;
  absl::string_view offset;
};

// RFC 2822 section 4.3, and the plain names of UTC.
constexpr Zone kZones[] = {{"UTC", "+0000"}, {"GMT", "+0000"}, {"UT", "+0000"},  {"Z", "+0000"},
                           {"EST", "-0500"}, {"EDT", "-0400"}, {"CST", "-0600"}, {"CDT", "-0500"},
                           {"MST", "-0700"}, {"MDT", "-0600"}, {"PST", "-0800"}, {"PDT", "-0700"}};

constexpr absl::string_view kWithZone[] = {
    "%Y-%m-%d%ET%H:%M:%E*S%Ez",   "%Y-%m-%d %H:%M:%E*S%Ez",      "%Y-%m-%d%ET%H:%M:%E*S %Ez", "%Y-%m-%d %H:%M:%E*S %Ez",
    "%Y-%m-%d%ET%H:%M%Ez",        "%a, %d %b %Y %H:%M:%E*S %Ez", "%d %b %Y %H:%M:%E*S %Ez",   "%a, %d %b %Y %H:%M %Ez",
    "%a %b %d %Y %H:%M:%E*S %Ez", "%a %b %d %H:%M:%E*S %Ez %Y"};
constexpr absl::string_view kWithoutZone[] = {
    "%Y-%m-%d%ET%H:%M:%E*S",   "%Y-%m-%d %H:%M:%E*S",    "%Y-%m-%d%ET%H:%M",   "%Y-%m-%d %H:%M", "%Y-%m-%d",
    "%a, %d %b %Y %H:%M:%E*S", "%a %b %d %Y %H:%M:%E*S", "%d %b %Y %H:%M:%E*S"};

bool IsOffset(absl::string_view word) {
  return word.size() >= 5 && (word[0] == '+' || word[0] == '-') &&
         std::all_of(word.begin() + 1, word.end(), [](char c) { return absl::ascii_isdigit(c) || c == ':'; });
}

absl::string_view LastWord(absl::string_view text) {
  const size_t space = text.rfind(' ');
  return space == absl::string_view::npos ? text : text.substr(space + 1);
}

// The end of a text in digits: "10:11:12 UTC", "GMT+0000 (Some Zone)" and "+0000 UTC m=+0.1" to "+0000".
std::string WithPlainZone(absl::string_view text) {
  text = text.substr(0, text.find('('));
  text = absl::StripAsciiWhitespace(text.substr(0, text.find(" m=")));
  const absl::string_view last = LastWord(text);
  const absl::string_view before = absl::StripTrailingAsciiWhitespace(text.substr(0, text.size() - last.size()));
  if (before.empty()) return std::string(text);
  const bool with_offset = (absl::StartsWith(last, "GMT") || absl::StartsWith(last, "UTC")) && IsOffset(last.substr(3));
  if (with_offset) return absl::StrCat(before, " ", last.substr(3));
  if (std::all_of(last.begin(), last.end(), absl::ascii_isalpha)) {
    // Go writes the offset, then the name of the zone again.
    if (IsOffset(LastWord(before))) return std::string(before);
    for (const Zone& zone : kZones) {
      if (absl::EqualsIgnoreCase(zone.name, last)) return absl::StrCat(before, " ", zone.offset);
    }
  }
  return std::string(text);
}

bool Parse(absl::Span<const absl::string_view> forms, absl::string_view text, absl::Time* time) {
  return std::any_of(forms.begin(), forms.end(), [&](absl::string_view form) {
    return absl::ParseTime(form, text, absl::UTCTimeZone(), time, nullptr);
  });
}

// Whether a number with an exponent has all digits before its decimal point. Spreadsheets throw some away, "1.79E+09",
// and then it is off by weeks.
bool HasAllDigits(absl::string_view text, size_t exponent) {
  const absl::string_view digits = text.substr(0, exponent);
  const size_t dot = digits.find('.');
  const size_t after_dot = dot == absl::string_view::npos ? 0 : digits.size() - dot - 1;
  size_t power = 0;
  return absl::SimpleAtoi(absl::StripPrefix(text.substr(exponent + 1), "+"), &power) && power <= after_dot;
}

// Seconds with a fraction, digit by digit: a double does not hold the microseconds of today.
std::optional<absl::Time> ReadNumber(absl::string_view text) {
  double about = 0;
  if (!absl::SimpleAtod(text, &about) || !(about >= 0) || about / 1'000 > kTimestampSecondsMax) return std::nullopt;
  if (about >= kMillisecondsFrom) return absl::FromUnixMillis(static_cast<int64_t>(about));
  if (const size_t exponent = text.find_first_of("eE"); exponent != absl::string_view::npos) {
    if (!HasAllDigits(text, exponent)) return std::nullopt;
    return absl::FromUnixSeconds(static_cast<int64_t>(about));
  }
  const size_t dot = text.find('.');
  int64_t seconds = 0;
  if (!absl::SimpleAtoi(text.substr(0, dot), &seconds)) return absl::FromUnixSeconds(static_cast<int64_t>(about));
  std::string fraction(dot == absl::string_view::npos ? "" : text.substr(dot + 1));
  fraction.resize(9, '0');
  int64_t nanos = 0;
  if (!absl::SimpleAtoi(fraction, &nanos)) return absl::FromUnixSeconds(seconds);
  return absl::FromUnixSeconds(seconds) + absl::Nanoseconds(nanos);
}

bool IsNumber(absl::string_view text) {
  return text.find_first_not_of("0123456789.eE+") == absl::string_view::npos && absl::ascii_isdigit(text[0]);
}

}  // namespace

std::optional<ListTime> ReadListTime(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  if (text.size() > kTimeBytesMax) return std::nullopt;
  for (const absl::string_view unknown : kUnknown) {
    if (absl::EqualsIgnoreCase(text, unknown)) return ListTime{};
  }
  if (absl::StartsWith(text, "0000-00-00") || absl::StartsWith(text, "0001-01-01")) return ListTime{};
  absl::Time time;
  bool zone_missing = false;
  if (IsNumber(text)) {
    const std::optional<absl::Time> number = ReadNumber(text);
    if (!number.has_value()) return std::nullopt;
    time = *number;
  } else if (!absl::ascii_isalnum(text[0]) || absl::StartsWithIgnoreCase(text, "infinite")) {
    return std::nullopt;  // what absl takes for the end of time
  } else if (const std::string plain = WithPlainZone(text); !Parse(kWithZone, plain, &time)) {
    if (!Parse(kWithoutZone, plain, &time)) return std::nullopt;
    zone_missing = true;
  }
  if (time <= absl::UnixEpoch()) return ListTime{};
  if (time > absl::FromUnixSeconds(kTimestampSecondsMax)) return std::nullopt;
  return ListTime{time, zone_missing};
}

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(seconds);
  timestamp.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  return timestamp;
}

}  // namespace suppressd
