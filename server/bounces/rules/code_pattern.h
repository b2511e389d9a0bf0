// How a rule names reply codes ("5xx") and enhanced status codes ("5.7.606-649"). All functions are pure.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace suppressd {

// "5.7.x", "5.7.606-649": enhanced status codes of class 4 or 5.
struct EnhancedCodeRange {
  int code_class = 0;
  int subject_min = 0;
  int subject_max = 0;
  int detail_min = 0;
  int detail_max = 0;
};

// Whether a text is such a pattern; `range` is set when it is.
bool ParseEnhancedCodeRange(absl::string_view text, EnhancedCodeRange* range);
// The pattern that parses to this range.
std::string FormatEnhancedCodeRange(const EnhancedCodeRange& range);
// Whether "5.7.1" is in a range. False for anything that is no enhanced status code.
bool InRange(absl::string_view enhanced_code, const EnhancedCodeRange& range);

// Whether a text is "550", "55x" or "5xx"; the first digit is 4 or 5.
bool IsCodePattern(absl::string_view text);
// Whether 550 is "5xx". False for zero.
bool MatchesCode(int code, absl::string_view pattern);

}  // namespace suppressd
