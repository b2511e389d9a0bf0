#include "server/bounces/rules/yaml_reader.h"

#include <yaml-cpp/eventhandler.h>

#include <set>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/error.h"

namespace suppressd {
namespace {

absl::Status Fail(absl::string_view name, int line, absl::string_view what) {
  return InvalidArgument(v1::INVALID_FIELD, absl::StrCat(name, ":", line, ": ", what));
}

// Counts documents and notes where the latest starts.
class DocumentCounter : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    ++count_;
    line_ = mark.line + 1;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

  int count() const { return count_; }
  int line() const { return line_; }

 private:
  int count_ = 0;
  int line_ = 1;
};

// The line where a second document starts; zero: none. Load would ignore it, and what follows a closed root mapping or
// a stray comma with it. LoadAll would add documents without end for ",": hence no more than two are asked for. Throws.
int SecondDocumentLine(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentCounter counter;
  for (int i = 0; i < 2; ++i) parser.HandleNextDocument(counter);
  return counter.count() > 1 ? counter.line() : 0;
}

}  // namespace

absl::StatusOr<YAML::Node> YamlReader::Parse(absl::string_view text) const {
  if (text.size() > kYamlMaxBytes) return Fail(name_, 1, "the file is larger than 1 MiB");
  // Nesting is bounded by yaml-cpp itself: it throws beyond 500 levels.
  try {
    const std::string document(text);
    if (const int line = SecondDocumentLine(document); line > 0) return Fail(name_, line, "more than one document");
    return YAML::Load(document);
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

}  // namespace suppressd
