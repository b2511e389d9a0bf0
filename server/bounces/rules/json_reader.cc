#include "server/bounces/rules/json_reader.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/error.h"

namespace suppressd {
namespace {

using nlohmann::json;

// Levels of objects and arrays, counted without looking at anything else. Text that is no JSON gives some number.
int DepthOf(absl::string_view text) {
  int depth = 0;
  int deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++depth);
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return deepest;
}

// Takes everything and keeps nothing but the place of the first error.
class ErrorFinder : public nlohmann::json_sax<json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string&, const json::exception&) override {
    position_ = position;
    return false;
  }
  size_t position() const { return position_; }

 private:
  size_t position_ = 0;
};

}  // namespace

absl::Status MalformedPayload(absl::string_view where, absl::string_view what) {
  return InvalidArgument(v1::MALFORMED_PAYLOAD, absl::StrCat(where.empty() ? "the payload" : where, ": ", what),
                         "provider_event.payload");
}

absl::StatusOr<JsonValue> ParseJson(absl::string_view text, absl::string_view where) {
  if (text.empty()) return MalformedPayload(where, "is empty");
  if (text.size() > kPayloadBytesMax) {
    return MalformedPayload(where, absl::StrCat("is longer than ", kPayloadBytesMax, " bytes"));
  }
  if (DepthOf(text) > kPayloadDepthMax) {
    return MalformedPayload(where, absl::StrCat("is nested deeper than ", kPayloadDepthMax, " levels"));
  }
  auto payload = std::make_shared<const json>(json::parse(text.begin(), text.end(), nullptr, false));
  if (payload->is_discarded()) {
    ErrorFinder finder;
    json::sax_parse(text.begin(), text.end(), &finder);
    return MalformedPayload(where, absl::StrCat("is not JSON in UTF-8, see byte ", finder.position()));
  }
  const json* const root = payload.get();
  return JsonValue(std::move(payload), root, std::string(where));
}

JsonValue::JsonValue(std::shared_ptr<const json> payload, const json* value, std::string where)
    : payload_(std::move(payload)), value_(value), where_(std::move(where)) {}

bool JsonValue::present() const {
  return value_ != nullptr && !value_->is_null();
}

bool JsonValue::is_object() const {
  return value_ != nullptr && value_->is_object();
}

bool JsonValue::is_array() const {
  return value_ != nullptr && value_->is_array();
}

bool JsonValue::is_string() const {
  return value_ != nullptr && value_->is_string();
}

bool JsonValue::is_true() const {
  return value_ != nullptr && value_->is_boolean() && *value_->get_ptr<const json::boolean_t*>();
}

size_t JsonValue::size() const {
  return is_object() || is_array() ? value_->size() : 0;
}

const json* JsonValue::Find(absl::string_view path) const {
  const json* value = value_;
  while (value != nullptr && !path.empty()) {
    if (!value->is_object()) return nullptr;
    const size_t end = std::min(path.find('/'), path.size());
    const auto member = value->find(std::string(path.substr(0, end)));
    value = member == value->end() ? nullptr : &*member;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return value;
}

JsonValue JsonValue::Member(absl::string_view path) const {
  return JsonValue(payload_, Find(path), absl::StrCat(where_, "/", path));
}

JsonValue JsonValue::Item(size_t n) const {
  const json* const item = is_array() && n < value_->size() ? &(*value_)[n] : nullptr;
  return JsonValue(payload_, item, absl::StrCat(where_, "/", n));
}

JsonValue JsonValue::OnlyMember() const {
  const json* const member = is_object() && value_->size() == 1 ? &*value_->begin() : nullptr;
  return JsonValue(payload_, member, absl::StrCat(where_, "/*"));
}

std::string JsonValue::Text() const {
  if (value_ == nullptr) return "";
  if (value_->is_string()) return *value_->get_ptr<const json::string_t*>();
  if (value_->is_number_unsigned()) return absl::StrCat(*value_->get_ptr<const json::number_unsigned_t*>());
  if (value_->is_number_integer()) return absl::StrCat(*value_->get_ptr<const json::number_integer_t*>());
  if (value_->is_number_float()) return absl::StrFormat("%.6f", *value_->get_ptr<const json::number_float_t*>());
  return "";
}

std::string JsonValue::Text(absl::string_view path) const {
  return JsonValue(nullptr, Find(path), "").Text();
}

std::string JsonValue::Text(std::initializer_list<absl::string_view> paths) const {
  for (const absl::string_view path : paths) {
    if (std::string text = Text(path); !text.empty()) return text;
  }
  return "";
}

absl::Status JsonValue::Error(absl::string_view what) const {
  return MalformedPayload(where_, what);
}

}  // namespace suppressd
