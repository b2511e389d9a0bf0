// SHA-256 (OpenSSL), pure; and salts. Thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "suppressd/storage/v1/storage.pb.h"
#include "suppressd/v1/suppression_service.pb.h"

namespace suppressd {

// The 32 bytes of the digest.
std::string Sha256(absl::string_view bytes);

// The digest of a message with a label in front, the same for equal messages.
std::string Sha256(absl::string_view label, const google::protobuf::Message& message);

// The digest of an event that reporters may describe each in their own way: of the kind of report and the normalised
// recipients, in order. Source, stream, spelling, text and times are left out.
std::string EventDigest(v1::ReportBounceRequest::ReportCase kind, const storage::v1::ReportOperation& report);

// Tells apart the events of a payload that the provider gives no id, wherever in it they stand: of the recipient as
// spelled and what the payload itself says, in 32 hexadecimal digits. A verdict changes with the rules, so of it only
// counts whether the event is a failure, a complaint or neither.
std::string ContentDigest(absl::string_view recipient, const v1::BounceEvent& event);

// A salt for the text that a command leaves in the audit trail (Command.audit_salt): 16 bytes from OpenSSL's
// cryptographic source. INTERNAL (INTERNAL_ERROR) when that has none.
absl::StatusOr<std::string> NewAuditSalt();

}  // namespace suppressd
