// All patterns of a rule set compiled into one RE2::Set: a text is read once, whatever the number of rules.
#pragma once

#include <re2/re2.h>
#include <re2/set.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/bounces/rules/rule_set.h"

namespace suppressd {

// What the patterns found in one reply.
struct RuleMatches {
  // Per rule: which of its lists matched.
  static constexpr uint8_t kMatch = 1;
  static constexpr uint8_t kUnless = 2;
  std::vector<uint8_t> rules;
  // Bit n: families[n], by host or by text.
  uint64_t families = 0;
  // The first stage, in file order, that the text speaks of.
  v1::SmtpReply::Stage stage = v1::SmtpReply::STAGE_UNSPECIFIED;
  // Patterns that matched; for Evidence.
  std::vector<int> patterns;
};

// Immutable and thread-safe.
class RuleMatcher {
 public:
  // `bytes_max`: the budget of the automaton, patterns and its states together. INVALID_ARGUMENT (INVALID_FIELD) with
  // "NAME:LINE: what" for a pattern that does not compile, or when the patterns alone exceed the budget.
  static absl::StatusOr<std::unique_ptr<const RuleMatcher>> Compile(const RuleSet& set, int64_t bytes_max);

  // False when the automaton ran out of its memory budget: nothing is known then.
  bool Match(absl::string_view text, absl::string_view host, RuleMatches* matches) const;

  // The part of the text that the rule's first matching pattern matched; empty for a rule without patterns.
  absl::string_view Evidence(size_t rule, const RuleMatches& matches, absl::string_view text) const;

 private:
  enum class Role { kMatch, kUnless, kFamily, kStage };
  struct Pattern {
    Role role;
    size_t owner;                                   // index of the rule, family or stage
    std::unique_ptr<const RE2> evidence = nullptr;  // kMatch only
  };

  explicit RuleMatcher(int64_t bytes_max);
  absl::Status Add(const RuleSet& set, Role role, size_t owner, const std::vector<RulePattern>& patterns);
  absl::Status AddHosts(const RuleSet& set, size_t family);
  absl::Status AddAll(const RuleSet& set);
  absl::Status CompileEvidence(const RuleSet& set);

  RE2::Set texts_;
  RE2::Set hosts_;
  std::vector<Pattern> patterns_;      // by index in texts_
  std::vector<size_t> host_families_;  // by index in hosts_
  std::vector<v1::SmtpReply::Stage> stages_;
  size_t rule_count_ = 0;
};

}  // namespace suppressd
