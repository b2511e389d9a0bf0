// The rule file as data: what bounce_rules.yaml says, checked but not yet compiled. The file itself describes the
// format.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "suppression/v1/bounce.pb.h"

namespace suppression {

// In the order in which they are asked; the first rule that applies wins.
enum class RuleLayer { kNotice, kProvider, kSender, kRecipient, kStage, kEnhanced, kFallback };

// Families are bits of one word.
inline constexpr size_t kFamiliesMax = 64;
inline constexpr size_t kRulesMax = 5'000;
inline constexpr size_t kPatternMaxOctets = 2'000;

// "5.7.x", "5.7.606-649": which enhanced status codes a rule is about.
struct EnhancedCodeRange {
  int code_class = 0;
  int subject_min = 0;
  int subject_max = 0;
  int detail_min = 0;
  int detail_max = 0;
};

// One rule. Conditions that are empty hold always; all conditions must hold.
struct Rule {
  std::string id;
  RuleLayer layer = RuleLayer::kNotice;
  int line = 0;
  // "550", "5xx".
  std::vector<std::string> codes;
  std::vector<EnhancedCodeRange> enhanced_codes;
  // Bit n: SmtpStage n.
  uint32_t stages = 0;
  // Bit n: families[n].
  uint64_t families = 0;
  // Any of these must match the text, none of those may. Words are filled in.
  std::vector<std::string> match;
  std::vector<std::string> unless;
  v1::Verdict::Class bounce_class = v1::Verdict::CLASS_UNSPECIFIED;
  v1::BounceReason reason = v1::BOUNCE_REASON_UNSPECIFIED;
  // HARD stays HARD even when a code says 4xx.
  bool decisive = false;
  // HARD becomes SOFT unless a code says 5xx.
  bool needs_permanent_code = false;
};

// A group of remote MTAs with ways of their own.
struct RuleFamily {
  std::string name;
  // Patterns of host names, and of texts that only this family sends.
  std::vector<std::string> hosts;
  std::vector<std::string> texts;
};

// How a text says at which stage a reply came.
struct RuleStage {
  v1::SmtpStage stage = v1::SMTP_STAGE_UNSPECIFIED;
  std::vector<std::string> texts;
};

// A text that is to be classified in order to test a rule, and to warm up the matcher.
struct RuleExample {
  v1::SmtpReply reply;
  std::string rule_id;
  // False: the rule must not win.
  bool wins = true;
  v1::Verdict::Class bounce_class = v1::Verdict::CLASS_UNSPECIFIED;
  v1::BounceReason reason = v1::BOUNCE_REASON_UNSPECIFIED;
  int line = 0;
};

struct RuleFile {
  std::vector<RuleFamily> families;
  std::vector<RuleStage> stages;
  std::vector<Rule> rules;  // in order of layers, then of the file
  std::vector<RuleExample> examples;
};

// INVALID_ARGUMENT (INVALID_FIELD) with "NAME:LINE: what is wrong". Patterns are not compiled yet. Thread-safe.
absl::StatusOr<RuleFile> ReadRuleFile(absl::string_view name, absl::string_view yaml);

// Whether "5.7.1" is in a range. False for anything that is no enhanced status code.
bool InRange(absl::string_view enhanced_code, const EnhancedCodeRange& range);
// Whether 550 is "5xx". False for zero.
bool MatchesCode(int code, absl::string_view pattern);

}  // namespace suppression
