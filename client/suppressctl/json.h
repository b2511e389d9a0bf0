// A writer of JSON objects that follows protobuf's JSON mapping: lowerCamelCase names are the
// caller's part, default values are left out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/suppressctl/text.h"

namespace suppressd::suppressctl {

// One object. Not thread-safe.
class JsonObject {
 public:
  // A string, number or boolean; "", 0 and false are left out.
  JsonObject& Add(const std::string& name, const std::string& value) {
    return value.empty() ? *this : AddRaw(name, JsonString(value));
  }
  JsonObject& Add(const std::string& name, const char* value) { return Add(name, std::string(value)); }
  JsonObject& Add(const std::string& name, int32_t value) {
    return value == 0 ? *this : AddRaw(name, absl::StrCat(value));
  }
  // As text: a number of 64 bits does not fit into the numbers of every reader.
  JsonObject& Add(const std::string& name, int64_t value) {
    return value == 0 ? *this : AddRaw(name, absl::StrCat("\"", value, "\""));
  }
  JsonObject& Add(const std::string& name, bool value) { return value ? AddRaw(name, "true") : *this; }

  // An RFC 3339 time; left out when unset.
  JsonObject& Add(const std::string& name, const std::optional<absl::Time>& time) {
    return time.has_value() ? AddRaw(name, JsonString(TimeText(time))) : *this;
  }

  // An object; kept even when empty.
  JsonObject& Add(const std::string& name, const JsonObject& object) { return AddRaw(name, object.ToString()); }

  // An array of what `convert` makes of each item; left out when empty.
  template <typename Item, typename Convert>
  JsonObject& AddAll(const std::string& name, const std::vector<Item>& items, Convert convert) {
    if (items.empty()) return *this;
    std::string array = "[";
    for (const Item& item : items) absl::StrAppend(&array, array.size() == 1 ? "" : ",", convert(item).ToString());
    return AddRaw(name, array + "]");
  }

  // JSON text as it is. A false that matters is AddRaw(name, "false").
  JsonObject& AddRaw(const std::string& name, const std::string& json) {
    absl::StrAppend(&body_, body_.empty() ? "" : ",", JsonString(name), ":", json);
    return *this;
  }

  std::string ToString() const { return absl::StrCat("{", body_, "}"); }

 private:
  std::string body_;
};

}  // namespace suppressd::suppressctl
