// What every command has: tenant, idempotency key and digest, time, target.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/bounces/rules/address.h"
#include "server/rpc/digest.h"
#include "server/rpc/field_checks.h"
#include "storage/stored.h"
#include "suppressd/v1/suppression_service.pb.h"

namespace suppressd {

// A command of a request without its operation. `method` keeps the digests of different calls apart. INVALID_TENANT,
// INVALID_REQUEST_ID, UNKNOWN_FIELD.
template <typename Request>
absl::StatusOr<stored::Command> StartCommand(absl::string_view method, const Request& request, absl::Time now) {
  absl::StatusOr<std::string> tenant = TenantOf(request.tenant());
  if (!tenant.ok()) return tenant.status();
  if (absl::Status status = CheckRequestId(request.request_id()); !status.ok()) return status;
  if (absl::Status status = CheckKnownFields(request); !status.ok()) return status;
  stored::Command command;
  command.set_tenant(*tenant);
  *command.mutable_at() = FromMicros(absl::ToUnixMicros(now));
  if (!request.request_id().empty()) {
    command.set_request_key(absl::StrCat("r:", absl::AsciiStrToLower(request.request_id())));
  }
  Request payload = request;
  payload.clear_request_id();
  // A sidecar adds whom it knows: the same request by another way is the same.
  if constexpr (requires { payload.clear_on_behalf_of(); }) payload.clear_on_behalf_of();
  payload.set_tenant(*tenant);
  command.set_payload_digest(Sha256(method, payload));
  return command;
}

// Names an entry; `original` is the spelling that was given.
inline void SetTarget(const Address& address, const std::string& original, stored::Target* target) {
  target->set_domain(address.domain);
  target->set_local_part(address.local_part);
  if (!address.local_part.empty() && original != address.ToString()) target->set_original_address(original);
}

}  // namespace suppressd
