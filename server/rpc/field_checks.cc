#include "server/rpc/field_checks.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "google/protobuf/unknown_field_set.h"
#include "google/protobuf/util/time_util.h"
#include "server/bounces/rules/names.h"
#include "storage/stored.h"

namespace suppressd {
namespace {

constexpr absl::Duration kFutureMax = absl::Hours(24);

// Requests are no deeper than a few messages.
bool HasUnknownField(const google::protobuf::Message& message) {
  const google::protobuf::Reflection& read = *message.GetReflection();
  if (!read.GetUnknownFields(message).empty()) return true;
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  read.ListFields(message, &fields);
  for (const google::protobuf::FieldDescriptor* field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      if (HasUnknownField(read.GetMessage(message, field))) return true;
      continue;
    }
    for (int i = 0; i < read.FieldSize(message, field); ++i) {
      if (HasUnknownField(read.GetRepeatedMessage(message, field, i))) return true;
    }
  }
  return false;
}

}  // namespace

absl::StatusOr<std::string> TenantOf(const std::string& tenant) {
  if (tenant.empty()) return std::string("default");
  if (IsName(tenant)) return tenant;
  return InvalidArgument(v1::INVALID_TENANT, "tenant must be 1 to 63 of a-z 0-9 . _ - and start with a letter or digit",
                         "tenant");
}

absl::StatusOr<std::set<std::string>> TenantsOf(const google::protobuf::RepeatedPtrField<std::string>& tenants) {
  if (tenants.size() > kTenantsMax) {
    return InvalidArgument(v1::FIELD_TOO_LONG, "tenants holds more than 100 names", "tenants");
  }
  std::set<std::string> names;
  for (const std::string& tenant : tenants) {
    absl::StatusOr<std::string> name = TenantOf(tenant);
    if (!name.ok()) return name.status();
    names.insert(*std::move(name));
  }
  return names;
}

absl::Status CheckStream(const std::string& stream, absl::string_view field) {
  if (stream.empty() || IsName(stream)) return absl::OkStatus();
  return InvalidArgument(v1::INVALID_STREAM, "stream must be 1 to 63 of a-z 0-9 . _ - and start with a letter or digit",
                         field);
}

absl::Status CheckLength(const std::string& text, size_t bytes_max, absl::string_view field) {
  if (text.size() <= bytes_max) return absl::OkStatus();
  return InvalidArgument(v1::FIELD_TOO_LONG, absl::StrCat(field, " is longer than ", bytes_max, " bytes"), field);
}

absl::Status CheckRequired(const std::string& text, size_t bytes_max, absl::string_view field) {
  if (absl::StripAsciiWhitespace(text).empty()) {
    return InvalidArgument(v1::MISSING_FIELD, absl::StrCat(field, " must not be empty"), field);
  }
  return CheckLength(text, bytes_max, field);
}

absl::Status CheckRequestId(const std::string& id) {
  if (id.empty()) return absl::OkStatus();
  bool ok = id.size() == 36;
  for (size_t i = 0; ok && i < id.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    ok = dash ? id[i] == '-' : absl::ascii_isxdigit(static_cast<unsigned char>(id[i]));
  }
  if (ok) return absl::OkStatus();
  return InvalidArgument(v1::INVALID_REQUEST_ID, "request_id is not a UUID", "request_id");
}

absl::Status CheckListLength(size_t count, absl::string_view field) {
  if (count <= kFilterValuesMax) return absl::OkStatus();
  return InvalidArgument(v1::FIELD_TOO_LONG, absl::StrCat(field, " holds more than ", kFilterValuesMax, " values"),
                         field);
}

absl::Status UnknownField() {
  return InvalidArgument(
      v1::UNKNOWN_FIELD,
      "the request holds a field that this version does not know, and may not mean what it would do");
}

absl::Status CheckKnownFields(const google::protobuf::Message& request) {
  return HasUnknownField(request) ? UnknownField() : absl::OkStatus();
}

v1::ItemError ItemErrorOf(const absl::Status& error) {
  v1::ItemError item;
  item.set_reason(ReasonName(ReasonOf(error)));
  item.set_message(std::string(error.message()));
  item.set_field(ErrorMetadata(error, "field"));
  item.set_code(static_cast<int32_t>(error.code()));
  return item;
}

absl::Status UnknownEnum(absl::string_view field) {
  return InvalidArgument(v1::UNKNOWN_ENUM_VALUE, absl::StrCat(field, " holds a value this version does not know"),
                         field);
}

absl::StatusOr<int64_t> TimeOf(bool set, const google::protobuf::Timestamp& time, int64_t otherwise,
                               absl::string_view field) {
  if (!set) return otherwise;
  // Years 1 to 9999, as protobuf has it.
  if (time.seconds() < google::protobuf::util::TimeUtil::kTimestampMinSeconds ||
      time.seconds() > google::protobuf::util::TimeUtil::kTimestampMaxSeconds || time.nanos() < 0 ||
      time.nanos() > 999'999'999) {
    return InvalidArgument(v1::INVALID_FIELD, absl::StrCat(field, " is not a valid time"), field);
  }
  return ToMicros(time);
}

absl::StatusOr<int64_t> EventTimeOf(bool set, const google::protobuf::Timestamp& time, absl::Time now,
                                    absl::string_view field) {
  absl::StatusOr<int64_t> micros = TimeOf(set, time, absl::ToUnixMicros(now), field);
  if (!micros.ok() || *micros <= absl::ToUnixMicros(now + kFutureMax)) return micros;
  return InvalidArgument(v1::INVALID_FIELD, absl::StrCat(field, " is more than a day in the future"), field);
}

}  // namespace suppressd
