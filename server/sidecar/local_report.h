// What a sidecar makes of a report while the server is away: the answer to its reporter, and what it suppresses here
// until the server has it. Pure but for the reads of the replica.
#pragma once

#include "absl/time/time.h"
#include "server/list/report_plan.h"
#include "server/sidecar/local_blocks.h"
#include "storage/list_reader.h"
#include "suppressd/v1/suppression_service.pb.h"

namespace suppressd {

// Answers a planned report and fills in the blocks of `outbox`. The state machine of the server decides, on the entry
// as the replica knows it: so a bounce of mail sent before a reactivation suppresses nothing. Soft bounces only count:
// the replica does not know how many there were. `replica` may be null: nothing is known then.
absl::Status AnswerLocally(const ReportPlan& plan, const ListReader* replica, const LocalBlocks& blocks, absl::Time now,
                           v1::ReportBounceResponse* response, stored::OutboxReport* outbox);

}  // namespace suppressd
