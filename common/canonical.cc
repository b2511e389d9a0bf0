#include "common/canonical.h"

#include <google/protobuf/unknown_field_set.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace suppressd {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr char kVersion[] = "canonical 1";

void AppendBytes(uint64_t number, int size, std::string* bytes) {
  for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) bytes->push_back(static_cast<char>(number >> shift));
}

void AppendText(absl::string_view text, std::string* bytes) {
  AppendBytes(text.size(), 8, bytes);
  bytes->append(text.data(), text.size());
}

void AppendDouble(double value, std::string* bytes) {
  uint64_t bits = 0;
  static_assert(sizeof(bits) == sizeof(value));
  std::memcpy(&bits, &value, sizeof(bits));
  AppendBytes(bits, 8, bytes);
}

void AppendMessage(const Message& message, std::string* bytes) {
  std::string nested;
  AppendCanonicalForm(message, &nested);
  AppendText(nested, bytes);
}

// One value of a field; `index` negative: the field is not repeated.
void AppendValue(const Message& message, const FieldDescriptor& field, int index, std::string* bytes) {
  const Reflection& read = *message.GetReflection();
  const bool many = index >= 0;
  const FieldDescriptor* f = &field;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return AppendBytes(many ? read.GetRepeatedInt32(message, f, index) : read.GetInt32(message, f), 8, bytes);
    case FieldDescriptor::CPPTYPE_INT64:
      return AppendBytes(many ? read.GetRepeatedInt64(message, f, index) : read.GetInt64(message, f), 8, bytes);
    case FieldDescriptor::CPPTYPE_UINT32:
      return AppendBytes(many ? read.GetRepeatedUInt32(message, f, index) : read.GetUInt32(message, f), 8, bytes);
    case FieldDescriptor::CPPTYPE_UINT64:
      return AppendBytes(many ? read.GetRepeatedUInt64(message, f, index) : read.GetUInt64(message, f), 8, bytes);
    case FieldDescriptor::CPPTYPE_BOOL:
      return AppendBytes(many ? read.GetRepeatedBool(message, f, index) : read.GetBool(message, f), 8, bytes);
    case FieldDescriptor::CPPTYPE_ENUM:
      return AppendBytes(many ? read.GetRepeatedEnumValue(message, f, index) : read.GetEnumValue(message, f), 8, bytes);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return AppendDouble(many ? read.GetRepeatedFloat(message, f, index) : read.GetFloat(message, f), bytes);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return AppendDouble(many ? read.GetRepeatedDouble(message, f, index) : read.GetDouble(message, f), bytes);
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string scratch;
      return AppendText(many ? read.GetRepeatedStringReference(message, f, index, &scratch)
                             : read.GetStringReference(message, f, &scratch),
                        bytes);
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return AppendMessage(many ? read.GetRepeatedMessage(message, f, index) : read.GetMessage(message, f), bytes);
  }
}

void AppendField(const Message& message, const FieldDescriptor& field, std::string* bytes) {
  AppendBytes(static_cast<uint64_t>(field.number()), 4, bytes);
  AppendBytes(static_cast<uint64_t>(field.type()), 1, bytes);
  if (!field.is_repeated()) {
    AppendBytes(1, 4, bytes);
    return AppendValue(message, field, -1, bytes);
  }
  std::vector<std::string> values(message.GetReflection()->FieldSize(message, &field));
  for (size_t i = 0; i < values.size(); ++i) AppendValue(message, field, static_cast<int>(i), &values[i]);
  if (field.is_map()) std::sort(values.begin(), values.end());
  AppendBytes(values.size(), 4, bytes);
  for (const std::string& value : values) bytes->append(value);
}

}  // namespace

void AppendCanonicalForm(const Message& message, std::string* bytes) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);  // in the order of their numbers
  for (const FieldDescriptor* field : fields) AppendField(message, *field, bytes);
  const google::protobuf::UnknownFieldSet& unknown = message.GetReflection()->GetUnknownFields(message);
  if (unknown.empty()) return;
  std::string rest;
  unknown.SerializeToString(&rest);
  AppendText(rest, bytes);
}

std::string CanonicalDigest(absl::string_view label, const Message& message) {
  std::string bytes(kVersion);
  AppendText(label, &bytes);
  AppendCanonicalForm(message, &bytes);
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

}  // namespace suppressd
