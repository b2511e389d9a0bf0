#include "server/bounces/rules/rule_matcher.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace suppressd {
namespace {

constexpr int64_t kEvidenceMaxBytes = int64_t{8} << 20;

RE2::Options PatternOptions(int64_t bytes_max) {
  RE2::Options options;
  options.set_case_sensitive(false);
  options.set_log_errors(false);
  options.set_max_mem(bytes_max);
  return options;
}

re2::StringPiece Piece(absl::string_view text) {
  return re2::StringPiece(text.data(), text.size());
}

absl::Status BadPattern(const RuleSet& set, const RulePattern& pattern, absl::string_view why) {
  return ErrorAt(set, pattern.place, absl::StrCat("pattern /", pattern.written, "/: ", why));
}

}  // namespace

RuleMatcher::RuleMatcher(int64_t bytes_max)
    : texts_(PatternOptions(bytes_max), RE2::UNANCHORED), hosts_(PatternOptions(bytes_max / 8), RE2::UNANCHORED) {}

absl::StatusOr<std::unique_ptr<const RuleMatcher>> RuleMatcher::Compile(const RuleSet& set, int64_t bytes_max) {
  std::unique_ptr<RuleMatcher> matcher(new RuleMatcher(bytes_max));
  absl::Status status = matcher->AddAll(set);
  if (status.ok() && (!matcher->texts_.Compile() || !matcher->hosts_.Compile())) {
    const int newest = static_cast<int>(set.file_names.size()) - 1;
    status = ErrorAt(set, {.file = newest, .line = 1}, "the patterns need too much memory");
  }
  // Only now: the budget of the whole bounds what the single patterns take.
  if (status.ok()) status = matcher->CompileEvidence(set);
  if (!status.ok()) return status;
  return std::unique_ptr<const RuleMatcher>(std::move(matcher));
}

absl::Status RuleMatcher::AddAll(const RuleSet& set) {
  rule_count_ = set.rules.size();
  absl::Status status;
  for (size_t i = 0; i < set.rules.size() && status.ok(); ++i) {
    status = Add(set, Role::kMatch, i, set.rules[i].match);
    if (status.ok()) status = Add(set, Role::kUnless, i, set.rules[i].unless);
  }
  for (size_t i = 0; i < set.families.size() && status.ok(); ++i) {
    status = Add(set, Role::kFamily, i, set.families[i].texts);
    if (status.ok()) status = AddHosts(set, i);
  }
  for (size_t i = 0; i < set.stages.size() && status.ok(); ++i) {
    stages_.push_back(set.stages[i].stage);
    status = Add(set, Role::kStage, i, set.stages[i].texts);
  }
  return status;
}

absl::Status RuleMatcher::Add(const RuleSet& set, Role role, size_t owner, const std::vector<RulePattern>& patterns) {
  std::string error;
  for (const RulePattern& pattern : patterns) {
    if (texts_.Add(pattern.text, &error) < 0) return BadPattern(set, pattern, error);
    patterns_.push_back({role, owner});
  }
  return absl::OkStatus();
}

absl::Status RuleMatcher::AddHosts(const RuleSet& set, size_t family) {
  std::string error;
  for (const RulePattern& pattern : set.families[family].hosts) {
    if (hosts_.Add(pattern.text, &error) < 0) return BadPattern(set, pattern, error);
    host_families_.push_back(family);
  }
  return absl::OkStatus();
}

absl::Status RuleMatcher::CompileEvidence(const RuleSet& set) {
  size_t next = 0;
  for (const Rule& rule : set.rules) {
    for (const RulePattern& pattern : rule.match) {
      while (patterns_[next].role != Role::kMatch) ++next;
      auto evidence = std::make_unique<const RE2>(pattern.text, PatternOptions(kEvidenceMaxBytes));
      if (!evidence->ok()) return BadPattern(set, pattern, evidence->error());
      patterns_[next++].evidence = std::move(evidence);
    }
  }
  return absl::OkStatus();
}

bool RuleMatcher::Match(absl::string_view text, absl::string_view host, RuleMatches* matches) const {
  matches->rules.assign(rule_count_, 0);
  RE2::Set::ErrorInfo error{};
  std::vector<int> hosts;
  if (!host.empty() && !host_families_.empty() && !hosts_.Match(Piece(host), &hosts, &error) &&
      error.kind != RE2::Set::kNoError) {
    return false;
  }
  for (const int i : hosts) matches->families |= uint64_t{1} << host_families_[i];
  if (text.empty() || patterns_.empty()) return true;
  if (!texts_.Match(Piece(text), &matches->patterns, &error) && error.kind != RE2::Set::kNoError) return false;
  size_t stage = stages_.size();
  for (const int i : matches->patterns) {
    const Pattern& pattern = patterns_[i];
    switch (pattern.role) {
      case Role::kMatch:
        matches->rules[pattern.owner] |= RuleMatches::kMatch;
        break;
      case Role::kUnless:
        matches->rules[pattern.owner] |= RuleMatches::kUnless;
        break;
      case Role::kFamily:
        matches->families |= uint64_t{1} << pattern.owner;
        break;
      case Role::kStage:
        stage = std::min(stage, pattern.owner);
        break;
    }
  }
  if (stage < stages_.size()) matches->stage = stages_[stage];
  return true;
}

absl::string_view RuleMatcher::Evidence(size_t rule, const RuleMatches& matches, absl::string_view text) const {
  int first = static_cast<int>(patterns_.size());
  for (const int i : matches.patterns) {
    if (patterns_[i].role == Role::kMatch && patterns_[i].owner == rule) first = std::min(first, i);
  }
  re2::StringPiece found;
  if (first == static_cast<int>(patterns_.size()) ||
      !patterns_[first].evidence->Match(Piece(text), 0, text.size(), RE2::UNANCHORED, &found, 1)) {
    return "";
  }
  return absl::string_view(found.data(), found.size());
}

}  // namespace suppressd
