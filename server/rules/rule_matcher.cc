#include "server/rules/rule_matcher.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/error.h"

namespace suppression {
namespace {

// A Set has no fallback when its automaton outgrows the budget; RE2's default of 8 MiB makes it thrash.
constexpr int64_t kMatcherMaxOctets = int64_t{128} << 20;

RE2::Options PatternOptions(int64_t max_octets) {
  RE2::Options options;
  options.set_case_sensitive(false);
  options.set_log_errors(false);
  options.set_max_mem(max_octets);
  return options;
}

re2::StringPiece Piece(absl::string_view text) {
  return re2::StringPiece(text.data(), text.size());
}

absl::Status Fail(absl::string_view name, int line, absl::string_view what) {
  return InvalidArgument(v1::INVALID_FIELD, absl::StrCat(name, ":", line, ": ", what));
}

}  // namespace

RuleMatcher::RuleMatcher()
    : texts_(PatternOptions(kMatcherMaxOctets), RE2::UNANCHORED),
      hosts_(PatternOptions(kMatcherMaxOctets / 8), RE2::UNANCHORED) {}

absl::StatusOr<std::unique_ptr<const RuleMatcher>> RuleMatcher::Compile(absl::string_view name, const RuleFile& file) {
  std::unique_ptr<RuleMatcher> matcher(new RuleMatcher);
  matcher->rule_count_ = file.rules.size();
  absl::Status status;
  const auto add = [&](int line, Role role, size_t owner, const std::vector<std::string>& patterns) {
    for (const std::string& pattern : patterns) {
      if (status.ok()) status = matcher->Add(name, line, role, owner, pattern);
    }
  };
  for (size_t i = 0; i < file.rules.size(); ++i) {
    add(file.rules[i].line, Role::kMatch, i, file.rules[i].match);
    add(file.rules[i].line, Role::kUnless, i, file.rules[i].unless);
  }
  for (size_t i = 0; i < file.families.size(); ++i) {
    add(1, Role::kFamily, i, file.families[i].texts);
    for (const std::string& host : file.families[i].hosts) {
      if (status.ok()) status = matcher->AddHost(name, i, host);
    }
  }
  for (size_t i = 0; i < file.stages.size(); ++i) {
    matcher->stages_.push_back(file.stages[i].stage);
    add(1, Role::kStage, i, file.stages[i].texts);
  }
  if (!status.ok()) return status;
  if (!matcher->texts_.Compile() || !matcher->hosts_.Compile())
    return Fail(name, 1, "the patterns need too much memory");
  return std::unique_ptr<const RuleMatcher>(std::move(matcher));
}

absl::Status RuleMatcher::Add(absl::string_view name, int line, Role role, size_t owner, const std::string& pattern) {
  std::string error;
  if (texts_.Add(pattern, &error) < 0) return Fail(name, line, absl::StrCat("pattern /", pattern, "/: ", error));
  auto evidence = role == Role::kMatch ? std::make_unique<const RE2>(pattern, PatternOptions(8 << 20)) : nullptr;
  if (evidence != nullptr && !evidence->ok()) {
    return Fail(name, line, absl::StrCat("pattern /", pattern, "/: ", evidence->error()));
  }
  patterns_.push_back({role, owner, std::move(evidence)});
  return absl::OkStatus();
}

absl::Status RuleMatcher::AddHost(absl::string_view name, size_t family, const std::string& pattern) {
  std::string error;
  if (hosts_.Add(pattern, &error) < 0) return Fail(name, 1, absl::StrCat("pattern /", pattern, "/: ", error));
  host_families_.push_back(family);
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

}  // namespace suppression
