// The one place where errors become gRPC's: the status code, and google.rpc.Status in the details.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/support/status.h"
#include "suppressd/v1/errors.pb.h"

namespace suppressd {

// Keeps code, message, ErrorInfo, RetryInfo and QuotaFailure, and counts the error. An error without ErrorInfo gets
// INTERNAL_ERROR and a message that tells nothing. OVERLOADED and SHUTTING_DOWN get RetryInfo (200 ms, unless
// WithRetryAfter says otherwise), and so does STORAGE_UNAVAILABLE (1 s). Errors of ours (INTERNAL) are logged.
grpc::Status ToGrpcStatus(const absl::Status& status);

// Errors that callers were told so far, by reason.
int64_t ErrorsTold(v1::ErrorReason reason);

// Whether an error carries ErrorInfo of suppressd, so that it was suppressd which answered.
bool HasErrorInfo(const absl::Status& status);

// The same error, which tells its caller to try again after this time.
absl::Status WithRetryAfter(absl::Status status, absl::Duration delay);

// The same error, which tells whose quota does not allow it ("tenant:NAME"), and what it allows.
absl::Status WithQuotaFailure(absl::Status status, const std::string& subject, const std::string& allows);

}  // namespace suppressd
