// Reports of events that are known already: found by their identity, among what is remembered of requests and in the
// history of the address.
#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/command_batch.h"
#include "storage/known_event.h"
#include "storage/log_settings.h"

namespace suppressd {
namespace {

// Where the events of one identity are remembered, among the idempotency keys.
std::string IdentityName(const std::string& identity) {
  return absl::StrCat("i:", identity);
}

}  // namespace

absl::StatusOr<CommandBatch::KnownEvents> CommandBatch::FindKnownEvents(const stored::Command& command) {
  KnownEvents known;
  for (const stored::ImportedRow& row : command.import().rows()) {
    const absl::StatusOr<bool> is_known = IsKnownRow(command, row);
    if (!is_known.ok()) return is_known.status();
    known.rows.push_back(*is_known);
  }
  known.all = command.report().recipients_size() > 0;
  for (const stored::RecipientReport& told : command.report().recipients()) {
    absl::StatusOr<std::optional<v1::BounceEvent>> event = FindKnownEvent(command, told, &known.revision);
    if (!event.ok()) return event.status();
    known.all &= event->has_value();
    known.events.push_back(*std::move(event));
  }
  return known;
}

// Whether the entry was reactivated between two events: then they are two, whatever they are about, and the later one
// is to be judged by itself.
bool CommandBatch::WasReactivatedBetween(const v1::BounceEvent& known, const stored::Command& command,
                                         const stored::RecipientReport& told) {
  if (told.undated()) return false;
  const EntryName name{command.tenant(), told.target().domain(), told.target().local_part()};
  const stored::StoredEntry& entry = entries_.Find(name)->entry;
  const bool complaint = told.event().verdict().bounce_class() == v1::Verdict::COMPLAINT;
  if (complaint ? !entry.has_consent_at() : !entry.has_bounces_reactivated_at()) return false;
  const int64_t lifted_at = ToMicros(complaint ? entry.consent_at() : entry.bounces_reactivated_at());
  const int64_t told_at = ToMicros(told.event().occurred_at()) + (complaint ? 0 : log_time_ - event_time_);
  return ToMicros(known.occurred_at()) <= lifted_at && lifted_at < told_at;
}

absl::StatusOr<std::optional<v1::BounceEvent>> CommandBatch::FindKnownEvent(const stored::Command& command,
                                                                            const stored::RecipientReport& told,
                                                                            uint64_t* revision) {
  const std::string& identity = told.event().identity();
  if (identity.empty()) return std::nullopt;
  const absl::StatusOr<const stored::StoredRequest*> known = FindRequest(command, IdentityName(identity));
  if (!known.ok()) return known.status();
  if (*known != nullptr) {
    for (const v1::BounceEvent& event : (*known)->events()) {
      if (!IsKnownEvent(event, told) || WasReactivatedBetween(event, command, told)) continue;
      *revision = std::max(*revision, (*known)->result().revision());
      return event;
    }
  }
  if (!MayBeForgotten(told, RequestsAfter(settings_, log_time_))) return std::nullopt;
  return FindInHistory(command, told, revision);
}

absl::StatusOr<std::optional<v1::BounceEvent>> CommandBatch::FindInHistory(const stored::Command& command,
                                                                           const stored::RecipientReport& told,
                                                                           uint64_t* revision) {
  const EntryName name{command.tenant(), told.target().domain(), told.target().local_part()};
  for (const uint64_t kept : entries_.Find(name)->entry.event_revisions()) {
    absl::StatusOr<std::optional<v1::BounceEvent>> event = ReadEvent(BounceKey(name, kept));
    if (!event.ok()) return event.status();
    if (!event->has_value() || (*event)->identity() != told.event().identity()) continue;
    if (!IsKnownEvent(**event, told) || WasReactivatedBetween(**event, command, told)) continue;
    *revision = std::max(*revision, RevisionOfEvent(kept));
    RememberEvent(command, **event, RevisionOfEvent(kept));
    return event;
  }
  return std::nullopt;
}

absl::StatusOr<std::optional<v1::BounceEvent>> CommandBatch::ReadEvent(const std::string& key) {
  const auto written = events_.find(key);
  v1::BounceEvent event;
  if (written != events_.end()) {
    event = written->second;
  } else {
    std::string value;
    const rocksdb::Status status = database_->rocks()->Get({}, database_->family(kBounces), key, &value);
    if (status.IsNotFound()) return std::nullopt;  // past the retention
    if (!status.ok()) return ReadFailure(status);
    if (!event.ParseFromString(value)) return ReadFailure(rocksdb::Status::Corruption());
  }
  // What compaction may have dropped is never an answer.
  if (ToMicros(event.received_at()) <= BouncesAfter(settings_, log_time_)) return std::nullopt;
  return std::optional<v1::BounceEvent>(std::move(event));
}

void CommandBatch::RememberEvent(const stored::Command& command, const v1::BounceEvent& event, uint64_t revision) {
  if (event.identity().empty()) return;
  const std::string name = IdentityName(event.identity());
  const absl::StatusOr<const stored::StoredRequest*> known = FindRequest(command, name);
  stored::StoredRequest next;
  if (known.ok() && *known != nullptr) next = **known;
  AddKnownEvent(event, &next);
  *next.mutable_at() = FromMicros(log_time_);
  next.mutable_result()->set_revision(std::max(next.result().revision(), revision));
  const std::string key = RequestKey(command.tenant(), name);
  entries_.Put(kRequests, key, next.SerializeAsString());
  requests_[key] = std::move(next);
}

}  // namespace suppressd
