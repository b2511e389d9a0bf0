#include "server/bounces/rules/code_pattern.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace suppressd {
namespace {

constexpr int kPartMax = 999;

// "x", "26" or, for details, "606-649".
bool ParsePart(absl::string_view text, int* min, int* max) {
  if (text == "x") {
    *min = 0;
    *max = kPartMax;
    return true;
  }
  const std::vector<absl::string_view> ends = absl::StrSplit(text, '-');
  return ends.size() <= 2 && absl::SimpleAtoi(ends.front(), min) && absl::SimpleAtoi(ends.back(), max) && *min >= 0 &&
         *min <= *max && *max <= kPartMax;
}

std::string FormatPart(int min, int max) {
  if (min == 0 && max == kPartMax) return "x";
  return min == max ? absl::StrCat(min) : absl::StrCat(min, "-", max);
}

}  // namespace

bool ParseEnhancedCodeRange(absl::string_view text, EnhancedCodeRange* range) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '.');
  return parts.size() == 3 && (parts[0] == "4" || parts[0] == "5") && absl::SimpleAtoi(parts[0], &range->code_class) &&
         ParsePart(parts[1], &range->subject_min, &range->subject_max) &&
         ParsePart(parts[2], &range->detail_min, &range->detail_max);
}

std::string FormatEnhancedCodeRange(const EnhancedCodeRange& range) {
  return absl::StrCat(range.code_class, ".", FormatPart(range.subject_min, range.subject_max), ".",
                      FormatPart(range.detail_min, range.detail_max));
}

bool InRange(absl::string_view enhanced_code, const EnhancedCodeRange& range) {
  int numbers[3] = {0, 0, 0};
  int part = 0;
  for (const char c : enhanced_code) {
    if (c == '.') {
      if (++part > 2) return false;
    } else if (c >= '0' && c <= '9' && numbers[part] < 1000) {
      numbers[part] = numbers[part] * 10 + (c - '0');
    } else {
      return false;
    }
  }
  return part == 2 && numbers[0] == range.code_class && numbers[1] >= range.subject_min &&
         numbers[1] <= range.subject_max && numbers[2] >= range.detail_min && numbers[2] <= range.detail_max;
}

bool IsCodePattern(absl::string_view text) {
  const auto digit_or_x = [](char c) { return (c >= '0' && c <= '9') || c == 'x'; };
  return text.size() == 3 && (text[0] == '4' || text[0] == '5') && digit_or_x(text[1]) && digit_or_x(text[2]);
}

bool MatchesCode(int code, absl::string_view pattern) {
  const int digits[] = {code / 100 % 10, code / 10 % 10, code % 10};
  for (size_t i = 0; i < 3; ++i) {
    if (pattern[i] != 'x' && pattern[i] != '0' + digits[i]) return false;
  }
  return code != 0;
}

}  // namespace suppressd
