#include "client/internal/utf8.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error.h"

namespace suppressd::client_internal {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// The path of the first text field that is not UTF-8; empty: none. Requests are no deeper than a few messages.
std::string FindBadText(const Message& message) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  std::string scratch;
  for (const FieldDescriptor* field : fields) {
    const int count = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      if (field->type() == FieldDescriptor::TYPE_STRING) {
        const std::string& text = field->is_repeated()
                                      ? reflection.GetRepeatedStringReference(message, field, i, &scratch)
                                      : reflection.GetStringReference(message, field, &scratch);
        if (!IsUtf8(text)) return field->name();
      } else if (field->type() == FieldDescriptor::TYPE_MESSAGE) {
        const std::string inner = FindBadText(field->is_repeated() ? reflection.GetRepeatedMessage(message, field, i)
                                                                   : reflection.GetMessage(message, field));
        if (!inner.empty()) return absl::StrCat(field->name(), ".", inner);
      }
    }
  }
  return "";
}

}  // namespace

CodePoint DecodeUtf8(absl::string_view text, size_t position) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[position + i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1, true};
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || position + length > text.size()) return {first, 1, false};
  uint32_t value = first & (0xff >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {first, 1, false};
    value = value << 6 | (byte(i) & 0x3f);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < kLeast[length] || value > 0x10ffff || surrogate) return {first, 1, false};
  return {value, length, true};
}

bool IsUtf8(absl::string_view text) {
  for (size_t position = 0; position < text.size();) {
    const CodePoint point = DecodeUtf8(text, position);
    if (!point.valid) return false;
    position += point.bytes;
  }
  return true;
}

absl::Status CheckUtf8(const Message& request) {
  const std::string field = FindBadText(request);
  if (field.empty()) return absl::OkStatus();
  return InvalidArgument(v1::INVALID_FIELD, absl::StrCat(field, " is not UTF-8"), field);
}

}  // namespace suppressd::client_internal
