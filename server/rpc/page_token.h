// Page tokens: where a listing stands, opaque to callers and bound to the filter. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/listing.h"
#include "suppressd/v1/audit.pb.h"
#include "suppressd/v1/suppression_service.pb.h"

namespace suppressd {

// The token for the page after `page`; empty when that was the last.
std::string EncodePageToken(uint64_t lineage, const v1::ListSuppressionsRequest& request, const ListPage& page);

// Reads request.page_token (not empty) into the query. INVALID_ARGUMENT (INVALID_PAGE_TOKEN) when it was not made by
// EncodePageToken or for another filter, order or tenant; FAILED_PRECONDITION (PAGE_TOKEN_EXPIRED) when it is of
// another lineage.
absl::Status DecodePageToken(uint64_t lineage, const v1::ListSuppressionsRequest& request, ListQuery* query);

// The same for the audit trail: the token for the page that begins behind a revision; empty for revision zero.
std::string EncodePageToken(uint64_t lineage, const v1::ListAuditRequest& request, uint64_t after_revision);

// The revision in request.page_token (not empty). Errors as above.
absl::StatusOr<uint64_t> DecodePageToken(uint64_t lineage, const v1::ListAuditRequest& request);

}  // namespace suppressd
