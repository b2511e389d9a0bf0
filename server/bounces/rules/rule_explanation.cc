#include "server/bounces/rules/rule_explanation.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "server/bounces/rules/code_rules.h"
#include "server/bounces/rules/rule_set.h"

namespace suppressd {
namespace {

constexpr size_t kNearestMax = 5;
constexpr char kCodeLayer[] = "code";

const char* LayerMeaning(RuleLayer layer) {
  static constexpr const char* kMeanings[kRuleLayers] = {
      "what suppressd says itself, asked before everything",
      "rules of your own that come before everything",
      "no bounce at all, whatever it quotes",
      "one provider's codes and wording, or wording of narrow scope",
      "replies about the sender",
      "replies about the recipient",
      "what came before the recipient was named",
      "enhanced status codes that are unambiguous",
      "codes that hint",
  };
  return kMeanings[static_cast<size_t>(layer)];
}

std::string VerdictText(v1::Verdict::Class bounce_class, v1::BounceReason reason) {
  const std::string name = v1::Verdict::Class_Name(bounce_class);
  return reason == v1::BOUNCE_REASON_UNSPECIFIED ? name : absl::StrCat(name, " ", v1::BounceReason_Name(reason));
}

// Text from a file on one line: what would break it, or move a terminal's cursor, becomes a space.
std::string OneLine(absl::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (absl::ascii_iscntrl(c)) c = ' ';
  }
  return line;
}

void AddLine(std::string* text, absl::string_view name, absl::string_view value) {
  absl::StrAppendFormat(text, "%-12s  %s\n", name, OneLine(value));
}

void AddList(std::string* text, absl::string_view name, const std::vector<std::string>& values) {
  if (!values.empty()) AddLine(text, name, absl::StrJoin(values, ", "));
}

std::vector<std::string> StageNames(uint32_t stages) {
  std::vector<std::string> names;
  for (int stage = v1::SmtpReply::Stage_MIN; stage <= v1::SmtpReply::Stage_MAX; ++stage) {
    if (!v1::SmtpReply::Stage_IsValid(stage) || (stages & (1u << stage)) == 0) continue;
    names.push_back(stage == v1::SmtpReply::STAGE_UNSPECIFIED
                        ? "unknown"
                        : v1::SmtpReply::Stage_Name(static_cast<v1::SmtpReply::Stage>(stage)));
  }
  return names;
}

void AddPatterns(std::string* text, absl::string_view name, const std::vector<RulePattern>& patterns) {
  for (const RulePattern& pattern : patterns) {
    AddLine(text, name, pattern.written);
    name = "";
  }
}

void AddConditions(const RuleSet& set, const Rule& rule, std::string* text) {
  AddList(text, "codes", rule.codes);
  std::vector<std::string> enhanced_codes;
  for (const EnhancedCodeRange& range : rule.enhanced_codes) enhanced_codes.push_back(FormatEnhancedCodeRange(range));
  AddList(text, "enhanced", enhanced_codes);
  AddList(text, "stages", StageNames(rule.stages));
  std::vector<std::string> families;
  for (size_t i = 0; i < set.families.size(); ++i) {
    if ((rule.families >> i & 1) != 0) families.push_back(set.families[i].name);
  }
  AddList(text, "mta", families);
  AddPatterns(text, "match any of", rule.match);
  AddPatterns(text, "but none of", rule.unless);
}

void AddVerdict(const Rule& rule, std::string* text) {
  AddLine(text, "verdict", VerdictText(rule.bounce_class, rule.reason));
  if (rule.bounce_class != v1::Verdict::HARD) return;
  if (rule.decisive) {
    AddLine(text, "", "decisive: stays HARD when a code says 4xx");
  } else {
    AddLine(text, "", "becomes SOFT when a code says 4xx");
  }
  if (rule.needs_permanent_code) AddLine(text, "", "becomes SOFT unless a code says 5xx");
}

// "553 5.1.8 at RCPT from mx.example.com: text"; what is not given is left out.
std::string ExampleText(const Rule& rule, const RuleExample& example) {
  const v1::SmtpReply& reply = example.reply;
  std::vector<std::string> given;
  if (reply.code() != 0) given.push_back(absl::StrCat("code ", reply.code()));
  if (!reply.enhanced_code().empty()) given.push_back(absl::StrCat("enhanced ", reply.enhanced_code()));
  if (reply.stage() != v1::SmtpReply::STAGE_UNSPECIFIED) {
    given.push_back(absl::StrCat("stage ", v1::SmtpReply::Stage_Name(reply.stage())));
  }
  if (!reply.remote_mta().empty()) given.push_back(absl::StrCat("mta ", reply.remote_mta()));
  const bool other = example.wins && (example.bounce_class != rule.bounce_class || example.reason != rule.reason);
  if (other) given.push_back(absl::StrCat("gives ", VerdictText(example.bounce_class, example.reason)));
  const std::string conditions = given.empty() ? "" : absl::StrCat("  (", absl::StrJoin(given, ", "), ")");
  return absl::StrCat(reply.text(), conditions);
}

void AddExamples(const Rule& rule, bool wins, absl::string_view name, std::string* text) {
  for (const RuleExample& example : rule.examples) {
    if (example.wins != wins) continue;
    AddLine(text, name, ExampleText(rule, example));
    name = "";
  }
}

std::string Explain(const RuleSet& set, const Rule& rule) {
  std::string text;
  AddLine(&text, "rule", rule.id);
  AddLine(&text, "layer", absl::StrCat(LayerName(rule.layer), ": ", LayerMeaning(rule.layer)));
  AddLine(&text, "file", absl::StrCat(set.file_names[rule.place.file], ":", rule.place.line));
  AddConditions(set, rule, &text);
  AddVerdict(rule, &text);
  if (!rule.source.empty()) AddLine(&text, "source", rule.source);
  AddExamples(rule, true, "examples", &text);
  AddExamples(rule, false, "not examples", &text);
  return text;
}

std::string Explain(const CodeRule& rule, absl::string_view id) {
  std::string text;
  AddLine(&text, "rule", id);
  AddLine(&text, "layer", absl::StrCat(kCodeLayer, ": decided by suppressd itself, in no rule file"));
  AddLine(&text, "verdict", rule.verdict);
  AddLine(&text, "meaning", rule.meaning);
  AddLine(&text, "source", rule.source);
  return text;
}

// Ids that share the longest beginning with `id`; none when that is empty.
std::vector<std::string> NearestIds(const Classifier& classifier, absl::string_view id) {
  std::vector<std::string> ids;
  for (const Rule& rule : classifier.rules().rules) ids.push_back(rule.id);
  for (const CodeRule& rule : CodeRules()) ids.emplace_back(rule.id);
  const auto shared = [&](absl::string_view other) {
    return std::mismatch(id.begin(), id.begin() + std::min(id.size(), other.size()), other.begin()).first - id.begin();
  };
  std::ptrdiff_t longest = 1;
  for (const std::string& other : ids) longest = std::max(longest, shared(other));
  std::vector<std::string> nearest;
  for (const std::string& other : ids) {
    if (shared(other) == longest && nearest.size() < kNearestMax) nearest.push_back(other);
  }
  return nearest;
}

}  // namespace

absl::StatusOr<std::string> ExplainRule(const Classifier& classifier, absl::string_view id) {
  if (const Rule* rule = classifier.FindRule(id); rule != nullptr) return Explain(classifier.rules(), *rule);
  if (const CodeRule* rule = FindCodeRule(id); rule != nullptr) return Explain(*rule, id);
  const std::vector<std::string> nearest = NearestIds(classifier, id);
  const std::string hint = nearest.empty() ? "" : absl::StrCat("; the nearest: ", absl::StrJoin(nearest, ", "));
  return absl::NotFoundError(absl::StrCat("there is no rule with this id", hint));
}

std::string ListRules(const Classifier& classifier) {
  std::string text;
  const auto add = [&](absl::string_view id, absl::string_view layer, absl::string_view verdict) {
    absl::StrAppendFormat(&text, "%-36s  %-9s  %s\n", id, layer, verdict);
  };
  for (const Rule& rule : classifier.rules().rules) {
    add(rule.id, LayerName(rule.layer), VerdictText(rule.bounce_class, rule.reason));
  }
  for (const CodeRule& rule : CodeRules()) add(rule.id, kCodeLayer, rule.verdict);
  return text;
}

}  // namespace suppressd
