// Requests to commands and queries: every field of every request is checked here (of reports: in report_plan.h), and
// only here. Pure: time and rules are arguments. Every error is INVALID_ARGUMENT with the reason that errors.proto
// documents, and names the field.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/error.h"
#include "server/bounces/rules/address.h"
#include "storage/listing.h"
#include "storage/stored.h"
#include "suppressd/v1/admin_service.pb.h"
#include "suppressd/v1/suppression_service.pb.h"

namespace suppressd {

// Events that GetBounceDetails returns by default.
inline constexpr int kDetailsEventsDefault = 10;

// MISSING_FIELD.
absl::Status NoTarget();
// The entry that a request names by its target. MISSING_FIELD, INVALID_ADDRESS, INVALID_DOMAIN.
template <typename Request>
absl::StatusOr<Address> TargetOf(const Request& request) {
  if (request.has_address()) return WithField(NormaliseAddress(request.address()), "address");
  if (request.has_domain()) return WithField(NormaliseDomain(request.domain()), "domain");
  return NoTarget();
}

absl::StatusOr<stored::Command> MakeSuppressCommand(const v1::SuppressRequest& request, absl::Time now);
// `lineage` is the store's: unchanged_since is a token of it.
absl::StatusOr<stored::Command> MakeReactivateCommand(const v1::ReactivateRequest& request, absl::Time now,
                                                      uint64_t lineage);
// Reads the page token too; `lineage` is the store's.
absl::StatusOr<ListQuery> MakeListQuery(const v1::ListSuppressionsRequest& request, absl::Time now, uint64_t lineage);
absl::StatusOr<ListQuery> MakeCountQuery(const v1::CountSuppressionsRequest& request, absl::Time now);
// For PassesFilter. Without a state: every entry.
absl::StatusOr<ListQuery> MakeExportQuery(const v1::ExportRequest& request, absl::Time now);

}  // namespace suppressd
