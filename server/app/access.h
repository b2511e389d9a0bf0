// Access control as the options ask for it, and what the log tells of it.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "server/access/access_control.h"
#include "server/app/options.h"
#include "server/rpc/guard.h"

namespace suppressd {

// Thread-safe. Must outlive the services that its guard stands before.
class Access {
 public:
  // Reads the files that the options name. INVALID_ARGUMENT, in one sentence.
  static absl::StatusOr<std::unique_ptr<Access>> Open(const ServerOptions& options);

  const Guard& guard() const { return guard_; }
  // Reads the files that have changed, or all of them, and logs how that went. Call it once a second.
  void Reload(bool all);

 private:
  explicit Access(std::unique_ptr<AccessControl> control) : control_(std::move(control)), guard_(control_.get()) {}

  const std::unique_ptr<AccessControl> control_;  // null: everyone may do everything
  const Guard guard_;
};

}  // namespace suppressd
