// Every way to read a list, of the server or of a replica.
//
// Every read says which revision it was answered at. Thread-safe.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "storage/audit_listing.h"
#include "storage/change_pins.h"
#include "storage/head_signal.h"
#include "storage/keys.h"
#include "storage/listing.h"
#include "storage/rocks_figures.h"
#include "storage/snapshot.h"
#include "storage/stored.h"

namespace suppressd {

class Database;

// Newest bounce events kept per address.
inline constexpr int kEventsPerEntryMax = 50;

// What is known of an address.
struct Lookup {
  // The revision this is exact at.
  uint64_t revision = 0;
  // The address's entry; the API's Suppression in it is complete (tenant and target set).
  std::optional<stored::StoredEntry> address;
  // The entry of its whole domain.
  std::optional<stored::StoredEntry> domain;
};

// One step of the change log.
struct RevisionChange {
  uint64_t revision = 0;
  stored::Change change;
  // For ReplicaWriter::Follow: the run of the source that tells it (ListReader::timeline). Zero: not known.
  uint64_t timeline = 0;
};

class ListReader {
 public:
  // The database must outlive it.
  explicit ListReader(Database* database) : database_(database) {}

  // Random number made with the list: revisions are comparable only within one lineage.
  uint64_t lineage() const;
  // The run of the log that the list is in (timelines.h), to be told with each state that a copy may keep; zero: the
  // disk refuses to note it. Of a replica the run of its source that told the newest state; zero: not known. Read the
  // head before it.
  uint64_t timeline() const;
  // Whether a state that some copy got from that run is one that this list had: false where a backup was restored since
  // that is older.
  bool HasState(uint64_t timeline, uint64_t revision) const;
  // The newest revision, and waiting for a later one.
  HeadSignal& head() const;

  // One address and its domain, from one state. An address without entry is OK with nothing set. INTERNAL when a stored
  // value is damaged.
  absl::Status Get(const EntryName& name, Lookup* found) const;
  // Many addresses (of one tenant) and their domains, from one state. `hit` is called for each entry found, with the
  // index of the name, in the order of the names; `domain` tells that the entry is of the name's whole domain.
  // `damaged` is called in its place where the stored value is damaged.
  absl::Status MultiGet(absl::Span<const EntryName> names,
                        absl::FunctionRef<void(size_t index, bool domain, stored::StoredEntry entry)> hit,
                        absl::FunctionRef<void(size_t index)> damaged, uint64_t* revision) const;
  // The same; INTERNAL when any of the values is damaged.
  absl::Status MultiGet(absl::Span<const EntryName> names,
                        absl::FunctionRef<void(size_t index, bool domain, stored::StoredEntry entry)> hit,
                        uint64_t* revision) const;
  // The newest kept events of an entry, newest first, at most `max`. Events past the retention are left out.
  absl::StatusOr<std::vector<v1::BounceEvent>> ReadEvents(const EntryName& name, const stored::StoredEntry& entry,
                                                          int max) const;
  // One page of the list; see listing.h.
  absl::StatusOr<ListPage> List(const ListQuery& query) const;
  // How many entries pass the filter of the query. `stop` is asked now and then: true ends the walk with
  // DEADLINE_EXCEEDED (DEADLINE_PASSED).
  absl::StatusOr<ListCounts> Count(const ListQuery& query, const std::function<bool()>& stop) const;
  // Changes after a revision, in order, at most `max` and as many as fit into `bytes_max`, but at least one.
  // OUT_OF_RANGE (HISTORY_GONE) when the log no longer reaches back.
  absl::StatusOr<std::vector<RevisionChange>> ReadChanges(uint64_t after, int max,
                                                          size_t bytes_max = std::numeric_limits<size_t>::max()) const;
  // The oldest revision that ReadChanges can start after.
  uint64_t oldest_start() const;
  // All entries as of the newest revision; see snapshot.h. `pin`, when given, then holds a pin on the changes after
  // that revision until this time, and none is lost in between. Waits for a write that is under way.
  absl::StatusOr<std::unique_ptr<Snapshot>> TakeSnapshot(ChangePin* pin = nullptr,
                                                         int64_t pinned_until_micros = 0) const;
  // About how many entries all lists hold.
  uint64_t EstimateEntries() const;
  RocksFigures Figures() const;
  // One page of the audit trail; see audit_listing.h. INTERNAL when its head is damaged.
  absl::StatusOr<AuditPage> ListAudit(const AuditQuery& query) const;

 private:
  Database* const database_;
};

}  // namespace suppressd
