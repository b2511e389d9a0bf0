#include "storage/row_merge.h"

#include <algorithm>
#include <utility>

#include "storage/causes.h"
#include "storage/entry.h"

namespace suppressd {
namespace {

using Outcome = v1::ImportOutcome;

// Whether the entry was vouched for since what the row says happened. A row that does not say when counts as older.
bool IsLiftedSince(const v1::Cause& wanted, const v1::Cause* held, const ApplyTime& time,
                   const stored::StoredEntry& entry) {
  const auto is_older = [&](int64_t lifted_at, bool by_log) {
    if (!wanted.has_last_event_at()) return true;
    const int64_t happened_at = ToMicros(wanted.last_event_at());
    return (by_log ? time.InLog(happened_at) : happened_at) <= lifted_at;
  };
  if (IsBounce(wanted.type()) && entry.has_bounces_reactivated_at() &&
      is_older(ToMicros(entry.bounces_reactivated_at()), true)) {
    return true;
  }
  if (NeedsConsent(wanted) && entry.has_consent_at() && is_older(ToMicros(entry.consent_at()), false)) return true;
  return held != nullptr && held->state() == v1::Cause::REACTIVATED &&
         is_older(ToMicros(held->reactivation().reactivated_at()), true);
}

// Extends a cause that counts by what the row says. Returns whether anything changed.
bool Widen(const v1::Cause& wanted, v1::Cause* cause) {
  bool changed = false;
  if (wanted.has_first_event_at() && ToMicros(wanted.first_event_at()) < ToMicros(cause->first_event_at())) {
    *cause->mutable_first_event_at() = wanted.first_event_at();
    changed = true;
  }
  if (wanted.has_last_event_at() && ToMicros(wanted.last_event_at()) > ToMicros(cause->last_event_at())) {
    *cause->mutable_last_event_at() = wanted.last_event_at();
    cause->set_source(wanted.source());
    cause->set_rule_id(wanted.rule_id());
    changed = true;
  }
  if (!cause->has_expires_at()) return changed;
  if (!wanted.has_expires_at()) {
    cause->clear_expires_at();
    return true;
  }
  if (ToMicros(wanted.expires_at()) <= ToMicros(cause->expires_at())) return changed;
  *cause->mutable_expires_at() = wanted.expires_at();
  return true;
}

// Makes a cause what the row says; what it knew of earlier events stays.
void Begin(const v1::Cause& wanted, const ApplyTime& time, v1::Cause* cause) {
  const google::protobuf::Timestamp now = FromMicros(time.event_micros);
  const google::protobuf::Timestamp& first = wanted.has_first_event_at() ? wanted.first_event_at() : now;
  const google::protobuf::Timestamp& last = wanted.has_last_event_at() ? wanted.last_event_at() : now;
  Activate(cause);
  if (!cause->has_first_event_at() || ToMicros(first) < ToMicros(cause->first_event_at())) {
    *cause->mutable_first_event_at() = first;
  }
  *cause->mutable_last_event_at() = last;
  cause->set_source(wanted.source());
  cause->set_rule_id(wanted.rule_id());
  cause->set_note(wanted.note());
  cause->set_on_behalf_of(wanted.on_behalf_of());
  cause->set_actor(wanted.actor());
  cause->clear_expires_at();
  if (wanted.has_expires_at()) *cause->mutable_expires_at() = wanted.expires_at();
  cause->set_event_count(cause->event_count() + std::max<int64_t>(1, wanted.event_count()));
}

// A cause that was lifted elsewhere is kept for the record, and what is known here of the cause holds.
RowMerge KeepLifted(const v1::Cause& wanted, const v1::Cause* held, int64_t at_micros, stored::StoredEntry* entry) {
  if (held != nullptr) return {Outcome::UNCHANGED, false};
  v1::Cause* cause = CauseFor(wanted.type(), wanted.reason(), wanted.stream(), at_micros, entry->mutable_suppression());
  if (cause == nullptr) return {Outcome::RECORDED, false};
  *cause = wanted;
  cause->set_state(v1::Cause::REACTIVATED);
  cause->set_event_count(std::max<int64_t>(1, wanted.event_count()));
  const google::protobuf::Timestamp& lifted_at = wanted.reactivation().reactivated_at();
  if (IsBounce(wanted.type()) &&
      (!entry->has_bounces_reactivated_at() || ToMicros(entry->bounces_reactivated_at()) < ToMicros(lifted_at))) {
    *entry->mutable_bounces_reactivated_at() = lifted_at;
  }
  return {Outcome::RECORDED, true};
}

RowMerge MergeCause(const v1::Cause& wanted, bool is_new_event, const ApplyTime& time, stored::StoredEntry* entry) {
  const int64_t at_micros = time.log_micros;
  v1::Suppression* suppression = entry->mutable_suppression();
  v1::Cause* cause = FindCause(suppression, wanted.type(), wanted.reason(), wanted.stream());
  if (wanted.has_reactivation()) return KeepLifted(wanted, cause, at_micros, entry);
  if (wanted.has_expires_at() && ToMicros(wanted.expires_at()) <= at_micros) return {Outcome::RECORDED, false};
  if (IsLiftedSince(wanted, cause, time, *entry)) return {Outcome::OUTDATED, false};
  if (cause != nullptr && CountsAt(*cause, at_micros)) {
    const bool widened = Widen(wanted, cause);
    if (widened || is_new_event) cause->set_event_count(cause->event_count() + 1);
    return widened || is_new_event ? RowMerge{Outcome::MERGED, true} : RowMerge{Outcome::UNCHANGED, false};
  }
  const bool was_suppressed = SuppressedInAnyStream(*suppression, at_micros);
  cause = CauseFor(wanted.type(), wanted.reason(), wanted.stream(), at_micros, suppression);
  if (cause == nullptr && wanted.type() == v1::Cause::COMPLAINT) {
    // Rather all mail than a complaint that is lost.
    cause = CauseFor(wanted.type(), wanted.reason(), "", at_micros, suppression);
  }
  if (cause == nullptr) return {Outcome::REJECTED, false};
  Begin(wanted, time, cause);
  const int64_t happened_at =
      wanted.has_last_event_at() ? std::min(time.InLog(ToMicros(wanted.last_event_at())), at_micros) : at_micros;
  NoteListing(was_suppressed, at_micros, happened_at, suppression);
  return {Outcome::CREATED, true};
}

v1::BounceEvent::Effect EffectOf(Outcome::Result result) {
  switch (result) {
    case Outcome::CREATED:
      return v1::BounceEvent::SUPPRESSED;
    case Outcome::MERGED:
    case Outcome::UNCHANGED:
      return v1::BounceEvent::ALREADY_SUPPRESSED;
    case Outcome::OUTDATED:
      return v1::BounceEvent::OUTDATED;
    default:
      return v1::BounceEvent::RECORDED;
  }
}

}  // namespace

RowMerge MergeRow(const stored::ImportedRow& row, bool is_known, const ApplyTime& time, v1::BounceEvent* event,
                  stored::StoredEntry* entry) {
  const bool is_new_event = event != nullptr && !is_known;
  RowMerge merge{Outcome::RECORDED, false};
  if (row.has_cause()) merge = MergeCause(row.cause(), is_new_event, time, entry);
  // Nothing is left to record of what is known.
  const bool is_settled = merge.result == Outcome::RECORDED || merge.result == Outcome::OUTDATED;
  if (is_settled && is_known && !merge.changed) merge.result = Outcome::UNCHANGED;
  if (event != nullptr) event->set_effect(EffectOf(merge.result));
  return merge;
}

RowMerge MergeEntry(const v1::ExportedEntry& exported, const ApplyTime& time, stored::StoredEntry* entry) {
  RowMerge all{Outcome::UNCHANGED, false};
  bool is_created = false;
  for (const v1::Cause& cause : exported.suppression().causes()) {
    const RowMerge merge = MergeCause(cause, false, time, entry);
    if (merge.result == Outcome::REJECTED) all.result = Outcome::REJECTED;
    is_created |= merge.result == Outcome::CREATED;
    all.changed |= merge.changed;
  }
  if (all.result == Outcome::REJECTED || !all.changed) return all;
  all.result = is_created ? Outcome::CREATED : Outcome::MERGED;
  return all;
}

void InstallEntry(const v1::ExportedEntry& exported, stored::StoredEntry* entry) {
  v1::Suppression target = std::move(*entry->mutable_suppression());
  entry->Clear();
  v1::Suppression* suppression = entry->mutable_suppression();
  *suppression = exported.suppression();
  suppression->set_tenant(target.tenant());
  if (target.has_domain()) {
    suppression->set_domain(target.domain());
  } else {
    suppression->set_address(target.address());
  }
  for (const v1::ExportedCounter& counter : exported.counters()) {
    stored::SoftCounter* held = entry->add_soft_counters();
    held->set_reason(counter.reason());
    *held->mutable_days() = counter.days();
    *held->mutable_events() = counter.events();
    held->set_last_lease_days(counter.last_lease_days());
  }
  if (exported.has_bounces_reactivated_at()) {
    *entry->mutable_bounces_reactivated_at() = exported.bounces_reactivated_at();
  }
  if (exported.has_consent_at()) *entry->mutable_consent_at() = exported.consent_at();
}

}  // namespace suppressd
