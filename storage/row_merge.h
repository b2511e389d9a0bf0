// What a row of an import does to an entry. Pure and deterministic, as the state machine is (state_machine.h), and so
// that a row which was taken before, in whatever order, changes nothing.
#pragma once

#include <optional>

#include "storage/state_machine.h"
#include "storage/stored.h"

namespace suppressd {

struct RowMerge {
  // REJECTED: the entry has no room for the cause (TOO_MANY_CAUSES).
  v1::ImportOutcome::Result result = v1::ImportOutcome::RESULT_UNSPECIFIED;
  // Whether the entry has changed.
  bool changed = false;
};

// Merges a row's cause (stored::ImportedRow.cause) into an entry. `event`: the row's event, to get its effect; null: it
// has none. `is_known`: the event is in the history already. Nothing of the row counts as a point of a soft bounce.
RowMerge MergeRow(const stored::ImportedRow& row, bool is_known, const ApplyTime& time, v1::BounceEvent* event,
                  stored::StoredEntry* entry);

// Merges the causes of an exported entry into one that is there. History and counters are not taken.
RowMerge MergeEntry(const v1::ExportedEntry& exported, const ApplyTime& time, stored::StoredEntry* entry);

// Makes an entry that is not there exactly the exported one, but for its events. Its target stays.
void InstallEntry(const v1::ExportedEntry& exported, stored::StoredEntry* entry);

}  // namespace suppressd
