// What ListAudit answers, without gRPC.
#pragma once

#include "absl/status/status.h"
#include "storage/list_reader.h"
#include "suppressd/v1/audit.pb.h"

namespace suppressd {

// Longest action that a filter names, in bytes.
inline constexpr size_t kAuditActionBytesMax = 32;

// One page of the audit trail, but for at_least. Errors as docs/api.md lists them: INVALID_TENANT, FIELD_TOO_LONG,
// INVALID_ADDRESS, INVALID_DOMAIN, INVALID_FIELD, INVALID_PAGE_SIZE, INVALID_PAGE_TOKEN, PAGE_TOKEN_EXPIRED,
// INTERNAL_ERROR. Looks at up to 20,000 records: run it where listings run. Thread-safe.
absl::Status ListAudit(const ListReader& list, const v1::ListAuditRequest& request, v1::ListAuditResponse* response);

}  // namespace suppressd
