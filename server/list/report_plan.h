// ReportBounce before the log: what a report says, of whom, and the commands that record it. Pure: time and rules are
// arguments.
#pragma once

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/bounces/rules/classifier.h"
#include "server/bounces/rules/policy.h"
#include "storage/stored.h"
#include "suppressd/v1/suppression_service.pb.h"

namespace suppressd {

// One outcome of the answer, and which command and which recipient of it will complete it.
struct PlannedOutcome {
  // Address, where there is one, and event id; error when it is refused.
  v1::RecipientOutcome outcome;
  // Index in ReportPlan::commands; -1: refused already, outcome.error says why.
  int command = -1;
  int recipient = 0;
};

struct ReportPlan {
  v1::BounceEvent::Kind kind = v1::BounceEvent::KIND_UNSPECIFIED;
  bool truncated = false;
  // One for all recipients of a reply, complaint or mail; of two reports about one mailbox in it the one counts that
  // does more. One for each event of a provider's payload, also of one that came by mail: idempotent by its own id,
  // else by the request's and what it says; under a request id it claims the id for the whole request. None for a mail
  // that is no bounce and a payload without events.
  std::vector<stored::Command> commands;
  // In the order of the report.
  std::vector<PlannedOutcome> outcomes;
};

// Every error is INVALID_ARGUMENT with the reason that errors.proto documents, and names the field. Of a mail or
// payload with several recipients one that has no valid address, or cannot be taken for another reason, fails alone.
// `taken_at_micros`: when a sidecar took the report; nothing: it comes from a reporter, now.
absl::StatusOr<ReportPlan> PlanReport(const v1::ReportBounceRequest& request, absl::Time now,
                                      const Classifier& classifier, const Policy& policy,
                                      std::optional<int64_t> taken_at_micros = std::nullopt);

}  // namespace suppressd
