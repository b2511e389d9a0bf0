#include "server/bounces/rules/pattern_reader.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace suppressd {

PatternReader::PatternReader(const YamlReader* yaml, RuleSet* set) : yaml_(yaml), set_(set) {
  for (const Rule& rule : set->rules) pattern_count_ += rule.match.size() + rule.unless.size();
  for (const RuleFamily& family : set->families) pattern_count_ += family.hosts.size() + family.texts.size();
  for (const RuleStage& stage : set->stages) pattern_count_ += stage.texts.size();
}

absl::Status PatternReader::ReadWords(const YAML::Node& node) {
  return yaml_->ForEachEntry(node, "words", [&](const std::string& key, const YAML::Node& value) {
    std::string pattern;
    absl::Status status = yaml_->ReadString(value, key, &pattern);
    if (status.ok()) status = FillIn(value, &pattern);
    if (status.ok()) set_->words[key] = absl::StrCat("(?:", pattern, ")");
    return status;
  });
}

absl::Status PatternReader::ReadPatterns(const YAML::Node& node, absl::string_view what,
                                         std::vector<RulePattern>* patterns) {
  if (node.IsScalar()) return ReadPattern(node, what, patterns);
  return yaml_->ForEachItem(node, what, [&](const YAML::Node& item) { return ReadPattern(item, what, patterns); });
}

absl::Status PatternReader::ReadPattern(const YAML::Node& node, absl::string_view what,
                                        std::vector<RulePattern>* patterns) {
  if (++pattern_count_ > kPatternsMax) return yaml_->Error(node, "more than 20,000 patterns");
  RulePattern pattern;
  pattern.place = PlaceOf(node);
  absl::Status status = yaml_->ReadString(node, what, &pattern.written);
  pattern.text = pattern.written;
  if (status.ok()) status = FillIn(node, &pattern.text);
  if (status.ok()) patterns->push_back(std::move(pattern));
  return status;
}

// Replaces {{word}} by the word's pattern.
absl::Status PatternReader::FillIn(const YAML::Node& node, std::string* pattern) const {
  size_t at = 0;
  while ((at = pattern->find("{{", at)) != std::string::npos) {
    const size_t end = pattern->find("}}", at);
    if (end == std::string::npos) return yaml_->Error(node, "\"{{\" without \"}}\"");
    const std::string word = pattern->substr(at + 2, end - at - 2);
    const auto found = set_->words.find(word);
    if (found == set_->words.end()) return yaml_->Error(node, absl::StrCat("unknown word \"", word, "\""));
    pattern->replace(at, end + 2 - at, found->second);
    if (pattern->size() > kPatternMaxBytes) break;
    at += found->second.size();
  }
  if (pattern->empty()) return yaml_->Error(node, "an empty pattern");
  if (pattern->size() > kPatternMaxBytes) return yaml_->Error(node, "a pattern longer than 2,000 bytes");
  return absl::OkStatus();
}

RulePlace PatternReader::PlaceOf(const YAML::Node& node) const {
  return {.file = static_cast<int>(set_->file_names.size()) - 1, .line = node.Mark().line + 1};
}

}  // namespace suppressd
