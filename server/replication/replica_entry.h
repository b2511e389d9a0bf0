// Entries as replicas get them, and their canonical bytes, which checksums are made of (docs/api.md). Pure.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "storage/stored.h"
#include "suppressd/v1/replication.pb.h"

namespace suppressd {

// The form of the canonical bytes (checksum_form in replication.proto).
inline constexpr int kChecksumForm = 1;

// What of a stored entry goes to replicas. The entry must be complete.
v1::ReplicaEntry ToReplicaEntry(stored::StoredEntry entry);

// Appends the canonical bytes of an entry: the length of its serialised form (4 bytes, big-endian), then that form,
// with fields in the order of their numbers. Equal entries have equal bytes.
void AppendCanonical(const v1::ReplicaEntry& entry, std::string* bytes);

// CRC-32 as in zlib and gzip (polynomial 0xEDB88320) of what `before` is that of, followed by these bytes. Of none: 0.
uint32_t Crc32(absl::string_view bytes, uint32_t before = 0);

}  // namespace suppressd
