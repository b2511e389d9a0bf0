#include "server/rules/yaml_reader.h"

#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "protos/error.h"

namespace suppression {
namespace {

absl::Status Fail(absl::string_view name, int line, absl::string_view what) {
  return InvalidArgument(v1::INVALID_FIELD, absl::StrCat(name, ":", line, ": ", what));
}

// The line of a "---" or "..." that ends a first document; zero: none. Load reads one document and ignores the rest.
int SecondDocumentLine(absl::string_view text) {
  int line = 0;
  bool content = false;
  for (const absl::string_view row : absl::StrSplit(text, '\n')) {
    ++line;
    const bool marker = absl::StartsWith(row, "---") || absl::StartsWith(row, "...");
    if (marker && content) return line;
    content |= marker || (!row.empty() && row[0] != '#' && !absl::StripAsciiWhitespace(row).empty());
  }
  return 0;
}

}  // namespace

absl::StatusOr<YAML::Node> YamlReader::Parse(absl::string_view text) const {
  if (text.size() > kYamlMaxOctets) return Fail(name_, 1, "the file is larger than 1 MiB");
  // Nesting is bounded by yaml-cpp itself: it throws beyond 500 levels.
  if (const int line = SecondDocumentLine(text); line > 0) return Fail(name_, line, "more than one document");
  try {
    // Not LoadAll: there are malformed inputs on which it adds documents without end.
    return YAML::Load(std::string(text));
  } catch (const YAML::Exception& e) {
    return Fail(name_, e.mark.is_null() ? 1 : e.mark.line + 1, e.msg);
  } catch (const std::exception& e) {
    return Fail(name_, 1, e.what());
  }
}

absl::Status YamlReader::Error(const YAML::Node& node, absl::string_view what) const {
  return Fail(name_, node.Mark().is_null() ? 1 : node.Mark().line + 1, what);
}

absl::Status YamlReader::ForEachEntry(
    const YAML::Node& map, absl::string_view what,
    const std::function<absl::Status(const std::string& key, const YAML::Node& value)>& visit) const {
  if (map.IsNull()) return absl::OkStatus();
  if (!map.IsMap()) return Error(map, absl::StrCat(what, " is not a mapping"));
  if (map.size() > kYamlMaxEntries) return Error(map, absl::StrCat(what, " has more than 10,000 entries"));
  std::set<std::string> seen;
  for (const auto& entry : map) {
    if (!entry.first.IsScalar()) return Error(entry.first, absl::StrCat(what, " has a key that is not a scalar"));
    const std::string& key = entry.first.Scalar();
    if (!seen.insert(key).second) return Error(entry.first, absl::StrCat(what, " has \"", key, "\" twice"));
    if (absl::Status status = visit(key, entry.second); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status YamlReader::ForEachItem(const YAML::Node& sequence, absl::string_view what,
                                     const std::function<absl::Status(const YAML::Node& item)>& visit) const {
  if (!sequence.IsSequence()) return Error(sequence, absl::StrCat(what, " is not a list"));
  if (sequence.size() > kYamlMaxEntries) return Error(sequence, absl::StrCat(what, " has more than 10,000 items"));
  for (const auto& item : sequence) {
    if (absl::Status status = visit(item); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status YamlReader::ReadString(const YAML::Node& node, absl::string_view what, std::string* value) const {
  if (!node.IsScalar()) return Error(node, absl::StrCat(what, " is not a scalar"));
  *value = node.Scalar();
  return absl::OkStatus();
}

absl::Status YamlReader::ReadStrings(const YAML::Node& node, absl::string_view what,
                                     std::vector<std::string>* values) const {
  values->clear();
  if (node.IsScalar()) {
    values->push_back(node.Scalar());
    return absl::OkStatus();
  }
  return ForEachItem(node, what, [&](const YAML::Node& item) {
    values->emplace_back();
    return ReadString(item, what, &values->back());
  });
}

absl::Status YamlReader::ReadNumber(const YAML::Node& node, absl::string_view what, int min, int max,
                                    int* value) const {
  if (!node.IsScalar() || !absl::SimpleAtoi(node.Scalar(), value) || *value < min || *value > max) {
    return Error(node, absl::StrCat(what, " is not a number from ", min, " to ", max));
  }
  return absl::OkStatus();
}

}  // namespace suppression
