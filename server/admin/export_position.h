// Positions of exports: where one stands, opaque to callers. Pure.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "suppressd/internal/v1/export_position.pb.h"
#include "suppressd/v1/admin_service.pb.h"

namespace suppressd {

std::string EncodeExportPosition(const internal::v1::ExportPosition& position);
// INVALID_ARGUMENT (INVALID_PAGE_TOKEN): garbled, or of another request (request_digest).
absl::StatusOr<internal::v1::ExportPosition> DecodeExportPosition(const v1::ExportRequest& request);

// What of a request its positions are bound to.
std::string ExportDigest(const v1::ExportRequest& request);

}  // namespace suppressd
