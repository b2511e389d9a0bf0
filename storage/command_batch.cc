#include "storage/command_batch.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "protos/error.h"
#include "storage/entry.h"
#include "storage/state_machine.h"
#include "storage/time_index.h"

namespace suppression {
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

}  // namespace

CommandBatch::CommandBatch(const Store& store) : store_(store), revision_(store.head().head()) {}

void CommandBatch::Put(ColumnFamily family, const std::string& key, const std::string& value) {
  // Fails only for a batch over 4 GiB or a column family that does not exist.
  batch_.Put(store_.families_[family], key, value).PermitUncheckedError();
}

absl::Status CommandBatch::Load(const EntryName& name) {
  const std::string key = EntryKey(name);
  if (entries_.contains(key)) return absl::OkStatus();
  std::optional<stored::StoredEntry> entry;
  if (absl::Status status = store_.GetEntry({}, name, &entry); !status.ok()) return status;
  Loaded& loaded = entries_[key];
  loaded.existed = entry.has_value();
  if (entry.has_value()) loaded.entry = *std::move(entry);
  loaded.entry.mutable_suppression()->set_tenant(std::string(name.tenant));
  loaded.entry.mutable_suppression()->set_address(name.Address());
  return absl::OkStatus();
}

absl::Status CommandBatch::LoadAll(const stored::Command& command) {
  for (const stored::RecipientReport& recipient : command.report().recipients()) {
    if (absl::Status status = Load(NameOf(command, recipient.target())); !status.ok()) return status;
  }
  if (command.has_suppress()) return Load(NameOf(command, command.suppress().target()));
  if (!command.has_reactivate()) return absl::OkStatus();
  const EntryName name = NameOf(command, command.reactivate().target());
  if (absl::Status status = Load(name); !status.ok()) return status;
  return Load(DomainOf(name));
}

CommandBatch::Loaded* CommandBatch::Find(const EntryName& name) {
  return &entries_.find(EntryKey(name))->second;
}

absl::StatusOr<const stored::StoredRequest*> CommandBatch::FindRequest(const stored::Command& command,
                                                                       const std::string& name) {
  if (name.empty()) return nullptr;
  const std::string key = RequestKey(command.tenant(), name);
  auto found = requests_.find(key);
  if (found == requests_.end()) {
    std::string value;
    stored::StoredRequest request;
    const rocksdb::Status status = store_.db_->Get({}, store_.families_[kRequests], key, &value);
    if (status.IsNotFound()) return nullptr;
    if (!status.ok()) return ReadFailure(status);
    if (!request.ParseFromString(value)) return ReadFailure(rocksdb::Status::Corruption());
    found = requests_.emplace(key, std::move(request)).first;
  }
  const int64_t until = ToMicros(found->second.at()) + store_.horizon_.request_window_micros;
  return until < ToMicros(command.at()) ? nullptr : &found->second;
}

absl::StatusOr<std::optional<stored::CommandResult>> CommandBatch::FindAnswer(const stored::Command& command) {
  stored::CommandResult reused;
  reused.set_error_reason(ReasonName(v1::REQUEST_ID_REUSED));
  absl::StatusOr<const stored::StoredRequest*> known = FindRequest(command, command.claim_key());
  if (!known.ok()) return known.status();
  if (*known != nullptr && (*known)->payload_digest() != command.claim_digest()) return reused;
  known = FindRequest(command, command.request_key());
  if (known.ok() && *known == nullptr) {
    known = FindRequest(command, command.earlier_request_key());
    // Events were numbered: under a key that is not of this very request the number may be another event's.
    const bool other = known.ok() && *known != nullptr && (*known)->payload_digest() != command.payload_digest();
    if (other && command.claim_key().empty()) return std::nullopt;
  }
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
  *request.mutable_at() = command.at();
  *request.mutable_result() = result;
  Put(kRequests, key, request.SerializeAsString());
}

void CommandBatch::Claim(const stored::Command& command) {
  const absl::StatusOr<const stored::StoredRequest*> known = FindRequest(command, command.claim_key());
  if (known.ok() && *known == nullptr) Remember(command, command.claim_key(), command.claim_digest(), {});
}

stored::CommandResult CommandBatch::Add(const stored::Command& command) {
  stored::CommandResult result;
  absl::StatusOr<std::optional<stored::CommandResult>> answer = FindAnswer(command);
  if (answer.ok() && answer->has_value()) {
    if ((*answer)->error_reason().empty()) Claim(command);
    return **std::move(answer);
  }
  absl::Status loaded = answer.status();
  if (loaded.ok()) loaded = LoadAll(command);
  const absl::StatusOr<KnownEvents> known = loaded.ok() ? FindKnownEvents(command) : loaded;
  if (!known.ok()) {
    result.set_error_reason(ReasonName(v1::INTERNAL_ERROR));
    return result;
  }
  if (known->all) return AnswerKnown(command, *known);
  ++revision_;
  stored::Change change;
  *change.mutable_at() = command.at();
  change.set_tenant(command.tenant());
  v1::ErrorReason refused = v1::INTERNAL_ERROR;
  switch (command.operation_case()) {
    case stored::Command::kReport:
      refused = AddReport(command, *known, &change, &result);
      break;
    case stored::Command::kSuppress:
      refused = AddSuppress(command, &change, &result);
      break;
    case stored::Command::kReactivate:
      refused = AddReactivate(command, &change, &result);
      break;
    case stored::Command::OPERATION_NOT_SET:
      break;
  }
  Put(kChanges, RevisionKey(revision_), change.SerializeAsString());
  result.set_revision(revision_);
  if (refused != v1::ERROR_REASON_UNSPECIFIED) {
    result.set_error_reason(ReasonName(refused));
  } else {
    Remember(command, command.request_key(), command.payload_digest(), result);
    Claim(command);
  }
  return result;
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
  const int64_t at = ToMicros(command.at());
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
    Loaded* loaded = Find(name);
    stored::StoredEntry& entry = loaded->entry;
    v1::BounceEvent event = recipient.event();
    ApplyReport(recipient.decision(), at, &event, &entry);
    if (!loaded->existed) entry.mutable_suppression()->set_original_address(recipient.target().original_address());
    Put(kBounces, BounceKey(name, revision_), event.SerializeAsString());
    entry.add_event_revisions(revision_);
    if (entry.event_revisions_size() > kEventsPerEntryMax) {
      batch_.Delete(store_.families_[kBounces], BounceKey(name, entry.event_revisions(0))).PermitUncheckedError();
      entry.mutable_event_revisions()->erase(entry.event_revisions().begin());
    }
    Save(name, at, loaded, change);
    RememberEvent(command, event, revision_);
    Tell(name, event, result);
  }
  return v1::ERROR_REASON_UNSPECIFIED;
}

v1::ErrorReason CommandBatch::AddSuppress(const stored::Command& command, stored::Change* change,
                                          stored::CommandResult* result) {
  const stored::SuppressOperation& operation = command.suppress();
  const EntryName name = NameOf(command, operation.target());
  Loaded* loaded = Find(name);
  stored::StoredEntry& entry = loaded->entry;
  const v1::Suppression before = entry.suppression();
  bool changed = false;
  const v1::ErrorReason refused = ApplySuppress(operation, ToMicros(command.at()), &entry, &changed);
  Audit(command, "suppress", name, operation.cause().note(), refused, before);
  if (refused != v1::ERROR_REASON_UNSPECIFIED) return refused;
  if (!loaded->existed) entry.mutable_suppression()->set_original_address(operation.target().original_address());
  Save(name, ToMicros(command.at()), loaded, change);
  *result->mutable_suppression() = entry.suppression();
  result->set_changed(changed);
  return refused;
}

v1::ErrorReason CommandBatch::AddReactivate(const stored::Command& command, stored::Change* change,
                                            stored::CommandResult* result) {
  const stored::ReactivateOperation& operation = command.reactivate();
  const EntryName name = NameOf(command, operation.target());
  Loaded* loaded = Find(name);
  stored::StoredEntry& entry = loaded->entry;
  const v1::Suppression before = entry.suppression();
  bool changed = false;
  const v1::ErrorReason refused =
      loaded->existed ? ApplyReactivate(operation, command.actor(), ToMicros(command.at()), &entry, &changed)
                      : v1::SUPPRESSION_NOT_FOUND;
  Audit(command, "reactivate", name, operation.note(), refused, before);
  if (refused != v1::ERROR_REASON_UNSPECIFIED) return refused;
  if (changed) Save(name, ToMicros(command.at()), loaded, change);
  *result->mutable_suppression() = entry.suppression();
  result->set_changed(changed);
  if (!name.local_part.empty()) {
    for (const v1::Cause& cause : Find(DomainOf(name))->entry.suppression().causes()) {
      if (StateAt(cause, ToMicros(command.at())) == v1::Cause::ACTIVE) *result->add_domain_causes() = cause;
    }
  }
  return refused;
}

void CommandBatch::Audit(const stored::Command& command, const char* action, const EntryName& name,
                         const std::string& note, v1::ErrorReason refused, const v1::Suppression& before) {
  stored::AuditRecord record;
  *record.mutable_at() = command.at();
  record.set_actor(command.actor());
  record.set_action(action);
  record.set_tenant(command.tenant());
  record.set_address(name.Address());
  record.set_note(note);
  if (refused != v1::ERROR_REASON_UNSPECIFIED) record.set_refused_reason(ReasonName(refused));
  *record.mutable_causes() = before.causes();
  Put(kAudit, RevisionKey(revision_), record.SerializeAsString());
}

void CommandBatch::Save(const EntryName& name, int64_t at_micros, Loaded* loaded, stored::Change* change) {
  stored::StoredEntry& entry = loaded->entry;
  entry.set_revision(revision_);
  *entry.mutable_suppression()->mutable_updated_at() = FromMicros(at_micros);
  Write(name, loaded);
  *change->add_entries() = entry;
}

void CommandBatch::Write(const EntryName& name, Loaded* loaded) {
  UpdateIndex(name, &loaded->entry);
  if (!loaded->existed && name.local_part.empty()) {
    const std::string tenant(name.tenant);
    if (!domain_entries_.contains(tenant)) {
      absl::ReaderMutexLock lock(&store_.mutex_);
      const auto found = store_.domain_entries_.find(tenant);
      domain_entries_[tenant] = found == store_.domain_entries_.end() ? 0 : found->second;
    }
    ++domain_entries_[tenant];
  }
  loaded->existed = true;
  Put(kEntries, EntryKey(name), EncodeEntry(loaded->entry));
}

absl::Status CommandBatch::Install(const stored::StoredEntry& entry) {
  const v1::Suppression& suppression = entry.suppression();
  const size_t at = suppression.address().rfind('@');
  if (at == std::string::npos) return ReadFailure(rocksdb::Status::Corruption());
  const absl::string_view address = suppression.address();
  const EntryName name{suppression.tenant(), address.substr(at + 1), address.substr(0, at)};
  if (absl::Status status = Load(name); !status.ok()) return status;
  Loaded* loaded = Find(name);
  if (loaded->existed && loaded->entry.revision() >= entry.revision()) return absl::OkStatus();
  if (loaded->existed) SpellOutIndex(&loaded->entry);
  *loaded->entry.mutable_suppression() = suppression;
  loaded->entry.set_revision(entry.revision());
  revision_ = entry.revision();
  Write(name, loaded);
  return absl::OkStatus();
}

absl::Status CommandBatch::Install(const RevisionChange& next) {
  for (const stored::StoredEntry& entry : next.change.entries()) {
    if (absl::Status status = Install(entry); !status.ok()) return status;
  }
  revision_ = next.revision;
  Put(kChanges, RevisionKey(revision_), next.change.SerializeAsString());
  return absl::OkStatus();
}

void CommandBatch::Restart() {
  batch_.Clear();
  entries_.clear();
  requests_.clear();
  domain_entries_.clear();
}

void CommandBatch::UpdateIndex(const EntryName& name, stored::StoredEntry* entry) {
  if (!entry->suppression().has_listed_at()) return;
  const int64_t listed_at = ToMicros(entry->suppression().listed_at());
  if (entry->indexed_at_micros() != listed_at) {
    for (const stored::IndexedUnder& under : entry->indexed_under()) {
      stored::IndexRow left;
      left.set_from_revision(under.from_revision());
      left.set_until_revision(revision_);
      Put(kByTime, TimeKey(name, under.kind(), entry->indexed_at_micros()), left.SerializeAsString());
    }
    entry->clear_indexed_under();
    entry->set_indexed_at_micros(listed_at);
  }
  for (const v1::BounceReason kind : IndexKinds(entry->suppression(), store_.options_.replica)) {
    const auto& held = entry->indexed_under();
    if (std::any_of(held.begin(), held.end(), [&](const auto& under) { return under.kind() == kind; })) continue;
    stored::IndexedUnder* under = entry->add_indexed_under();
    under->set_kind(kind);
    under->set_from_revision(revision_);
    stored::IndexRow row;
    row.set_from_revision(revision_);
    Put(kByTime, TimeKey(name, kind, listed_at), row.SerializeAsString());
  }
}

}  // namespace suppression
