// Strict reading of YAML files: every error says "NAME:LINE: what", and nothing is ignored.
//
//   YamlReader reader("policy.yaml");
//   absl::StatusOr<YAML::Node> root = reader.Parse(text);
//   absl::Status status = reader.ForEachEntry(*root, "file", [&](const std::string& key, const YAML::Node& value)
//   {...});
//
// The only place where yaml-cpp's exceptions are caught is Parse: afterwards nodes are only looked at through
// functions that do not throw. All errors are INVALID_ARGUMENT (INVALID_FIELD). Not thread-safe, because nodes are not.
#pragma once

#include <yaml-cpp/yaml.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace suppressd {

// Longest file taken, in bytes.
inline constexpr size_t kYamlMaxBytes = 1024 * 1024;
// Most entries of one mapping or sequence.
inline constexpr size_t kYamlMaxEntries = 10'000;

class YamlReader {
 public:
  // `name` stands in every error.
  explicit YamlReader(absl::string_view name) : name_(name) {}

  // The one document of a file. An empty file is a null node.
  absl::StatusOr<YAML::Node> Parse(absl::string_view text) const;

  // An error at a node.
  absl::Status Error(const YAML::Node& node, absl::string_view what) const;

  // Calls `visit` for each entry of a mapping, in file order, until one fails. An error for anything but a mapping with
  // distinct scalar keys; null counts as an empty mapping.
  absl::Status ForEachEntry(
      const YAML::Node& map, absl::string_view what,
      const std::function<absl::Status(const std::string& key, const YAML::Node& value)>& visit) const;
  // The same for the items of a sequence.
  absl::Status ForEachItem(const YAML::Node& sequence, absl::string_view what,
                           const std::function<absl::Status(const YAML::Node& item)>& visit) const;

  // A scalar.
  absl::Status ReadString(const YAML::Node& node, absl::string_view what, std::string* value) const;
  // A scalar, or a sequence of scalars.
  absl::Status ReadStrings(const YAML::Node& node, absl::string_view what, std::vector<std::string>* values) const;
  // A decimal number within [min, max].
  absl::Status ReadNumber(const YAML::Node& node, absl::string_view what, int min, int max, int* value) const;

 private:
  std::string name_;
};

}  // namespace suppressd
