#include "server/app/access.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "server/app/reloads.h"
#include "server/base/log.h"
#include "server/base/steady_time.h"

namespace suppressd {

namespace {

absl::StatusOr<std::unique_ptr<AccessControl>> OpenControl(const ServerOptions& options) {
  const bool none = options.access_file.empty() && options.token_file.empty() && options.jwks_file.empty() &&
                    options.jwt_issuer.empty() && options.jwt_audience.empty();
  if (none) return nullptr;
  return AccessControl::Open({.access_file = options.access_file,
                              .token_file = options.token_file,
                              .jwks_file = options.jwks_file,
                              .jwt_issuer = options.jwt_issuer,
                              .jwt_audience = options.jwt_audience,
                              .clock = absl::Now});
}

}  // namespace

absl::StatusOr<std::unique_ptr<Access>> Access::Open(const ServerOptions& options) {
  absl::StatusOr<std::unique_ptr<AccessControl>> control = OpenControl(options);
  if (!control.ok()) return control.status();
  std::unique_ptr<Quotas> quotas;
  if (!options.quota_file.empty()) {
    absl::StatusOr<std::unique_ptr<Quotas>> opened = Quotas::Open(options.quota_file, SteadyPoint);
    if (!opened.ok()) return WrongOption("quota_file", opened.status());
    quotas = *std::move(opened);
  }
  return std::unique_ptr<Access>(new Access(*std::move(control), std::move(quotas)));
}

void Access::Reload(bool all) {
  if (control_ != nullptr) {
    for (const AccessControl::Reloaded& file : control_->Reload(all)) {
      Reloads::Get().Note(file.file, file.status.ok());
      if (file.status.ok()) {
        LogInfo("access_reloaded", {{"file", file.file}, {"identities", std::to_string(control_->identities())}});
      } else {
        LogError("access_refused", {{"file", file.file}, {"error", std::string(file.status.message())}});
      }
    }
  }
  if (quotas_ == nullptr) return;
  const std::optional<absl::Status> read = quotas_->Reload(all);
  if (!read.has_value()) return;
  Reloads::Get().Note(quotas_->path(), read->ok());
  if (read->ok()) {
    LogInfo("quotas_reloaded", {{"file", quotas_->path()}});
  } else {
    LogError("quotas_refused", {{"file", quotas_->path()}, {"error", std::string(read->message())}});
  }
}

}  // namespace suppressd
