#include "server/rules/rule_file.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/rules/yaml_reader.h"

namespace suppression {
namespace {

using Words = std::map<std::string, std::string, std::less<>>;

constexpr const char* kLayerNames[] = {"notice", "provider", "sender", "recipient", "stage", "enhanced", "fallback"};

bool IsRuleId(const std::string& id) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_'; };
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), allowed);
}

bool IsCodePattern(const std::string& code) {
  const auto digit_or_x = [](char c) { return (c >= '0' && c <= '9') || c == 'x'; };
  return code.size() == 3 && (code[0] == '4' || code[0] == '5') && digit_or_x(code[1]) && digit_or_x(code[2]);
}

// "x", "26" or, for details, "606-649".
bool ParsePart(absl::string_view text, int* min, int* max) {
  if (text == "x") {
    *min = 0;
    *max = 999;
    return true;
  }
  const std::vector<absl::string_view> ends = absl::StrSplit(text, '-');
  return ends.size() <= 2 && absl::SimpleAtoi(ends.front(), min) && absl::SimpleAtoi(ends.back(), max) && *min >= 0 &&
         *min <= *max && *max <= 999;
}

bool ParseRange(absl::string_view text, EnhancedCodeRange* range) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '.');
  return parts.size() == 3 && (parts[0] == "4" || parts[0] == "5") && absl::SimpleAtoi(parts[0], &range->code_class) &&
         ParsePart(parts[1], &range->subject_min, &range->subject_max) &&
         ParsePart(parts[2], &range->detail_min, &range->detail_max);
}

// Reads one rule file. One use.
class RuleFileReader {
 public:
  explicit RuleFileReader(absl::string_view name) : yaml_(name) {}

  absl::StatusOr<RuleFile> Read(absl::string_view text) {
    absl::StatusOr<YAML::Node> root = yaml_.Parse(text);
    if (!root.ok()) return root.status();
    std::map<std::string, YAML::Node> sections;
    absl::Status status = yaml_.ForEachEntry(*root, "the file", [&](const std::string& key, const YAML::Node& value) {
      const bool layer = std::find(std::begin(kLayerNames), std::end(kLayerNames), key) != std::end(kLayerNames);
      if (!layer && key != "words" && key != "families" && key != "stages") return Unknown(value, key);
      sections[key].reset(value);
      return absl::OkStatus();
    });
    // Rules refer to words, families and stages, wherever in the file these stand.
    if (status.ok()) status = ReadWords(sections["words"]);
    if (status.ok()) status = ReadFamilies(sections["families"]);
    if (status.ok()) status = ReadStages(sections["stages"]);
    for (size_t i = 0; i < std::size(kLayerNames) && status.ok(); ++i) {
      status = ReadLayer(sections[kLayerNames[i]], static_cast<RuleLayer>(i));
    }
    if (!status.ok()) return status;
    return std::move(file_);
  }

 private:
  absl::Status Unknown(const YAML::Node& node, const std::string& key) const {
    return yaml_.Error(node, absl::StrCat("unknown key \"", key, "\""));
  }

  absl::Status ReadWords(const YAML::Node& node) {
    return yaml_.ForEachEntry(node, "words", [&](const std::string& key, const YAML::Node& value) {
      std::string pattern;
      absl::Status status = yaml_.ReadString(value, key, &pattern);
      if (status.ok()) status = FillIn(value, &pattern);
      if (status.ok()) words_[key] = absl::StrCat("(?:", pattern, ")");
      return status;
    });
  }

  // Replaces {{word}} by the word's pattern.
  absl::Status FillIn(const YAML::Node& node, std::string* pattern) const {
    size_t at = 0;
    while ((at = pattern->find("{{", at)) != std::string::npos) {
      const size_t end = pattern->find("}}", at);
      if (end == std::string::npos) return yaml_.Error(node, "\"{{\" without \"}}\"");
      const std::string word = pattern->substr(at + 2, end - at - 2);
      const auto found = words_.find(word);
      if (found == words_.end()) return yaml_.Error(node, absl::StrCat("unknown word \"", word, "\""));
      pattern->replace(at, end + 2 - at, found->second);
      if (pattern->size() > kPatternMaxOctets) break;
      at += found->second.size();
    }
    if (pattern->empty()) return yaml_.Error(node, "an empty pattern");
    if (pattern->size() > kPatternMaxOctets) return yaml_.Error(node, "a pattern longer than 2,000 octets");
    return absl::OkStatus();
  }

  absl::Status ReadPatterns(const YAML::Node& node, absl::string_view what, std::vector<std::string>* patterns) const {
    absl::Status status = yaml_.ReadStrings(node, what, patterns);
    for (std::string& pattern : *patterns) {
      if (status.ok()) status = FillIn(node, &pattern);
    }
    return status;
  }

  absl::Status ReadFamilies(const YAML::Node& node) {
    return yaml_.ForEachEntry(node, "families", [&](const std::string& key, const YAML::Node& value) {
      if (file_.families.size() >= kFamiliesMax) return yaml_.Error(value, "more than 64 families");
      RuleFamily& family = file_.families.emplace_back();
      family.name = key;
      return yaml_.ForEachEntry(value, key, [&](const std::string& field, const YAML::Node& patterns) {
        if (field == "mta") return ReadPatterns(patterns, field, &family.hosts);
        if (field == "text") return ReadPatterns(patterns, field, &family.texts);
        return Unknown(patterns, field);
      });
    });
  }

  absl::Status ReadStages(const YAML::Node& node) {
    return yaml_.ForEachEntry(node, "stages", [&](const std::string& key, const YAML::Node& value) {
      RuleStage& stage = file_.stages.emplace_back();
      if (!v1::SmtpStage_Parse(key, &stage.stage) || stage.stage == v1::SMTP_STAGE_UNSPECIFIED) {
        return yaml_.Error(value, absl::StrCat("unknown stage \"", key, "\""));
      }
      return ReadPatterns(value, key, &stage.texts);
    });
  }

  absl::Status ReadLayer(const YAML::Node& node, RuleLayer layer) {
    if (node.IsNull()) return absl::OkStatus();
    return yaml_.ForEachItem(node, kLayerNames[static_cast<int>(layer)], [&](const YAML::Node& item) {
      if (file_.rules.size() >= kRulesMax) return yaml_.Error(item, "more than 5,000 rules");
      Rule rule;
      rule.layer = layer;
      rule.line = item.Mark().line + 1;
      absl::Status status = yaml_.ForEachEntry(item, "a rule", [&](const std::string& key, const YAML::Node& value) {
        return ReadField(value, key, &rule);
      });
      if (status.ok()) status = CheckRule(item, rule);
      if (status.ok()) status = ReadExamples(item, rule);
      file_.rules.push_back(std::move(rule));
      return status;
    });
  }

  absl::Status ReadField(const YAML::Node& node, const std::string& key, Rule* rule) {
    if (key == "id") return yaml_.ReadString(node, key, &rule->id);
    if (key == "codes") return ReadCodes(node, &rule->codes);
    if (key == "enhanced") return ReadRanges(node, &rule->enhanced_codes);
    if (key == "stages") return ReadStageMask(node, &rule->stages);
    if (key == "mta") return ReadFamilyMask(node, &rule->families);
    if (key == "match") return ReadPatterns(node, key, &rule->match);
    if (key == "unless") return ReadPatterns(node, key, &rule->unless);
    if (key == "class") return ReadClass(node, &rule->bounce_class);
    if (key == "reason") return ReadReason(node, &rule->reason);
    if (key == "decisive") return ReadFlag(node, key, &rule->decisive);
    if (key == "needs_permanent_code") return ReadFlag(node, key, &rule->needs_permanent_code);
    std::string source;
    if (key == "source") return yaml_.ReadString(node, key, &source);
    if (key == "examples" || key == "not_examples") return absl::OkStatus();  // read once the rule is complete
    return Unknown(node, key);
  }

  absl::Status ReadCodes(const YAML::Node& node, std::vector<std::string>* codes) const {
    absl::Status status = yaml_.ReadStrings(node, "codes", codes);
    for (const std::string& code : *codes) {
      if (status.ok() && !IsCodePattern(code)) {
        status = yaml_.Error(node, absl::StrCat("\"", code, "\" is not a reply code"));
      }
    }
    return status;
  }

  absl::Status ReadRanges(const YAML::Node& node, std::vector<EnhancedCodeRange>* ranges) const {
    std::vector<std::string> texts;
    absl::Status status = yaml_.ReadStrings(node, "enhanced", &texts);
    for (const std::string& text : texts) {
      if (status.ok() && !ParseRange(text, &ranges->emplace_back())) {
        status = yaml_.Error(node, absl::StrCat("\"", text, "\" is not an enhanced status code"));
      }
    }
    return status;
  }

  absl::Status ReadStageMask(const YAML::Node& node, uint32_t* mask) const {
    std::vector<std::string> names;
    absl::Status status = yaml_.ReadStrings(node, "stages", &names);
    for (const std::string& name : names) {
      v1::SmtpStage stage = v1::SMTP_STAGE_UNSPECIFIED;
      if (name != "unknown" && (!v1::SmtpStage_Parse(name, &stage) || stage == v1::SMTP_STAGE_UNSPECIFIED)) {
        return yaml_.Error(node, absl::StrCat("unknown stage \"", name, "\""));
      }
      *mask |= 1u << stage;
    }
    return status;
  }

  absl::Status ReadFamilyMask(const YAML::Node& node, uint64_t* mask) const {
    std::vector<std::string> names;
    absl::Status status = yaml_.ReadStrings(node, "mta", &names);
    for (const std::string& name : names) {
      size_t i = 0;
      while (i < file_.families.size() && file_.families[i].name != name) ++i;
      if (i == file_.families.size()) return yaml_.Error(node, absl::StrCat("unknown family \"", name, "\""));
      *mask |= uint64_t{1} << i;
    }
    return status;
  }

  absl::Status ReadClass(const YAML::Node& node, v1::Verdict::Class* bounce_class) const {
    std::string name;
    absl::Status status = yaml_.ReadString(node, "class", &name);
    const bool known = v1::Verdict::Class_Parse(name, bounce_class) &&
                       *bounce_class != v1::Verdict::CLASS_UNSPECIFIED && *bounce_class != v1::Verdict::COMPLAINT;
    if (status.ok() && !known) status = yaml_.Error(node, absl::StrCat("unknown class \"", name, "\""));
    return status;
  }

  absl::Status ReadReason(const YAML::Node& node, v1::BounceReason* reason) const {
    std::string name;
    absl::Status status = yaml_.ReadString(node, "reason", &name);
    if (status.ok() && (!v1::BounceReason_Parse(name, reason) || *reason == v1::BOUNCE_REASON_UNSPECIFIED)) {
      status = yaml_.Error(node, absl::StrCat("unknown reason \"", name, "\""));
    }
    return status;
  }

  absl::Status ReadFlag(const YAML::Node& node, const std::string& key, bool* flag) const {
    std::string text;
    absl::Status status = yaml_.ReadString(node, key, &text);
    if (status.ok() && text != "true" && text != "false") status = yaml_.Error(node, key + " is not true or false");
    *flag = text == "true";
    return status;
  }

  absl::Status CheckRule(const YAML::Node& node, const Rule& rule) {
    if (!IsRuleId(rule.id)) return yaml_.Error(node, "a rule needs an id of 1 to 64 of a-z 0-9 . _");
    if (!ids_.insert(rule.id).second) return yaml_.Error(node, absl::StrCat("rule \"", rule.id, "\" stands twice"));
    if (rule.bounce_class == v1::Verdict::CLASS_UNSPECIFIED) return yaml_.Error(node, "a rule needs a class");
    const bool bounce = rule.bounce_class == v1::Verdict::HARD || rule.bounce_class == v1::Verdict::SOFT;
    if (bounce != (rule.reason != v1::BOUNCE_REASON_UNSPECIFIED)) {
      return yaml_.Error(node, "HARD and SOFT need a reason, other classes have none");
    }
    if (rule.bounce_class == v1::Verdict::HARD && rule.reason == v1::UNDETERMINED) {
      return yaml_.Error(node, "what is UNDETERMINED cannot be HARD");
    }
    const bool conditions =
        !rule.codes.empty() || !rule.enhanced_codes.empty() || rule.stages != 0 || !rule.match.empty();
    if (!conditions) return yaml_.Error(node, "a rule needs codes, enhanced, stages or match");
    if (rule.layer >= RuleLayer::kStage && !rule.match.empty()) {
      return yaml_.Error(node, "rules of this layer look at codes and stages only");
    }
    return absl::OkStatus();
  }

  absl::Status ReadExamples(const YAML::Node& node, const Rule& rule) {
    return yaml_.ForEachEntry(node, "a rule", [&](const std::string& key, const YAML::Node& list) {
      if (key != "examples" && key != "not_examples") return absl::OkStatus();
      return yaml_.ForEachItem(list, key, [&](const YAML::Node& item) {
        RuleExample example;
        example.rule_id = rule.id;
        example.line = item.Mark().line + 1;
        example.wins = key == "examples";
        if (example.wins) {
          example.bounce_class = rule.bounce_class;
          example.reason = rule.reason;
        }
        absl::Status status = ReadExample(item, &example);
        file_.examples.push_back(std::move(example));
        return status;
      });
    });
  }

  // A text alone, or a mapping with the reply's other fields and the expected verdict.
  absl::Status ReadExample(const YAML::Node& node, RuleExample* example) {
    if (node.IsScalar()) {
      example->reply.set_text(node.Scalar());
      return absl::OkStatus();
    }
    return yaml_.ForEachEntry(node, "an example", [&](const std::string& key, const YAML::Node& value) {
      if (key == "reply") return yaml_.ReadString(value, key, example->reply.mutable_text());
      if (key == "enhanced") return yaml_.ReadString(value, key, example->reply.mutable_enhanced_code());
      if (key == "mta") return yaml_.ReadString(value, key, example->reply.mutable_remote_mta());
      if (key == "class") return ReadClass(value, &example->bounce_class);
      if (key == "reason") return ReadReason(value, &example->reason);
      if (key == "code") {
        int code = 0;
        absl::Status status = yaml_.ReadNumber(value, key, 200, 599, &code);
        example->reply.set_code(code);
        return status;
      }
      if (key != "stage") return Unknown(value, key);
      v1::SmtpStage stage = v1::SMTP_STAGE_UNSPECIFIED;
      if (!value.IsScalar() || !v1::SmtpStage_Parse(value.Scalar(), &stage)) return yaml_.Error(value, "unknown stage");
      example->reply.set_stage(stage);
      return absl::OkStatus();
    });
  }

  const YamlReader yaml_;
  RuleFile file_;
  Words words_;
  std::set<std::string> ids_;
};

}  // namespace

absl::StatusOr<RuleFile> ReadRuleFile(absl::string_view name, absl::string_view yaml) {
  return RuleFileReader(name).Read(yaml);
}

bool InRange(absl::string_view enhanced_code, const EnhancedCodeRange& range) {
  int numbers[3] = {0, 0, 0};
  int part = 0;
  for (const char c : enhanced_code) {
    if (c == '.') {
      if (++part > 2) return false;
    } else if (c >= '0' && c <= '9' && numbers[part] < 1000) {
      numbers[part] = numbers[part] * 10 + (c - '0');
    } else {
      return false;
    }
  }
  return part == 2 && numbers[0] == range.code_class && numbers[1] >= range.subject_min &&
         numbers[1] <= range.subject_max && numbers[2] >= range.detail_min && numbers[2] <= range.detail_max;
}

bool MatchesCode(int code, absl::string_view pattern) {
  const int digits[] = {code / 100 % 10, code / 10 % 10, code % 10};
  for (size_t i = 0; i < 3; ++i) {
    if (pattern[i] != 'x' && pattern[i] != '0' + digits[i]) return false;
  }
  return code != 0;
}

}  // namespace suppression
