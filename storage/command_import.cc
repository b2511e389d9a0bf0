// Imports: rows of other lists, merged into the entries one after another (row_merge.h).
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "storage/command_batch.h"
#include "storage/row_merge.h"

namespace suppressd {
namespace {

EntryName NameOf(const stored::Command& command, const stored::ImportedRow& row) {
  return {command.tenant(), row.target().domain(), row.target().local_part()};
}

}  // namespace

absl::StatusOr<bool> CommandBatch::IsKnownRow(const stored::Command& command, const stored::ImportedRow& row) {
  if (row.event().identity().empty()) return false;
  const EntryName name = NameOf(command, row);
  for (const uint64_t number : entries_.Find(name)->entry.event_revisions()) {
    absl::StatusOr<std::optional<v1::BounceEvent>> event = ReadEvent(BounceKey(name, number));
    if (!event.ok()) return event.status();
    if (event->has_value() && (*event)->identity() == row.event().identity()) return true;
  }
  return false;
}

void CommandBatch::AddImport(const stored::Command& command, const KnownEvents& known, stored::Change* change,
                             stored::CommandResult* result) {
  absl::flat_hash_set<std::string>
      added;  // events of rows before, of which the history that was looked at knew nothing
  for (int i = 0; i < command.import().rows_size(); ++i) {
    const stored::ImportedRow& row = command.import().rows(i);
    const EntryName name = NameOf(command, row);
    bool is_known = known.rows[i];
    if (!row.event().identity().empty()) {
      is_known |= !added.insert(absl::StrCat(EntryKey(name), row.event().identity())).second;
    }
    result->add_imported(AddRow(name, row, is_known, change));
  }
  v1::AuditRecord audit;
  audit.set_action("import");
  audit.set_count(command.import().rows_size());
  audit.set_detail(command.import().provider());
  AddAudit(command, std::move(audit), {}, {});
}

v1::ImportOutcome::Result CommandBatch::AddRow(const EntryName& name, const stored::ImportedRow& row, bool is_known,
                                               stored::Change* change) {
  Loaded* loaded = entries_.Find(name);
  if (row.has_entry() && !loaded->existed) {
    Install(name, row.entry(), loaded, change);
    return v1::ImportOutcome::CREATED;
  }
  stored::StoredEntry& entry = loaded->entry;
  const ApplyTime time{log_time_, event_time_};
  v1::BounceEvent event = row.event();
  const RowMerge merge = row.has_entry() ? MergeEntry(row.entry(), time, &entry)
                                         : MergeRow(row, is_known, time, row.has_event() ? &event : nullptr, &entry);
  const bool is_recorded = row.has_event() && !is_known && merge.result != v1::ImportOutcome::REJECTED;
  if (!merge.changed && !is_recorded) return merge.result;
  if (!loaded->existed) entry.mutable_suppression()->set_original_address(row.target().original_address());
  if (is_recorded) RecordEvent(name, &event, &entry);
  Save(name, loaded, change);
  return merge.result;
}

void CommandBatch::Install(const EntryName& name, const v1::ExportedEntry& exported, Loaded* loaded,
                           stored::Change* change) {
  InstallEntry(exported, &loaded->entry);
  for (v1::BounceEvent event : exported.events()) RecordEvent(name, &event, &loaded->entry);
  entries_.Write(name, revision_, loaded);
  *change->add_entries() = loaded->entry;
}

}  // namespace suppressd
