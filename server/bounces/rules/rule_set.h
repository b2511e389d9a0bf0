// A rule set as data: what one rule file, or a file layered above another, says; checked but not yet compiled.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/bounces/rules/code_pattern.h"
#include "server/bounces/rules/refusal_text.h"
#include "suppressd/v1/bounce.pb.h"

namespace suppressd {

// In the order in which they are asked; the first rule that applies wins. kOwn is for suppressd's own words and in the
// built-in file only, kOverride for rules of a file of one's own.
enum class RuleLayer { kOwn, kOverride, kNotice, kProvider, kSender, kRecipient, kStage, kEnhanced, kFallback };
inline constexpr size_t kRuleLayers = 9;

// The name of its section: "override", "notice".
const char* LayerName(RuleLayer layer);

// Families are bits of one word.
inline constexpr size_t kFamiliesMax = 64;
// Of a whole set, layered files together.
inline constexpr size_t kRulesMax = 5'000;
inline constexpr size_t kPatternsMax = 20'000;
inline constexpr size_t kExamplesMax = 20'000;
inline constexpr size_t kPatternMaxBytes = 2'000;
// Of one rule.
inline constexpr size_t kCodesMax = 100;

// Where something stands: an index into RuleSet::file_names and a line from 1 on.
struct RulePlace {
  int file = 0;
  int line = 0;
};

struct RulePattern {
  std::string text;     // words filled in
  std::string written;  // as it stands in the file
  RulePlace place;
};

// A reply that is to be classified in order to test a rule, and to warm up the matcher.
struct RuleExample {
  v1::SmtpReply reply;
  // False: the rule must not win, and the verdict below is not set.
  bool wins = true;
  v1::Verdict::Class bounce_class = v1::Verdict::CLASS_UNSPECIFIED;
  v1::BounceReason reason = v1::BOUNCE_REASON_UNSPECIFIED;
  RulePlace place;
};

// One rule. Conditions that are empty hold always; all conditions must hold.
struct Rule {
  std::string id;
  RuleLayer layer = RuleLayer::kNotice;
  RulePlace place;
  // "550", "5xx".
  std::vector<std::string> codes;
  std::vector<EnhancedCodeRange> enhanced_codes;
  // Bit n: SmtpStage n.
  uint32_t stages = 0;
  // Bit n: families[n].
  uint64_t families = 0;
  // Any of these must match the text, none of those may.
  std::vector<RulePattern> match;
  std::vector<RulePattern> unless;
  v1::Verdict::Class bounce_class = v1::Verdict::CLASS_UNSPECIFIED;
  v1::BounceReason reason = v1::BOUNCE_REASON_UNSPECIFIED;
  // HARD stays HARD even when a code says 4xx.
  bool decisive = false;
  // HARD becomes SOFT unless a code says 5xx.
  bool needs_permanent_code = false;
  // Where the knowledge comes from; may be empty.
  std::string source;
  std::vector<RuleExample> examples;
};

// A group of remote MTAs with ways of their own.
struct RuleFamily {
  std::string name;
  // Patterns of host names, and of texts that only this family sends.
  std::vector<RulePattern> hosts;
  std::vector<RulePattern> texts;
};

// How a text says at which stage a reply came.
struct RuleStage {
  v1::SmtpReply::Stage stage = v1::SmtpReply::STAGE_UNSPECIFIED;
  std::vector<RulePattern> texts;
};

struct RuleSet {
  std::vector<std::string> file_names;  // the lowest first
  std::map<std::string, std::string, std::less<>> words;
  std::vector<RuleFamily> families;
  std::vector<RuleStage> stages;
  // In order of layers; within a layer the rules of the highest file first, each file's in its own order.
  std::vector<Rule> rules;
  RefusalFormat refusal;
};

// "NAME:LINE: what"; and the same as INVALID_ARGUMENT (INVALID_FIELD).
std::string At(const RuleSet& set, const RulePlace& place, absl::string_view what);
absl::Status ErrorAt(const RuleSet& set, const RulePlace& place, absl::string_view what);

}  // namespace suppressd
