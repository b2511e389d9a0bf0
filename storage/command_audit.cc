// What commands leave in the audit trail. Everything comes from log time and the command, so that all who apply the log
// have the same chain.
#include <string>
#include <utility>

#include "common/audit_chain.h"
#include "common/error.h"
#include "storage/command_batch.h"

namespace suppressd {

absl::Status CommandBatch::LoadAuditHead() {
  if (audit_head_.has_value()) return absl::OkStatus();
  const absl::StatusOr<std::string> value = database_->Use()->GetMeta({}, kAuditHeadName);
  if (!value.ok()) return value.status();
  v1::AuditHead head;
  if (!head.ParseFromString(*value)) return ReadFailure(rocksdb::Status::Corruption());
  audit_head_ = std::move(head);
  return absl::OkStatus();
}

void CommandBatch::AddAudit(const stored::Command& command, v1::AuditRecord record, v1::AuditText text,
                            const EntryName& about) {
  record.set_number(audit_head_->count() + 1);
  record.set_revision(revision_);
  *record.mutable_at() = FromMicros(log_time_);
  record.set_actor(command.actor());
  if (record.tenant().empty()) record.set_tenant(command.tenant());
  text.set_on_behalf_of(command.on_behalf_of());
  if (text.ByteSizeLong() > 0) {
    text.set_salt(command.audit_salt());
    text.mutable_salt()->resize(kAuditSaltBytes);
    record.set_text_sha256(AuditTextHash(text));
    entries_.Put(kAudit, AuditTextKey(revision_), text.SerializeAsString());
    if (!about.domain.empty()) entries_.Put(kAudit, AuditEntryKey(about, revision_), "");
  }
  record.set_previous_hash(audit_head_->hash());
  record.set_hash(AuditRecordHash(record));
  entries_.Put(kAudit, AuditKey(revision_), record.SerializeAsString());
  audit_head_->set_count(record.number());
  audit_head_->set_hash(record.hash());
  audit_head_->set_revision(revision_);
}

void CommandBatch::Audit(const stored::Command& command, const char* action, const EntryName& name,
                         const std::string& note, v1::ErrorReason refused, const v1::Suppression& before) {
  v1::AuditRecord record;
  record.set_action(action);
  if (refused != v1::ERROR_REASON_UNSPECIFIED) record.set_refused_reason(ReasonName(refused));
  v1::AuditText text;
  text.set_address(name.Address());
  text.set_note(note);
  *text.mutable_causes() = before.causes();
  AddAudit(command, std::move(record), std::move(text), name);
}

void CommandBatch::AddNote(const stored::Command& command) {
  const stored::NoteOperation& note = command.note();
  v1::AuditRecord record;
  record.set_action(note.action());
  record.set_tenant(note.tenant());
  record.set_refused_reason(note.refused_reason());
  record.set_count(note.count());
  record.set_detail(note.detail());
  if (note.has_first_at()) *record.mutable_first_at() = note.first_at();
  if (note.has_last_at()) *record.mutable_last_at() = note.last_at();
  AddAudit(command, std::move(record), v1::AuditText(), EntryName());
}

}  // namespace suppressd
