// What suppressd says when a recipient is refused because it is suppressed: one text for every door that refuses mail,
// so that it is recognised when it comes back as a bounce, and never taken for news. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "suppressd/v1/suppression.pb.h"

namespace suppressd {

// The rule that recognises it (bounce_rules.yaml). It is asked before all others.
inline constexpr char kRefusalRule[] = "suppressd.refusal";

// Bounds of what a rule file may give, in bytes.
inline constexpr size_t kRefusalMarkerMinBytes = 6;
inline constexpr size_t kRefusalMarkerMaxBytes = 40;
inline constexpr size_t kRefusalWordsMaxBytes = 120;

// How refusals are worded.
struct RefusalFormat {
  // What only refusals of ours hold; the rule recognises it wherever it stands.
  std::string marker = "[suppressd]";
  // {reason}, {date} and {marker} stand for what they say; {marker} stands in it once.
  std::string text = "suppressed: {reason}, since {date} {marker}";

  bool operator==(const RefusalFormat&) const = default;
};

// What is wrong with a format; empty: nothing.
std::string ProblemOf(const RefusalFormat& format);

// The text for a cause: "suppressed: mailbox full, since 2026-11-10 [suppressd]". The date, in UTC, is that of the
// first event of the cause. Printable ASCII on one line.
std::string RefusalText(const RefusalFormat& format, const v1::Cause& cause);

}  // namespace suppressd
