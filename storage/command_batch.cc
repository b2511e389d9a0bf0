#include "storage/command_batch.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/canonical.h"
#include "common/error.h"
#include "storage/command_applier.h"
#include "storage/entry.h"
#include "storage/list_reader.h"
#include "storage/log_settings.h"
#include "storage/state_machine.h"

namespace suppressd {
namespace {

EntryName NameOf(const stored::Command& command, const stored::Target& target) {
  return {command.tenant(), target.domain(), target.local_part()};
}

EntryName DomainOf(const EntryName& name) {
  return {name.tenant, name.domain, ""};
}

// What the answer says of one recipient.
void Tell(const EntryName& name, const v1::BounceEvent& event, stored::CommandResult* result) {
  result->add_effects(event.effect());
  stored::ReportedVerdict* verdict = result->add_verdicts();
  verdict->set_address(name.Address());
  *verdict->mutable_verdict() = event.verdict();
}

// A name that no other event of the address has, also none that comes from another server one day.
std::string EventId(const v1::BounceEvent& event, uint64_t number) {
  constexpr size_t kBytes = 16;
  return absl::BytesToHexString(CanonicalDigest(absl::StrCat("event ", number), event).substr(0, kBytes));
}

}  // namespace

CommandBatch::CommandBatch(const Database* database)
    : database_(database),
      entries_(database),
      revision_(database->head().head()),
      log_time_(database->log_time()),
      settings_(database->settings()) {}

absl::Status CommandBatch::LoadAll(const stored::Command& command) {
  const bool is_audited = !command.has_report() && !command.has_settings();
  if (absl::Status status = is_audited ? LoadAuditHead() : absl::OkStatus(); !status.ok()) return status;
  for (const stored::RecipientReport& recipient : command.report().recipients()) {
    if (absl::Status status = entries_.Load(NameOf(command, recipient.target())); !status.ok()) return status;
  }
  for (const stored::ImportedRow& row : command.import().rows()) {
    if (absl::Status status = entries_.Load(NameOf(command, row.target())); !status.ok()) return status;
  }
  if (command.has_suppress()) return entries_.Load(NameOf(command, command.suppress().target()));
  if (!command.has_reactivate()) return absl::OkStatus();
  const EntryName name = NameOf(command, command.reactivate().target());
  if (absl::Status status = entries_.Load(name); !status.ok()) return status;
  return entries_.Load(DomainOf(name));
}

absl::StatusOr<const stored::StoredRequest*> CommandBatch::FindRequest(const stored::Command& command,
                                                                       const std::string& name) {
  if (name.empty()) return nullptr;
  const std::string key = RequestKey(command.tenant(), name);
  auto found = requests_.find(key);
  if (found == requests_.end()) {
    std::string value;
    stored::StoredRequest request;
    const rocksdb::Status status = database_->rocks()->Get({}, database_->family(kRequests), key, &value);
    if (status.IsNotFound()) return nullptr;
    if (!status.ok()) return ReadFailure(status);
    if (!request.ParseFromString(value)) return ReadFailure(rocksdb::Status::Corruption());
    found = requests_.emplace(key, std::move(request)).first;
  }
  return Counts(found->second) ? &found->second : nullptr;
}

bool CommandBatch::Counts(const stored::StoredRequest& request) const {
  return ToMicros(request.at()) > RequestsAfter(settings_, log_time_);
}

absl::StatusOr<std::optional<stored::CommandResult>> CommandBatch::FindAnswer(const stored::Command& command) {
  stored::CommandResult reused;
  reused.set_error_reason(ReasonName(v1::REQUEST_ID_REUSED));
  absl::StatusOr<const stored::StoredRequest*> known = FindRequest(command, command.claim_key());
  if (!known.ok()) return known.status();
  if (*known != nullptr && (*known)->payload_digest() != command.claim_digest()) return reused;
  known = FindRequest(command, command.request_key());
  if (!known.ok()) return known.status();
  if (*known == nullptr) return std::nullopt;
  if ((*known)->payload_digest() != command.payload_digest()) return reused;
  stored::CommandResult first = (*known)->result();
  first.set_duplicate(true);
  return first;
}

void CommandBatch::Remember(const stored::Command& command, const std::string& name, const std::string& digest,
                            const stored::CommandResult& result) {
  if (name.empty()) return;
  const std::string key = RequestKey(command.tenant(), name);
  stored::StoredRequest& request = requests_[key];
  request.set_payload_digest(digest);
  *request.mutable_at() = FromMicros(log_time_);
  *request.mutable_result() = result;
  entries_.Put(kRequests, key, request.SerializeAsString());
}

void CommandBatch::Claim(const stored::Command& command) {
  const absl::StatusOr<const stored::StoredRequest*> known = FindRequest(command, command.claim_key());
  if (known.ok() && *known == nullptr) Remember(command, command.claim_key(), command.claim_digest(), {});
}

absl::StatusOr<stored::CommandResult> CommandBatch::Add(const LogRecord& record) {
  const int64_t time_before = log_time_;
  ++revision_;
  event_time_ = std::min(ToMicros(record.command.at()), record.appended_at_micros + kClockBoundMicros);
  log_time_ = std::max(log_time_ + 1, event_time_);
  const absl::StatusOr<bool> repeated = IsRepeatedAppend(record.id);
  stored::Change change;
  *change.mutable_at() = FromMicros(log_time_);
  change.set_tenant(record.command.tenant());
  absl::StatusOr<stored::CommandResult> result = stored::CommandResult();
  if (!repeated.ok()) {
    result = repeated.status();
  } else if (!*repeated) {
    result = AddCommand(record.command, &change);
  }
  if (!result.ok()) {
    --revision_;
    log_time_ = time_before;
    return result;
  }
  if (!*repeated) NoteAppend(record.id);
  entries_.Put(kChanges, RevisionKey(revision_), change.SerializeAsString());
  last_ = &record;
  return result;
}

absl::StatusOr<bool> CommandBatch::IsRepeatedAppend(const LogId& id) {
  if (id.number == 0) return false;
  if (!writers_.has_value()) {
    const absl::StatusOr<std::string> value = database_->Use()->GetMeta({}, kWritersName);
    if (!value.ok()) return value.status();
    stored::LogWriters writers;
    if (!writers.ParseFromString(*value)) return ReadFailure(rocksdb::Status::Corruption());
    writers_ = std::move(writers);
  }
  const auto& writers = writers_->writers();
  return std::any_of(writers.begin(), writers.end(), [&](const stored::LogWriter& writer) {
    return writer.id() == id.writer && writer.number() >= id.number;
  });
}

void CommandBatch::NoteAppend(const LogId& id) {
  if (id.number == 0) return;
  auto* writers = writers_->mutable_writers();
  const auto same = std::find_if(writers->begin(), writers->end(),
                                 [&](const stored::LogWriter& writer) { return writer.id() == id.writer; });
  if (same != writers->end()) {
    writers->erase(same);
  } else if (writers->size() >= kLogWritersMax) {
    writers->erase(writers->begin());
  }
  stored::LogWriter* writer = writers->Add();
  writer->set_id(id.writer);
  writer->set_number(id.number);
  writer->set_position(revision_);
}

absl::StatusOr<stored::CommandResult> CommandBatch::AddCommand(const stored::Command& command, stored::Change* change) {
  absl::StatusOr<std::optional<stored::CommandResult>> answer = FindAnswer(command);
  if (!answer.ok()) return answer.status();
  if (answer->has_value()) {
    if ((*answer)->error_reason().empty()) Claim(command);
    return **std::move(answer);
  }
  if (command.operation_case() == stored::Command::OPERATION_NOT_SET) {
    return MakeError(absl::StatusCode::kInternal, v1::INTERNAL_ERROR, "a command that this program does not know");
  }
  if (absl::Status loaded = LoadAll(command); !loaded.ok()) return loaded;
  const absl::StatusOr<KnownEvents> known = FindKnownEvents(command);
  if (!known.ok()) return known.status();
  return known->all ? AnswerKnown(command, *known) : Run(command, *known, change);
}

stored::CommandResult CommandBatch::Run(const stored::Command& command, const KnownEvents& known,
                                        stored::Change* change) {
  stored::CommandResult result;
  v1::ErrorReason refused = v1::ERROR_REASON_UNSPECIFIED;
  if (command.has_report()) refused = AddReport(command, known, change, &result);
  if (command.has_suppress()) refused = AddSuppress(command, change, &result);
  if (command.has_reactivate()) refused = AddReactivate(command, change, &result);
  if (command.has_settings()) AddSettings(command.settings());
  if (command.has_import()) AddImport(command, known, change, &result);
  if (command.has_note()) AddNote(command);
  result.set_revision(revision_);
  if (refused != v1::ERROR_REASON_UNSPECIFIED) {
    result.set_error_reason(ReasonName(refused));
    return result;  // refusals are not remembered: a repeat may fare better
  }
  Remember(command, command.request_key(), command.payload_digest(), result);
  Claim(command);
  return result;
}

void CommandBatch::AddSettings(const stored::LogSettings& settings) {
  ChangeSettings(settings, log_time_, &settings_);
  entries_.PutMeta(kSettingsName, settings_.SerializeAsString());
}

EntryBatch* CommandBatch::Finish() {
  if (writers_.has_value()) entries_.PutMeta(kWritersName, writers_->SerializeAsString());
  if (audit_head_.has_value() && audit_head_->count() > 0) {
    entries_.PutMeta(kAuditHeadName, audit_head_->SerializeAsString());
  }
  stored::LastRecord last;
  last.set_position(last_->position);
  last.set_digest(CanonicalDigest("", last_->command));
  entries_.PutMeta(kLastRecordName, last.SerializeAsString());
  return &entries_;
}

stored::CommandResult CommandBatch::AnswerKnown(const stored::Command& command, const KnownEvents& known) {
  stored::CommandResult result;
  for (size_t i = 0; i < known.events.size(); ++i) {
    Tell(NameOf(command, command.report().recipients(static_cast<int>(i)).target()), *known.events[i], &result);
    result.add_repeats(true);
  }
  result.set_revision(known.revision);
  Remember(command, command.request_key(), command.payload_digest(), result);
  Claim(command);
  result.set_duplicate(true);
  return result;
}

v1::ErrorReason CommandBatch::AddReport(const stored::Command& command, const KnownEvents& known,
                                        stored::Change* change, stored::CommandResult* result) {
  const auto is_known = [](const std::optional<v1::BounceEvent>& event) { return event.has_value(); };
  const bool some_known = std::any_of(known.events.begin(), known.events.end(), is_known);
  for (int i = 0; i < command.report().recipients_size(); ++i) {
    const stored::RecipientReport& recipient = command.report().recipients(i);
    const EntryName name = NameOf(command, recipient.target());
    if (some_known) result->add_repeats(known.events[i].has_value());
    if (known.events[i].has_value()) {
      Tell(name, *known.events[i], result);
      continue;
    }
    Loaded* loaded = entries_.Find(name);
    stored::StoredEntry& entry = loaded->entry;
    v1::BounceEvent event = recipient.event();
    event.set_id(EventId(event, revision_));
    ApplyReport(recipient.decision(), {log_time_, event_time_}, &event, &entry);
    if (!loaded->existed) entry.mutable_suppression()->set_original_address(recipient.target().original_address());
    RecordEvent(name, &event, &entry);
    Save(name, loaded, change);
    RememberEvent(command, event, revision_);
    Tell(name, event, result);
  }
  return v1::ERROR_REASON_UNSPECIFIED;
}

void CommandBatch::RecordEvent(const EntryName& name, v1::BounceEvent* event, stored::StoredEntry* entry) {
  const auto& held = entry->event_revisions();
  const auto in_record =
      std::count_if(held.begin(), held.end(), [&](uint64_t number) { return RevisionOfEvent(number) == revision_; });
  const uint64_t number = EventNumber(revision_, static_cast<int>(in_record));
  if (event->id().empty()) event->set_id(EventId(*event, number));
  const std::string key = BounceKey(name, number);
  entries_.Put(kBounces, key, event->SerializeAsString());
  events_[key] = *event;
  entry->add_event_revisions(number);
  if (entry->event_revisions_size() <= kEventsPerEntryMax) return;
  entries_.Delete(kBounces, BounceKey(name, entry->event_revisions(0)));
  entry->mutable_event_revisions()->erase(entry->event_revisions().begin());
}

v1::ErrorReason CommandBatch::AddSuppress(const stored::Command& command, stored::Change* change,
                                          stored::CommandResult* result) {
  const stored::SuppressOperation& operation = command.suppress();
  const EntryName name = NameOf(command, operation.target());
  Loaded* loaded = entries_.Find(name);
  stored::StoredEntry& entry = loaded->entry;
  const v1::Suppression before = entry.suppression();
  bool changed = false;
  const v1::ErrorReason refused = ApplySuppress(operation, log_time_, &entry, &changed);
  Audit(command, "suppress", name, operation.cause().note(), refused, before);
  if (refused != v1::ERROR_REASON_UNSPECIFIED) return refused;
  if (!loaded->existed) entry.mutable_suppression()->set_original_address(operation.target().original_address());
  Save(name, loaded, change);
  *result->mutable_suppression() = entry.suppression();
  result->set_changed(changed);
  return refused;
}

v1::ErrorReason CommandBatch::AddReactivate(const stored::Command& command, stored::Change* change,
                                            stored::CommandResult* result) {
  const stored::ReactivateOperation& operation = command.reactivate();
  const EntryName name = NameOf(command, operation.target());
  Loaded* loaded = entries_.Find(name);
  stored::StoredEntry& entry = loaded->entry;
  const v1::Suppression before = entry.suppression();
  bool changed = false;
  const v1::ErrorReason refused =
      loaded->existed ? ApplyReactivate(operation, command, log_time_, &entry, &changed) : v1::SUPPRESSION_NOT_FOUND;
  Audit(command, "reactivate", name, operation.note(), refused, before);
  if (refused != v1::ERROR_REASON_UNSPECIFIED) return refused;
  if (changed) Save(name, loaded, change);
  *result->mutable_suppression() = entry.suppression();
  result->set_changed(changed);
  if (!name.local_part.empty()) {
    for (const v1::Cause& cause : entries_.Find(DomainOf(name))->entry.suppression().causes()) {
      if (CountsAt(cause, log_time_)) *result->add_domain_causes() = cause;
    }
  }
  return refused;
}

void CommandBatch::Save(const EntryName& name, Loaded* loaded, stored::Change* change) {
  *loaded->entry.mutable_suppression()->mutable_updated_at() = FromMicros(log_time_);
  entries_.Write(name, revision_, loaded);
  *change->add_entries() = loaded->entry;
}

}  // namespace suppressd
