#include "server/bounces/rules/rule_file.h"

#include <re2/re2.h>
#include <unistr.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/bounces/rules/pattern_reader.h"
#include "server/bounces/rules/rule_reader.h"
#include "server/bounces/rules/yaml_reader.h"

namespace suppressd {
namespace {

// The index of the layer whose section has this name; kRuleLayers: none.
size_t FindLayer(const std::string& name) {
  size_t layer = 0;
  while (layer < kRuleLayers && name != LayerName(static_cast<RuleLayer>(layer))) ++layer;
  return layer;
}

// The line of the first byte that is not UTF-8; zero: all are. Patterns, sources and ids get into texts of ours.
int InvalidUtf8Line(absl::string_view text) {
  const uint8_t* const begin = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t* const bad = text.empty() ? nullptr : u8_check(begin, text.size());
  return bad == nullptr ? 0 : 1 + static_cast<int>(std::count(begin, bad, '\n'));
}

RuleSet StartSet(absl::string_view name, const RuleSet* base) {
  RuleSet set;
  if (base != nullptr) set = *base;
  set.file_names.emplace_back(name);
  return set;
}

// Reads one rule file. One use.
class RuleFileReader {
 public:
  RuleFileReader(absl::string_view name, const RuleSet* base)
      : yaml_(name),
        is_built_in_(base == nullptr),
        set_(StartSet(name, base)),
        patterns_(&yaml_, &set_),
        rules_(&yaml_, &patterns_, &set_) {}

  absl::StatusOr<RuleSet> Read(absl::string_view text) {
    if (const int line = InvalidUtf8Line(text); line > 0) {
      return ErrorAt(set_, {.file = static_cast<int>(set_.file_names.size()) - 1, .line = line}, "not UTF-8");
    }
    absl::StatusOr<YAML::Node> root = yaml_.Parse(text);
    if (!root.ok()) return root.status();
    std::map<std::string, YAML::Node> sections;
    absl::Status status = yaml_.ForEachEntry(*root, "the file", [&](const std::string& key, const YAML::Node& value) {
      const bool other = key == "words" || key == "families" || key == "stages" || key == "off" || key == "refusal";
      const bool kept = key == LayerName(RuleLayer::kOwn) && !is_built_in_;
      if (kept || (!other && FindLayer(key) == kRuleLayers)) return Unknown(value, key);
      sections[key].reset(value);
      return absl::OkStatus();
    });
    // Rules refer to words, families and stages, wherever in the file these stand.
    if (status.ok()) status = patterns_.ReadWords(sections["words"]);
    if (status.ok()) status = ReadFamilies(sections["families"]);
    if (status.ok()) status = ReadStages(sections["stages"]);
    for (size_t i = 0; i < kRuleLayers && status.ok(); ++i) {
      const auto layer = static_cast<RuleLayer>(i);
      status = ReadLayer(sections[LayerName(layer)], layer);
    }
    if (status.ok()) status = ReadOff(sections["off"]);
    if (!status.ok()) return status;
    Merge();
    status = ReadRefusal(sections["refusal"]);
    if (!status.ok()) return status;
    return std::move(set_);
  }

 private:
  absl::Status Unknown(const YAML::Node& node, const std::string& key) const {
    return yaml_.Error(node, absl::StrCat("unknown key \"", key, "\""));
  }

  absl::Status ReadFamilies(const YAML::Node& node) {
    return yaml_.ForEachEntry(node, "families", [&](const std::string& key, const YAML::Node& value) {
      std::vector<RuleFamily>& families = set_.families;
      const auto known =
          std::find_if(families.begin(), families.end(), [&](const RuleFamily& each) { return each.name == key; });
      if (known == families.end() && families.size() >= kFamiliesMax) {
        return yaml_.Error(value, "more than 64 families");
      }
      RuleFamily& family = known != families.end() ? *known : families.emplace_back();
      family.name = key;
      return yaml_.ForEachEntry(value, key, [&](const std::string& field, const YAML::Node& patterns) {
        if (field == "mta") return patterns_.ReadPatterns(patterns, field, &family.hosts);
        if (field == "text") return patterns_.ReadPatterns(patterns, field, &family.texts);
        return Unknown(patterns, field);
      });
    });
  }

  absl::Status ReadStages(const YAML::Node& node) {
    return yaml_.ForEachEntry(node, "stages", [&](const std::string& key, const YAML::Node& value) {
      v1::SmtpReply::Stage name = v1::SmtpReply::STAGE_UNSPECIFIED;
      if (!v1::SmtpReply::Stage_Parse(key, &name) || name == v1::SmtpReply::STAGE_UNSPECIFIED) {
        return yaml_.Error(value, absl::StrCat("unknown stage \"", key, "\""));
      }
      std::vector<RuleStage>& stages = set_.stages;
      const auto known =
          std::find_if(stages.begin(), stages.end(), [&](const RuleStage& each) { return each.stage == name; });
      RuleStage& stage = known != stages.end() ? *known : stages.emplace_back();
      stage.stage = name;
      return patterns_.ReadPatterns(value, key, &stage.texts);
    });
  }

  absl::Status ReadLayer(const YAML::Node& node, RuleLayer layer) {
    if (node.IsNull()) return absl::OkStatus();
    return yaml_.ForEachItem(node, LayerName(layer), [&](const YAML::Node& item) {
      if (set_.rules.size() + own_.size() >= kRulesMax) return yaml_.Error(item, "more than 5,000 rules");
      Rule rule;
      rule.layer = layer;
      absl::Status status = rules_.Read(item, &rule);
      own_.push_back(std::move(rule));
      return status;
    });
  }

  absl::Status ReadOff(const YAML::Node& node) {
    if (node.IsNull()) return absl::OkStatus();
    std::set<std::string> known;
    for (const Rule& rule : set_.rules) known.insert(rule.id);
    return yaml_.ForEachItem(node, "off", [&](const YAML::Node& item) {
      std::string id;
      absl::Status status = yaml_.ReadString(item, "off", &id);
      if (!status.ok()) return status;
      if (rules_.HasRead(id)) return yaml_.Error(item, absl::StrCat("rule \"", id, "\" is both here and off"));
      if (known.count(id) == 0) return yaml_.Error(item, absl::StrCat("there is no rule \"", id, "\""));
      if (!off_.insert(id).second) return yaml_.Error(item, absl::StrCat("rule \"", id, "\" is off twice"));
      return status;
    });
  }

  // How refusals are worded; the rule about them gets to know the marker, beside those it knows.
  absl::Status ReadRefusal(const YAML::Node& node) {
    if (node.IsNull()) return absl::OkStatus();
    absl::Status status = yaml_.ForEachEntry(node, "refusal", [&](const std::string& key, const YAML::Node& value) {
      if (key == "marker") return yaml_.ReadString(value, key, &set_.refusal.marker);
      if (key == "text") return yaml_.ReadString(value, key, &set_.refusal.text);
      return Unknown(value, key);
    });
    if (!status.ok()) return status;
    if (const std::string problem = ProblemOf(set_.refusal); !problem.empty()) return yaml_.Error(node, problem);
    const auto rule =
        std::find_if(set_.rules.begin(), set_.rules.end(), [](const Rule& each) { return each.id == kRefusalRule; });
    if (rule == set_.rules.end() || rule->layer != RuleLayer::kOwn) {
      return yaml_.Error(node, absl::StrCat("needs the rule ", kRefusalRule, ", which is off or replaced"));
    }
    const std::string& marker = set_.refusal.marker;
    rule->match.push_back({re2::RE2::QuoteMeta(marker), marker, patterns_.PlaceOf(node)});
    return absl::OkStatus();
  }

  // Both lists are in order of layers; so becomes their sum, the file's own rules first in each layer.
  void Merge() {
    for (Rule& rule : set_.rules) {
      if (off_.count(rule.id) == 0 && !rules_.HasRead(rule.id)) own_.push_back(std::move(rule));
    }
    std::stable_sort(own_.begin(), own_.end(), [](const Rule& a, const Rule& b) { return a.layer < b.layer; });
    set_.rules = std::move(own_);
  }

  const YamlReader yaml_;
  const bool is_built_in_;
  RuleSet set_;  // the rules of lower files, until Merge
  PatternReader patterns_;
  RuleReader rules_;
  std::vector<Rule> own_;
  std::set<std::string> off_;
};

}  // namespace

absl::StatusOr<RuleSet> ReadRuleFile(absl::string_view name, absl::string_view yaml, const RuleSet* base) {
  return RuleFileReader(name, base).Read(yaml);
}

}  // namespace suppressd
