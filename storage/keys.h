// Keys of every column family; docs/storage_format.md is their contract.
//
// Parts are separated by 0x00, which no part contains: tenants are plain ASCII and the normaliser refuses control
// characters. Numbers are big-endian, so that byte order is number order; "inverted" is the complement, so that the
// newest comes first. All functions are pure.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "suppressd/v1/bounce.pb.h"

namespace suppressd {

// Names an entry. Views: the caller keeps the text alive. An empty local part is the whole domain.
struct EntryName {
  absl::string_view tenant;
  absl::string_view domain;
  absl::string_view local_part;

  // "local@domain", or "@domain".
  std::string Address() const;
};

// A number as keys have it, at the end of a key.
void AppendNumber(uint64_t number, std::string* key);
// A time (microseconds since 1970) as a number that is the smaller the later it is.
uint64_t InvertTime(int64_t micros);

// entries: tenant 00 domain 00 local.
std::string EntryKey(const EntryName& name);
// The same into a buffer that is reused.
void EntryKeyTo(const EntryName& name, std::string* key);
// Reads an entry key; the views point into it. False when it is none.
bool ParseEntryKey(absl::string_view key, EntryName* name);
// What all entries of a tenant, or of a domain of it, begin with.
std::string EntryPrefix(absl::string_view tenant, absl::string_view domain = "");

// by_time: tenant 00 kind inverted-micros domain 00 local. Kind 0 holds every entry, kind N those with reason N.
std::string TimeKey(const EntryName& name, v1::BounceReason kind, int64_t listed_at_micros);
// Reads a time key; the views point into it. False when it is none.
bool ParseTimeKey(absl::string_view key, EntryName* name, int64_t* listed_at_micros);
// What all rows of a tenant and kind begin with.
std::string TimePrefix(absl::string_view tenant, v1::BounceReason kind);
// The first key of a tenant and kind that is listed at or before this time.
std::string TimeSeekKey(absl::string_view tenant, v1::BounceReason kind, int64_t listed_at_micros);

// The number of a bounce event among those of its entry: the revision of its record for the first one in the record,
// for the `index`-th after it (below 4,096) a number that no revision has.
uint64_t EventNumber(uint64_t revision, int index);
// The revision of the record that an event came with.
uint64_t RevisionOfEvent(uint64_t number);

// bounces: entry key 00 inverted number of the event.
std::string BounceKey(const EntryName& name, uint64_t number);

// changes: revision.
std::string RevisionKey(uint64_t revision);
// Reads a revision key; zero when it is none (revisions start at 1).
uint64_t ParseRevisionKey(absl::string_view key);

// audit: 'r' revision: the record; 't' revision: its text; 'e' entry key 00 revision: tells that the text is about the
// entry.
std::string AuditKey(uint64_t revision);
std::string AuditTextKey(uint64_t revision);
std::string AuditEntryKey(const EntryName& name, uint64_t revision);
// What the 'e' rows of an entry begin with.
std::string AuditEntryPrefix(const EntryName& name);
// The revision at the end of a key of any of these forms; zero when it is none.
uint64_t ParseAuditKey(absl::string_view key);

// requests: tenant 00 request key.
std::string RequestKey(absl::string_view tenant, absl::string_view request_key);

}  // namespace suppressd
