// Entries as replicas get them, and their canonical octets, which checksums are made of (docs/api.md). Pure.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "storage/stored.h"
#include "suppression/v1/replication.pb.h"

namespace suppression {

// What of a stored entry goes to replicas. The entry must be complete.
v1::ReplicaEntry ToReplicaEntry(stored::StoredEntry entry);

// Appends the canonical octets of an entry: the length of its serialised form (4 octets, big-endian), then that form,
// with fields in the order of their numbers. Equal entries have equal octets.
void AppendCanonical(const v1::ReplicaEntry& entry, std::string* octets);

// CRC-32 as in zlib and gzip (polynomial 0xEDB88320) of what `before` is that of, followed by these octets. Of none: 0.
uint32_t Crc32(absl::string_view octets, uint32_t before = 0);

}  // namespace suppression
