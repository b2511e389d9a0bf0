// Reads the patterns of a rule file, with its words filled in. Part of rule_file.cc.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/bounces/rules/rule_set.h"
#include "server/bounces/rules/yaml_reader.h"

namespace suppressd {

// Errors are those of YamlReader. Not thread-safe.
class PatternReader {
 public:
  // Both must outlive this. Patterns get the newest file of `set` as their place.
  PatternReader(const YamlReader* yaml, RuleSet* set);

  // The section `words`: a word may use those above it and those of lower files. One that a lower file has too means
  // the new pattern from here on.
  absl::Status ReadWords(const YAML::Node& node);

  // A pattern, or a list of patterns.
  absl::Status ReadPatterns(const YAML::Node& node, absl::string_view what, std::vector<RulePattern>* patterns);

  RulePlace PlaceOf(const YAML::Node& node) const;

 private:
  absl::Status ReadPattern(const YAML::Node& node, absl::string_view what, std::vector<RulePattern>* patterns);
  absl::Status FillIn(const YAML::Node& node, std::string* pattern) const;

  const YamlReader* const yaml_;
  RuleSet* const set_;
  size_t pattern_count_ = 0;
};

}  // namespace suppressd
