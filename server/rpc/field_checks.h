// Checks that fields of several requests share. Pure and thread-safe; every error is INVALID_ARGUMENT with the reason
// that errors.proto documents, and names the field.
#pragma once

#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "google/protobuf/repeated_field.h"
#include "google/protobuf/timestamp.pb.h"
#include "server/bounces/rules/reply_text.h"
#include "suppressd/v1/suppression_service.pb.h"

namespace suppressd {

// Limits in bytes, as the protos document them.
inline constexpr size_t kReplyTextBytesMax = kReplyTextMaxBytes;
inline constexpr size_t kHostBytesMax = 255;
inline constexpr size_t kNoteBytesMax = 2'000;
inline constexpr size_t kLabelBytesMax = 128;
inline constexpr size_t kMessageIdBytesMax = 998;
inline constexpr size_t kEventIdBytesMax = 256;
// Most addresses of one batch.
inline constexpr int kBatchMax = 10'000;
// Most tenants that one request names.
inline constexpr int kTenantsMax = 100;
// Most values of one kind that a filter names.
inline constexpr size_t kFilterValuesMax = 100;

// The tenant of a request: "default" when empty. INVALID_TENANT.
absl::StatusOr<std::string> TenantOf(const std::string& tenant);
// The tenants of a request that names several. INVALID_TENANT, FIELD_TOO_LONG.
absl::StatusOr<std::set<std::string>> TenantsOf(const google::protobuf::RepeatedPtrField<std::string>& tenants);
// INVALID_STREAM unless empty or well formed.
absl::Status CheckStream(const std::string& stream, absl::string_view field = "stream");
// INVALID_REQUEST_ID unless empty or a UUID.
absl::Status CheckRequestId(const std::string& id);
// FIELD_TOO_LONG.
absl::Status CheckLength(const std::string& text, size_t bytes_max, absl::string_view field);
// MISSING_FIELD when there is nothing but white space in it, FIELD_TOO_LONG.
absl::Status CheckRequired(const std::string& text, size_t bytes_max, absl::string_view field);
// FIELD_TOO_LONG when a filter names more than 100 values.
absl::Status CheckListLength(size_t count, absl::string_view field);
// UNKNOWN_FIELD.
absl::Status UnknownField();
// UNKNOWN_FIELD when a request that writes, or anything in it, holds a field that this version does not know: it may
// say not to do it.
absl::Status CheckKnownFields(const google::protobuf::Message& request);
// An error as that of one item among several.
v1::ItemError ItemErrorOf(const absl::Status& error);
// UNKNOWN_ENUM_VALUE.
absl::Status UnknownEnum(absl::string_view field);
// The time of a field in microseconds since 1970, `otherwise` when unset. INVALID_FIELD.
absl::StatusOr<int64_t> TimeOf(bool set, const google::protobuf::Timestamp& time, int64_t otherwise,
                               absl::string_view field);
// The same for the time of an event: now when unset, and not in the future by more than clocks may differ (a day).
absl::StatusOr<int64_t> EventTimeOf(bool set, const google::protobuf::Timestamp& time, absl::Time now,
                                    absl::string_view field);

}  // namespace suppressd
