// Import before the log: what each row says, and the command that records it. Pure: time and rules are arguments.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/bounces/rules/classifier.h"
#include "server/bounces/rules/policy.h"
#include "storage/stored.h"
#include "suppressd/v1/admin_service.pb.h"

namespace suppressd {

// Most rows of one call.
inline constexpr int kImportRowsMax = 1'000;

struct ImportPlan {
  // The rows that can be taken. None: there is nothing to append.
  stored::Command command;
  // One for each row of the request; complete where the row is rejected.
  std::vector<v1::ImportOutcome> outcomes;
  // For each row of the command: which of the outcomes is its own.
  std::vector<int> outcome_of_row;
};

// INVALID_ARGUMENT with the reason that errors.proto documents when the request as a whole is wrong: tenant, provider,
// too many rows, an unknown field. A bad row only fails alone.
absl::StatusOr<ImportPlan> PlanImport(const v1::ImportRequest& request, absl::Time now, const Classifier& classifier,
                                      const Policy& policy);

// Completes the outcomes of a plan with what applying its command gave.
void CompleteImport(const stored::CommandResult& result, ImportPlan* plan);

}  // namespace suppressd
