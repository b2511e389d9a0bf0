#include "absl/strings/cord.h"
#include "common/error.h"
#include "suppressd/client.h"
#include "suppressd/internal/v1/rpc_status.pb.h"

namespace suppressd {
inline namespace client_v1 {

std::string ErrorReason(const absl::Status& status) {
  const auto payload = status.GetPayload(kErrorInfoTypeUrl);
  // Not ReasonOf(): a newer service may send a reason that this version does not know.
  internal::v1::ErrorInfo info;
  if (!payload.has_value() || !info.ParseFromString(std::string(*payload))) return "";
  return info.domain() == kErrorDomain ? info.reason() : "";
}

std::string ErrorDetail(const absl::Status& status, const std::string& key) {
  return ErrorMetadata(status, key);
}

}  // namespace client_v1
}  // namespace suppressd
