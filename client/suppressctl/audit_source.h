// Where suppressctl audit reads from, and how it writes what it read. Thread-safe.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "client/suppressctl/session.h"
#include "google/protobuf/message.h"
#include "suppressd/v1/audit.pb.h"

namespace suppressd::suppressctl {

// Most records of one page.
inline constexpr int kAuditPageSize = 1'000;

// A page of the trail.
using AuditSource = std::function<absl::StatusOr<v1::ListAuditResponse>(const v1::ListAuditRequest& request)>;

// The server that the options name; connects at the first call. Errors: Session::MakeClientOptions, MakeChannel; of the
// calls those of ListAudit.
absl::StatusOr<AuditSource> ServerSource(const Session& session);

// A record, or another message of the trail, as protobuf's JSON on one line, so that it can be read back without loss.
// FAILED_PRECONDITION: it holds what this program is too old to write.
absl::StatusOr<std::string> AuditJson(const google::protobuf::Message& message);

// Whether a message, or anything in it, holds a field that this program does not know.
bool HoldsUnknownFields(const google::protobuf::Message& message);

}  // namespace suppressd::suppressctl
