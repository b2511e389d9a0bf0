// The checksum of an export, entry by entry: whoever writes, sends or reads one can take it (docs/api.md). Pure and
// thread-safe.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "suppressd/v1/admin_service.pb.h"

namespace suppressd {

// The checksum of an export up to and with this entry: SHA-256 over the checksum before it (32 bytes) and the digest of
// the entry's canonical form (canonical.h) with the label "exported entry".
std::string ExportChecksum(absl::string_view before, const v1::ExportedEntry& entry);
// That of no entry: 32 zero bytes.
std::string EmptyExportChecksum();

}  // namespace suppressd
