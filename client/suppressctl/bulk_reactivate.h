// Reactivating many: a plan that shows what would be lifted, and its application, which lifts that and nothing else.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/suppressctl/session.h"
#include "suppressd/internal/v1/reactivation_plan.pb.h"

namespace suppressd::suppressctl {

// A plan is applied within this time.
inline constexpr absl::Duration kPlanAgeMax = absl::Hours(24 * 7);

struct BulkOptions {
  // Of a plan: which entries, and which of their causes (bounces only; empty: every bounce).
  SuppressionFilter filter;
  std::vector<CauseSelector> causes;
  // Of an application.
  std::string plan;
  std::string note;
  std::string on_behalf_of;
};

// Shows how many entries, by reason and by domain, and some of them, and the plan's id. Returns the exit code.
int PlanReactivation(const BulkOptions& options, Session& session);
// Lifts what the plan says, of entries that have not changed since. May be repeated: what was lifted stays so. Returns
// the exit code: kFinding when some were left out or failed.
int ApplyReactivation(const BulkOptions& options, Session& session);

// The id of a plan, opaque, and back. INVALID_ARGUMENT: it is none.
std::string EncodePlan(const internal::v1::ReactivationPlan& plan);
absl::StatusOr<internal::v1::ReactivationPlan> DecodePlan(const std::string& id);

// The id of the request that reactivates this address by this plan: a UUID, always the same.
std::string PlanRequestId(const std::string& plan, const std::string& target);

}  // namespace suppressd::suppressctl
