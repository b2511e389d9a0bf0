// Errors of the API: an absl::Status that carries google.rpc.ErrorInfo as a payload.
//
//   return MakeError(absl::StatusCode::kInvalidArgument, v1::INVALID_TENANT, "tenant has an odd character", "tenant");
//   if (ReasonOf(status) == v1::INVALID_TENANT) ...
//
// Messages and metadata must never contain an address. All functions are thread-safe.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "suppressd/v1/errors.pb.h"

namespace suppressd {

// The type URL under which ErrorInfo travels, as a payload and in grpc-status-details-bin.
inline constexpr char kErrorInfoTypeUrl[] = "type.googleapis.com/google.rpc.ErrorInfo";
// The same for RetryInfo.
inline constexpr char kRetryInfoTypeUrl[] = "type.googleapis.com/google.rpc.RetryInfo";
// The same for QuotaFailure.
inline constexpr char kQuotaFailureTypeUrl[] = "type.googleapis.com/google.rpc.QuotaFailure";
// ErrorInfo.domain of every error of ours.
inline constexpr char kErrorDomain[] = "suppressd";

// An error with a reason. `field` names the request field at fault; empty: none.
absl::Status MakeError(absl::StatusCode code, v1::ErrorReason reason, absl::string_view message,
                       absl::string_view field = "", const std::map<std::string, std::string>& metadata = {});

// INVALID_ARGUMENT with a reason, the most common error.
absl::Status InvalidArgument(v1::ErrorReason reason, absl::string_view message, absl::string_view field = "");

// An error with a reason that names the request field as well. OK and errors without a reason stay as they are.
absl::Status WithField(const absl::Status& status, absl::string_view field);
template <typename T>
absl::StatusOr<T> WithField(absl::StatusOr<T> value, absl::string_view field) {
  if (value.ok()) return value;
  return WithField(value.status(), field);
}

// The reason of an error; ERROR_REASON_UNSPECIFIED for OK and for errors without one.
v1::ErrorReason ReasonOf(const absl::Status& status);

// One metadata value of an error; empty when there is none.
std::string ErrorMetadata(const absl::Status& status, const std::string& key);

// The name of a reason as it stands in ErrorInfo, and back (unspecified when unknown).
const std::string& ReasonName(v1::ErrorReason reason);
v1::ErrorReason ReasonFromName(const std::string& name);

}  // namespace suppressd
