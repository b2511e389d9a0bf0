#include "client/suppressctl/text.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/internal/utf8.h"

namespace suppressd::suppressctl {
namespace {

using client_internal::CodePoint;
using client_internal::DecodeUtf8;

bool IsControl(uint32_t value) {
  return value < 0x20 || (value >= 0x7f && value < 0xa0);
}

// Separators and marks that reorder or break the text around them, and the byte order mark.
bool IsReordering(uint32_t value) {
  return value == 0x061c || (value >= 0x200b && value <= 0x200f) || (value >= 0x2028 && value <= 0x202e) ||
         (value >= 0x2060 && value <= 0x206f) || value == 0xfeff;
}

void AppendEscaped(const std::string& text, size_t position, const CodePoint& point, std::string* out) {
  switch (point.value) {
    case '\n':
      absl::StrAppend(out, "\\n");
      return;
    case '\r':
      absl::StrAppend(out, "\\r");
      return;
    case '\t':
      absl::StrAppend(out, "\\t");
      return;
    case '\\':
      absl::StrAppend(out, "\\\\");
      return;
    default:
      break;
  }
  if (!point.valid || IsControl(point.value)) {
    absl::StrAppendFormat(out, "\\x%02x", point.value);
  } else if (IsReordering(point.value)) {
    absl::StrAppendFormat(out, "\\u{%04x}", point.value);
  } else {
    out->append(text, position, point.bytes);
  }
}

size_t Width(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

std::string Escape(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = DecodeUtf8(text, i);
    AppendEscaped(text, i, point, &out);
    i += point.bytes;
  }
  return out;
}

std::string JsonString(const std::string& text) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = DecodeUtf8(text, i);
    if (!point.valid) {
      absl::StrAppend(&out, "\\ufffd");
    } else if (point.value == '"' || point.value == '\\') {
      absl::StrAppend(&out, "\\", std::string(1, text[i]));
    } else if (IsControl(point.value) || IsReordering(point.value)) {
      absl::StrAppendFormat(&out, "\\u%04x", point.value);
    } else {
      out.append(text, i, point.bytes);
    }
    i += point.bytes;
  }
  out += '"';
  return out;
}

// What is not ASCII, or is a control character, stands in strings only.
std::string EscapeJson(const std::string& json) {
  std::string out;
  for (size_t i = 0; i < json.size();) {
    const CodePoint point = DecodeUtf8(json, i);
    if (point.valid && (IsControl(point.value) || IsReordering(point.value))) {
      absl::StrAppendFormat(&out, "\\u%04x", point.value);
    } else {
      out.append(json, i, point.bytes);
    }
    i += point.bytes;
  }
  return out;
}

std::string TimeText(const std::optional<absl::Time>& time) {
  return time.has_value() ? absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", *time, absl::UTCTimeZone()) : "-";
}

std::string DurationText(absl::Duration duration) {
  absl::Duration rest = absl::AbsDuration(duration);
  const int64_t seconds = absl::IDivDuration(rest, absl::Seconds(1), &rest);
  std::string text = absl::StrCat(duration < absl::ZeroDuration() ? "-" : "", seconds);
  if (const int64_t nanos = rest / absl::Nanoseconds(1); nanos > 0) {
    absl::StrAppend(&text, ".", absl::Dec(nanos, absl::kZeroPad9));
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text + "s";
}

void Table::Print(std::ostream& out) const {
  std::vector<std::vector<std::string>> cells = rows_;
  std::vector<size_t> widths;
  for (auto& row : cells) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (size_t i = 0; i < row.size(); ++i) {
      row[i] = row[i].empty() ? "-" : Escape(row[i]);
      widths[i] = std::max(widths[i], Width(row[i]));
    }
  }
  for (const auto& row : cells) {
    for (size_t i = 0; i < row.size(); ++i) {
      out << row[i];
      if (i + 1 < row.size()) out << std::string(widths[i] - Width(row[i]) + 2, ' ');
    }
    out << "\n";
  }
}

}  // namespace suppressd::suppressctl
