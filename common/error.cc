#include "common/error.h"

#include "absl/strings/cord.h"
#include "absl/types/optional.h"
#include "suppressd/internal/v1/rpc_status.pb.h"

namespace suppressd {
namespace {

bool ReadErrorInfo(const absl::Status& status, internal::v1::ErrorInfo* info) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kErrorInfoTypeUrl);
  return payload.has_value() && info->ParseFromString(std::string(*payload)) && info->domain() == kErrorDomain;
}

}  // namespace

absl::Status MakeError(absl::StatusCode code, v1::ErrorReason reason, absl::string_view message,
                       absl::string_view field, const std::map<std::string, std::string>& metadata) {
  internal::v1::ErrorInfo info;
  info.set_reason(ReasonName(reason));
  info.set_domain(kErrorDomain);
  if (!field.empty()) (*info.mutable_metadata())["field"] = std::string(field);
  for (const auto& [key, value] : metadata) (*info.mutable_metadata())[key] = value;
  absl::Status status(code, message);
  status.SetPayload(kErrorInfoTypeUrl, absl::Cord(info.SerializeAsString()));
  return status;
}

absl::Status InvalidArgument(v1::ErrorReason reason, absl::string_view message, absl::string_view field) {
  return MakeError(absl::StatusCode::kInvalidArgument, reason, message, field);
}

absl::Status WithField(const absl::Status& status, absl::string_view field) {
  internal::v1::ErrorInfo info;
  if (!ReadErrorInfo(status, &info)) return status;
  (*info.mutable_metadata())["field"] = std::string(field);
  absl::Status named = status;
  named.SetPayload(kErrorInfoTypeUrl, absl::Cord(info.SerializeAsString()));
  return named;
}

v1::ErrorReason ReasonOf(const absl::Status& status) {
  internal::v1::ErrorInfo info;
  return ReadErrorInfo(status, &info) ? ReasonFromName(info.reason()) : v1::ERROR_REASON_UNSPECIFIED;
}

std::string ErrorMetadata(const absl::Status& status, const std::string& key) {
  internal::v1::ErrorInfo info;
  if (!ReadErrorInfo(status, &info)) return "";
  const auto found = info.metadata().find(key);
  return found == info.metadata().end() ? "" : found->second;
}

const std::string& ReasonName(v1::ErrorReason reason) {
  return v1::ErrorReason_Name(reason);
}

v1::ErrorReason ReasonFromName(const std::string& name) {
  v1::ErrorReason reason = v1::ERROR_REASON_UNSPECIFIED;
  return v1::ErrorReason_Parse(name, &reason) ? reason : v1::ERROR_REASON_UNSPECIFIED;
}

}  // namespace suppressd
