// Records on their way to disk: each is applied by the state machine to the entries as the records before it left them,
// and all of their effects are collected in one WriteBatch.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "storage/entry_batch.h"
#include "storage/log/commit_log.h"
#include "suppressd/v1/errors.pb.h"

namespace suppressd {

// For CommandApplier::Apply. Not thread-safe.
class CommandBatch {
 public:
  explicit CommandBatch(const Database* database);

  // Applies the next record: at revision() + 1, which it takes whatever comes of it. A command that is refused is a
  // result with error_reason. INTERNAL when something that the record needs cannot be read, or it cannot be understood:
  // nothing is changed, and the batch is what it was. The record must outlive the batch.
  absl::StatusOr<stored::CommandResult> Add(const LogRecord& record);

  uint64_t revision() const { return revision_; }
  int64_t log_time() const { return log_time_; }
  const stored::LogSettings& settings() const { return settings_; }
  // Adds what only the newest record says; then the batch is complete.
  EntryBatch* Finish();

 private:
  using Loaded = EntryBatch::Loaded;

  // Applies a record that is no repeat of an append.
  absl::StatusOr<stored::CommandResult> AddCommand(const stored::Command& command, stored::Change* change);
  // Whether a record of this append was applied before; and that it is now. INTERNAL as Add.
  absl::StatusOr<bool> IsRepeatedAppend(const LogId& id);
  void NoteAppend(const LogId& id);

  // Reads all that a command needs, before anything is changed.
  absl::Status LoadAll(const stored::Command& command);
  // What is remembered under an idempotency key; null: nothing. Valid until the next call.
  absl::StatusOr<const stored::StoredRequest*> FindRequest(const stored::Command& command, const std::string& name);
  // The answer when the keys of a command were used before: a repeat's, or a refusal.
  absl::StatusOr<std::optional<stored::CommandResult>> FindAnswer(const stored::Command& command);
  void Remember(const stored::Command& command, const std::string& name, const std::string& digest,
                const stored::CommandResult& result);
  // Remembers the request that a command is a part of, unless that was done.
  void Claim(const stored::Command& command);

  // What is known already of the events of a report.
  struct KnownEvents {
    std::vector<std::optional<v1::BounceEvent>> events;  // per recipient
    uint64_t revision = 0;                               // of the newest
    bool all = false;                                    // there are some, and all are known
    std::vector<bool> rows;                              // per row of an import, whether its event is
  };
  absl::StatusOr<KnownEvents> FindKnownEvents(const stored::Command& command);
  // Of one recipient; `revision` is raised to the event's. Every entry of the command must be loaded.
  absl::StatusOr<std::optional<v1::BounceEvent>> FindKnownEvent(const stored::Command& command,
                                                                const stored::RecipientReport& told,
                                                                uint64_t* revision);
  bool WasReactivatedBetween(const v1::BounceEvent& known, const stored::Command& command,
                             const stored::RecipientReport& told);
  // The same in the kept events of the entry, for longer than requests are remembered.
  absl::StatusOr<std::optional<v1::BounceEvent>> FindInHistory(const stored::Command& command,
                                                               const stored::RecipientReport& told, uint64_t* revision);
  // An event of the history; nothing when it no longer counts.
  absl::StatusOr<std::optional<v1::BounceEvent>> ReadEvent(const std::string& key);
  void RememberEvent(const stored::Command& command, const v1::BounceEvent& event, uint64_t revision);
  // The answer to a report of which every event is known.
  stored::CommandResult AnswerKnown(const stored::Command& command, const KnownEvents& known);

  // The result of a command that is new; everything it needs was read.
  stored::CommandResult Run(const stored::Command& command, const KnownEvents& known, stored::Change* change);
  v1::ErrorReason AddReport(const stored::Command& command, const KnownEvents& known, stored::Change* change,
                            stored::CommandResult* result);
  v1::ErrorReason AddSuppress(const stored::Command& command, stored::Change* change, stored::CommandResult* result);
  v1::ErrorReason AddReactivate(const stored::Command& command, stored::Change* change, stored::CommandResult* result);
  void AddSettings(const stored::LogSettings& settings);
  // command_import.cc: whether the event of a row is in the history of its entry, and what its rows do.
  absl::StatusOr<bool> IsKnownRow(const stored::Command& command, const stored::ImportedRow& row);
  void AddImport(const stored::Command& command, const KnownEvents& known, stored::Change* change,
                 stored::CommandResult* result);
  v1::ImportOutcome::Result AddRow(const EntryName& name, const stored::ImportedRow& row, bool is_known,
                                   stored::Change* change);
  void Install(const EntryName& name, const v1::ExportedEntry& exported, Loaded* loaded, stored::Change* change);
  // Puts an event into the history of an entry, of which it becomes the newest.
  void RecordEvent(const EntryName& name, v1::BounceEvent* event, stored::StoredEntry* entry);
  // command_audit.cc: the audit trail. What a command adds to it is linked to the record before, so the head is read
  // first. INTERNAL as Add.
  absl::Status LoadAuditHead();
  // Adds one record, at most one for each command. The caller sets what was done (action, refused_reason, count,
  // detail, erased_revisions) and the text (address, note, causes); the rest is filled in. `about`: the entry that the
  // text is about; an empty domain: none. Where the record names no tenant it is that of the command.
  void AddAudit(const stored::Command& command, v1::AuditRecord record, v1::AuditText text, const EntryName& about);
  // The same for a command about one entry. `before`: as it was.
  void Audit(const stored::Command& command, const char* action, const EntryName& name, const std::string& note,
             v1::ErrorReason refused, const v1::Suppression& before);
  void AddNote(const stored::Command& command);
  void Save(const EntryName& name, Loaded* loaded, stored::Change* change);
  bool Counts(const stored::StoredRequest& request) const;

  const Database* const database_;
  EntryBatch entries_;
  uint64_t revision_;       // of the record being added, or the last one added
  int64_t log_time_;        // the same
  int64_t event_time_ = 0;  // ApplyTime::event_micros
  stored::LogSettings settings_;
  std::optional<stored::LogWriters> writers_;                         // read or written
  std::optional<v1::AuditHead> audit_head_;                           // read or written
  const LogRecord* last_ = nullptr;                                   // the newest that was added
  absl::flat_hash_map<std::string, stored::StoredRequest> requests_;  // read or written
  absl::flat_hash_map<std::string, v1::BounceEvent> events_;          // written
};

}  // namespace suppressd
