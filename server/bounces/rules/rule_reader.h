// Reads one rule of a rule file. Part of rule_file.cc.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "server/bounces/rules/pattern_reader.h"
#include "server/bounces/rules/rule_set.h"
#include "server/bounces/rules/yaml_reader.h"

namespace suppressd {

// Errors are those of YamlReader. Not thread-safe.
class RuleReader {
 public:
  // All must outlive this. Rules refer to the families and words in `set`.
  RuleReader(const YamlReader* yaml, PatternReader* patterns, const RuleSet* set);

  // Sets all of a rule but its layer, which must be set. An id may be read once.
  absl::Status Read(const YAML::Node& node, Rule* rule);

  bool HasRead(const std::string& id) const { return ids_.count(id) > 0; }

 private:
  absl::Status Unknown(const YAML::Node& node, const std::string& key) const;
  absl::Status ReadField(const YAML::Node& node, const std::string& key, Rule* rule);
  absl::Status ReadCodes(const YAML::Node& node, std::vector<std::string>* codes) const;
  absl::Status ReadRanges(const YAML::Node& node, std::vector<EnhancedCodeRange>* ranges) const;
  absl::Status ReadStageMask(const YAML::Node& node, uint32_t* mask) const;
  absl::Status ReadFamilyMask(const YAML::Node& node, uint64_t* mask) const;
  absl::Status ReadClass(const YAML::Node& node, v1::Verdict::Class* bounce_class) const;
  absl::Status ReadReason(const YAML::Node& node, v1::BounceReason* reason) const;
  absl::Status ReadFlag(const YAML::Node& node, const std::string& key, bool* flag) const;
  absl::Status CheckRule(const YAML::Node& node, const Rule& rule);
  absl::Status ReadExamples(const YAML::Node& node, Rule* rule);
  absl::Status ReadExample(const YAML::Node& node, RuleExample* example) const;

  const YamlReader* const yaml_;
  PatternReader* const patterns_;
  const RuleSet* const set_;
  std::set<std::string> ids_;
  size_t example_count_ = 0;
};

}  // namespace suppressd
