#include "server/app/access.h"

#include "absl/time/clock.h"
#include "server/app/reloads.h"
#include "server/base/log.h"

namespace suppressd {

absl::StatusOr<std::unique_ptr<Access>> Access::Open(const ServerOptions& options) {
  const bool none = options.access_file.empty() && options.token_file.empty() && options.jwks_file.empty() &&
                    options.jwt_issuer.empty() && options.jwt_audience.empty();
  if (none) return std::unique_ptr<Access>(new Access(nullptr));
  absl::StatusOr<std::unique_ptr<AccessControl>> control = AccessControl::Open({.access_file = options.access_file,
                                                                                .token_file = options.token_file,
                                                                                .jwks_file = options.jwks_file,
                                                                                .jwt_issuer = options.jwt_issuer,
                                                                                .jwt_audience = options.jwt_audience,
                                                                                .clock = absl::Now});
  if (!control.ok()) return control.status();
  return std::unique_ptr<Access>(new Access(*std::move(control)));
}

void Access::Reload(bool all) {
  if (control_ == nullptr) return;
  for (const AccessControl::Reloaded& file : control_->Reload(all)) {
    Reloads::Get().Note(file.file, file.status.ok());
    if (file.status.ok()) {
      LogInfo("access_reloaded", {{"file", file.file}, {"identities", std::to_string(control_->identities())}});
    } else {
      LogError("access_refused", {{"file", file.file}, {"error", std::string(file.status.message())}});
    }
  }
}

}  // namespace suppressd
