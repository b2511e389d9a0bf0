// The file in which audit verify notes how far a trail was whole, so that a later run finds what was cut off since, or
// replaced.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/suppressctl/audit_verifier.h"

namespace suppressd::suppressctl {

// Nothing: there is no such file. NOT_FOUND: it cannot be read. INVALID_ARGUMENT: it is no checkpoint.
absl::StatusOr<std::optional<AuditMark>> ReadCheckpoint(const std::string& path);

// Replaces the file as a whole, durably. UNAVAILABLE: the disk refuses; the file is then as it was.
absl::Status WriteCheckpoint(const std::string& path, const AuditMark& mark);

}  // namespace suppressd::suppressctl
