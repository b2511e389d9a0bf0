#include "server/bounces/rules/rule_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/bounces/rules/code_rules.h"
#include "server/bounces/rules/reply_text.h"

namespace suppressd {
namespace {

bool IsRuleId(const std::string& id) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_'; };
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), allowed);
}

}  // namespace

RuleReader::RuleReader(const YamlReader* yaml, PatternReader* patterns, const RuleSet* set)
    : yaml_(yaml), patterns_(patterns), set_(set) {
  for (const Rule& rule : set->rules) example_count_ += rule.examples.size();
}

absl::Status RuleReader::Read(const YAML::Node& node, Rule* rule) {
  rule->place = patterns_->PlaceOf(node);
  absl::Status status = yaml_->ForEachEntry(
      node, "a rule", [&](const std::string& key, const YAML::Node& value) { return ReadField(value, key, rule); });
  if (status.ok()) status = CheckRule(node, *rule);
  return status.ok() ? ReadExamples(node, rule) : status;
}

absl::Status RuleReader::Unknown(const YAML::Node& node, const std::string& key) const {
  return yaml_->Error(node, absl::StrCat("unknown key \"", key, "\""));
}

absl::Status RuleReader::ReadField(const YAML::Node& node, const std::string& key, Rule* rule) {
  if (key == "id") return yaml_->ReadString(node, key, &rule->id);
  if (key == "codes") return ReadCodes(node, &rule->codes);
  if (key == "enhanced") return ReadRanges(node, &rule->enhanced_codes);
  if (key == "stages") return ReadStageMask(node, &rule->stages);
  if (key == "mta") return ReadFamilyMask(node, &rule->families);
  if (key == "match") return patterns_->ReadPatterns(node, key, &rule->match);
  if (key == "unless") return patterns_->ReadPatterns(node, key, &rule->unless);
  if (key == "class") return ReadClass(node, &rule->bounce_class);
  if (key == "reason") return ReadReason(node, &rule->reason);
  if (key == "decisive") return ReadFlag(node, key, &rule->decisive);
  if (key == "needs_permanent_code") return ReadFlag(node, key, &rule->needs_permanent_code);
  if (key == "source") return yaml_->ReadString(node, key, &rule->source);
  if (key == "examples" || key == "not_examples") return absl::OkStatus();  // read once the rule is complete
  return Unknown(node, key);
}

absl::Status RuleReader::ReadCodes(const YAML::Node& node, std::vector<std::string>* codes) const {
  absl::Status status = yaml_->ReadStrings(node, "codes", codes);
  if (status.ok() && codes->size() > kCodesMax) return yaml_->Error(node, "more than 100 codes");
  for (const std::string& code : *codes) {
    if (status.ok() && !IsCodePattern(code)) {
      status = yaml_->Error(node, absl::StrCat("\"", code, "\" is not a reply code"));
    }
  }
  return status;
}

absl::Status RuleReader::ReadRanges(const YAML::Node& node, std::vector<EnhancedCodeRange>* ranges) const {
  std::vector<std::string> texts;
  absl::Status status = yaml_->ReadStrings(node, "enhanced", &texts);
  if (status.ok() && texts.size() > kCodesMax) return yaml_->Error(node, "more than 100 codes");
  for (const std::string& text : texts) {
    if (status.ok() && !ParseEnhancedCodeRange(text, &ranges->emplace_back())) {
      status = yaml_->Error(node, absl::StrCat("\"", text, "\" is not an enhanced status code"));
    }
  }
  return status;
}

absl::Status RuleReader::ReadStageMask(const YAML::Node& node, uint32_t* mask) const {
  std::vector<std::string> names;
  absl::Status status = yaml_->ReadStrings(node, "stages", &names);
  for (const std::string& name : names) {
    v1::SmtpReply::Stage stage = v1::SmtpReply::STAGE_UNSPECIFIED;
    if (name != "unknown" && (!v1::SmtpReply::Stage_Parse(name, &stage) || stage == v1::SmtpReply::STAGE_UNSPECIFIED)) {
      return yaml_->Error(node, absl::StrCat("unknown stage \"", name, "\""));
    }
    *mask |= 1u << stage;
  }
  return status;
}

absl::Status RuleReader::ReadFamilyMask(const YAML::Node& node, uint64_t* mask) const {
  std::vector<std::string> names;
  absl::Status status = yaml_->ReadStrings(node, "mta", &names);
  for (const std::string& name : names) {
    size_t i = 0;
    while (i < set_->families.size() && set_->families[i].name != name) ++i;
    if (i == set_->families.size()) return yaml_->Error(node, absl::StrCat("unknown family \"", name, "\""));
    *mask |= uint64_t{1} << i;
  }
  return status;
}

absl::Status RuleReader::ReadClass(const YAML::Node& node, v1::Verdict::Class* bounce_class) const {
  std::string name;
  absl::Status status = yaml_->ReadString(node, "class", &name);
  const bool known = v1::Verdict::Class_Parse(name, bounce_class) && *bounce_class != v1::Verdict::CLASS_UNSPECIFIED &&
                     *bounce_class != v1::Verdict::COMPLAINT;
  if (status.ok() && !known) status = yaml_->Error(node, absl::StrCat("unknown class \"", name, "\""));
  return status;
}

absl::Status RuleReader::ReadReason(const YAML::Node& node, v1::BounceReason* reason) const {
  std::string name;
  absl::Status status = yaml_->ReadString(node, "reason", &name);
  if (status.ok() && (!v1::BounceReason_Parse(name, reason) || *reason == v1::BOUNCE_REASON_UNSPECIFIED)) {
    status = yaml_->Error(node, absl::StrCat("unknown reason \"", name, "\""));
  }
  return status;
}

absl::Status RuleReader::ReadFlag(const YAML::Node& node, const std::string& key, bool* flag) const {
  std::string text;
  absl::Status status = yaml_->ReadString(node, key, &text);
  if (status.ok() && text != "true" && text != "false") status = yaml_->Error(node, key + " is not true or false");
  *flag = text == "true";
  return status;
}

absl::Status RuleReader::CheckRule(const YAML::Node& node, const Rule& rule) {
  if (!IsRuleId(rule.id)) return yaml_->Error(node, "a rule needs an id of 1 to 64 of a-z 0-9 . _");
  if (FindCodeRule(rule.id) != nullptr) return yaml_->Error(node, absl::StrCat("\"", rule.id, "\" is decided in code"));
  if (!ids_.insert(rule.id).second) return yaml_->Error(node, absl::StrCat("rule \"", rule.id, "\" stands twice"));
  if (rule.bounce_class == v1::Verdict::CLASS_UNSPECIFIED) return yaml_->Error(node, "a rule needs a class");
  const bool bounce = rule.bounce_class == v1::Verdict::HARD || rule.bounce_class == v1::Verdict::SOFT;
  if (bounce != (rule.reason != v1::BOUNCE_REASON_UNSPECIFIED)) {
    return yaml_->Error(node, "HARD and SOFT need a reason, other classes have none");
  }
  if (rule.bounce_class == v1::Verdict::HARD && rule.reason == v1::UNDETERMINED) {
    return yaml_->Error(node, "what is UNDETERMINED cannot be HARD");
  }
  const bool conditions =
      !rule.codes.empty() || !rule.enhanced_codes.empty() || rule.stages != 0 || !rule.match.empty();
  if (!conditions) return yaml_->Error(node, "a rule needs codes, enhanced, stages or match");
  if (rule.layer >= RuleLayer::kStage && !rule.match.empty()) {
    return yaml_->Error(node, "rules of this layer look at codes and stages only");
  }
  return absl::OkStatus();
}

absl::Status RuleReader::ReadExamples(const YAML::Node& node, Rule* rule) {
  return yaml_->ForEachEntry(node, "a rule", [&](const std::string& key, const YAML::Node& list) {
    if (key != "examples" && key != "not_examples") return absl::OkStatus();
    return yaml_->ForEachItem(list, key, [&](const YAML::Node& item) {
      if (++example_count_ > kExamplesMax) return yaml_->Error(item, "more than 20,000 examples");
      RuleExample example;
      example.place = patterns_->PlaceOf(item);
      example.wins = key == "examples";
      if (example.wins) {
        example.bounce_class = rule->bounce_class;
        example.reason = rule->reason;
      }
      absl::Status status = ReadExample(item, &example);
      if (status.ok() && example.reply.text().size() > kReplyTextMaxBytes) {
        status = yaml_->Error(item, "an example longer than 16 KiB");
      }
      rule->examples.push_back(std::move(example));
      return status;
    });
  });
}

// A text alone, or a mapping with the reply's other fields and the expected verdict.
absl::Status RuleReader::ReadExample(const YAML::Node& node, RuleExample* example) const {
  if (node.IsScalar()) {
    example->reply.set_text(node.Scalar());
    return absl::OkStatus();
  }
  return yaml_->ForEachEntry(node, "an example", [&](const std::string& key, const YAML::Node& value) {
    if (key == "reply") return yaml_->ReadString(value, key, example->reply.mutable_text());
    if (key == "enhanced") return yaml_->ReadString(value, key, example->reply.mutable_enhanced_code());
    if (key == "mta") return yaml_->ReadString(value, key, example->reply.mutable_remote_mta());
    if (key == "class") return ReadClass(value, &example->bounce_class);
    if (key == "reason") return ReadReason(value, &example->reason);
    if (key == "code") {
      int code = 0;
      absl::Status status = yaml_->ReadNumber(value, key, 200, 599, &code);
      example->reply.set_code(code);
      return status;
    }
    if (key != "stage") return Unknown(value, key);
    v1::SmtpReply::Stage stage = v1::SmtpReply::STAGE_UNSPECIFIED;
    if (!value.IsScalar() || !v1::SmtpReply::Stage_Parse(value.Scalar(), &stage))
      return yaml_->Error(value, "unknown stage");
    example->reply.set_stage(stage);
    return absl::OkStatus();
  });
}

}  // namespace suppressd
