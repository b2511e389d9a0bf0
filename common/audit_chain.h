// The hashes of the audit trail (docs/api.md describes them for those who compute them on their own): what binds a
// record to its text, and each record to the one before. Pure and thread-safe.
//
//   record.set_text_sha256(AuditTextHash(text));
//   record.set_previous_hash(newest.hash());
//   record.set_hash(AuditRecordHash(record));
#pragma once

#include <string>

#include "suppressd/v1/audit.pb.h"

namespace suppressd {

inline constexpr size_t kAuditSaltBytes = 16;
// Actions that mean something to who reads the chain.
inline constexpr char kAuditErase[] = "erase";
inline constexpr char kAuditDenied[] = "denied";

// What binds a record to its text: SHA-256, 32 bytes, of the text with its salt.
std::string AuditTextHash(const v1::AuditText& text);

// The hash of a record: SHA-256, 32 bytes, of all of it but `hash` and `text`.
std::string AuditRecordHash(const v1::AuditRecord& record);

}  // namespace suppressd
