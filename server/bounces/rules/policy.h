// The policy: what a verdict leads to. The built-in default suppresses at once for every hard-bounce reason, counts
// soft bounces (3 on 3 distinct days within 14 days; UNDETERMINED 5 on 5 days within 30) and leases 7 days, doubling to
// 90; MAILBOX_FULL expires after 30 days. A policy file overrides it per tenant; docs/policy.md describes the format.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "suppressd/storage/v1/storage.pb.h"
#include "suppressd/v1/bounce.pb.h"

namespace suppressd {

// An immutable policy. Thread-safe.
class Policy {
 public:
  // The built-in default, the same for every tenant.
  static std::unique_ptr<const Policy> BuiltIn();
  // The default, overridden by the text of a policy file. INVALID_ARGUMENT with "NAME:LINE: what is wrong": unknown
  // key, unknown reason, a number outside its documented range, a duplicate.
  static absl::StatusOr<std::unique_ptr<const Policy>> FromYaml(absl::string_view name, absl::string_view yaml);

  ~Policy();

  // What a verdict leads to for this tenant. SENDER_SIDE and NOT_A_BOUNCE are always RECORD; no file can change that.
  storage::v1::PolicyDecision Decide(absl::string_view tenant, const v1::Verdict& verdict) const;

 private:
  struct Tables;
  explicit Policy(std::unique_ptr<const Tables> tables);
  std::unique_ptr<const Tables> tables_;
};

}  // namespace suppressd
