// Access control and quotas as the options ask for them, and what the log tells of them.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "server/access/access_control.h"
#include "server/access/quotas.h"
#include "server/app/options.h"
#include "server/rpc/guard.h"

namespace suppressd {

// Thread-safe. Must outlive the services that its guard stands before.
class Access {
 public:
  // Reads the files that the options name. INVALID_ARGUMENT, in one sentence.
  static absl::StatusOr<std::unique_ptr<Access>> Open(const ServerOptions& options);

  const Guard& guard() const { return guard_; }
  // See Guard::NoteDenied.
  void NoteDenied(DeniedCalls* denied) { guard_.NoteDenied(denied); }
  // Reads the files that have changed, or all of them, and logs how that went. Call it once a second.
  void Reload(bool all);

 private:
  Access(std::unique_ptr<AccessControl> control, std::unique_ptr<Quotas> quotas)
      : control_(std::move(control)), quotas_(std::move(quotas)), guard_(control_.get(), quotas_.get()) {}

  const std::unique_ptr<AccessControl> control_;  // null: everyone may do everything
  const std::unique_ptr<Quotas> quotas_;          // null: there are none
  Guard guard_;
};

}  // namespace suppressd
