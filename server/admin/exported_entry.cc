#include "server/admin/exported_entry.h"

#include <set>
#include <tuple>
#include <utility>

#include "common/error.h"
#include "server/base/return_if_error.h"
#include "server/rpc/field_checks.h"
#include "storage/list_reader.h"
#include "storage/state_machine.h"

namespace suppressd {
namespace {

constexpr char kField[] = "rows.entry";

absl::Status Invalid(const char* what) {
  return InvalidArgument(v1::INVALID_FIELD, what, kField);
}

absl::Status CheckTime(bool set, const google::protobuf::Timestamp& time) {
  return TimeOf(set, time, 0, kField).status();
}

absl::Status CheckReactivation(const v1::Reactivation& lifted) {
  RETURN_IF_ERROR(CheckTime(lifted.has_reactivated_at(), lifted.reactivated_at()));
  RETURN_IF_ERROR(CheckLength(lifted.note(), kNoteBytesMax, kField));
  RETURN_IF_ERROR(CheckLength(lifted.on_behalf_of(), kLabelBytesMax, kField));
  RETURN_IF_ERROR(CheckLength(lifted.actor(), kExportedTextBytesMax, kField));
  RETURN_IF_ERROR(CheckLength(lifted.consent().evidence(), kNoteBytesMax, kField));
  return CheckTime(lifted.consent().has_obtained_at(), lifted.consent().obtained_at());
}

absl::Status CheckCause(const v1::Cause& cause) {
  if (!v1::Cause::Type_IsValid(cause.type()) || !v1::Cause::State_IsValid(cause.state()) ||
      !v1::BounceReason_IsValid(cause.reason())) {
    return UnknownEnum(kField);
  }
  if (cause.type() == v1::Cause::TYPE_UNSPECIFIED) return Invalid("a cause of the entry has no type");
  if (cause.state() == v1::Cause::STATE_UNSPECIFIED) return Invalid("a cause of the entry has no state");
  if ((cause.state() == v1::Cause::REACTIVATED) != cause.has_reactivation()) {
    return Invalid("a cause of the entry is reactivated and does not say when, or the other way round");
  }
  RETURN_IF_ERROR(CheckLength(cause.stream(), kLabelBytesMax, kField));
  RETURN_IF_ERROR(CheckTime(cause.has_first_event_at(), cause.first_event_at()));
  RETURN_IF_ERROR(CheckTime(cause.has_last_event_at(), cause.last_event_at()));
  RETURN_IF_ERROR(CheckTime(cause.has_expires_at(), cause.expires_at()));
  RETURN_IF_ERROR(CheckLength(cause.note(), kNoteBytesMax, kField));
  RETURN_IF_ERROR(CheckLength(cause.source(), kLabelBytesMax, kField));
  RETURN_IF_ERROR(CheckLength(cause.rule_id(), kLabelBytesMax, kField));
  RETURN_IF_ERROR(CheckLength(cause.on_behalf_of(), kLabelBytesMax, kField));
  RETURN_IF_ERROR(CheckLength(cause.actor(), kExportedTextBytesMax, kField));
  if (cause.event_count() < 0) return Invalid("a cause of the entry counts less than no events");
  return CheckReactivation(cause.reactivation());
}

absl::Status CheckCauses(const v1::Suppression& suppression) {
  // As many as entries of before kCausesMax may hold (state_machine.h).
  if (suppression.causes_size() > kCausesMax + 2 * 8 + 1) return Invalid("the entry has too many causes");
  std::set<std::tuple<int, int, std::string>> seen;
  for (const v1::Cause& cause : suppression.causes()) {
    RETURN_IF_ERROR(CheckCause(cause));
    if (!seen.emplace(cause.type(), cause.reason(), cause.stream()).second) {
      return Invalid("the entry has the same cause twice");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCounters(const v1::ExportedEntry& entry) {
  std::set<int> reasons;
  for (const v1::ExportedCounter& counter : entry.counters()) {
    if (!v1::BounceReason_IsValid(counter.reason())) return UnknownEnum(kField);
    if (!reasons.insert(counter.reason()).second) return Invalid("the entry has the same counter twice");
    if (counter.days_size() != counter.events_size() || counter.days_size() > kSoftCounterDaysMax) {
      return Invalid("a counter of the entry has not one count for each day");
    }
    for (int i = 0; i < counter.days_size(); ++i) {
      const bool ascends = i == 0 || counter.days(i - 1) < counter.days(i);
      if (!ascends || counter.events(i) < 1) return Invalid("the days of a counter of the entry do not ascend");
    }
    if (counter.last_lease_days() < 0) return Invalid("a counter of the entry has a lease of less than no days");
  }
  return absl::OkStatus();
}

absl::Status CheckEvent(const v1::BounceEvent& event) {
  const v1::Verdict& verdict = event.verdict();
  if (!v1::Verdict::Class_IsValid(verdict.bounce_class()) || !v1::BounceReason_IsValid(verdict.reason()) ||
      !v1::BounceEvent::Effect_IsValid(event.effect()) || !v1::BounceEvent::Kind_IsValid(event.kind())) {
    return UnknownEnum(kField);
  }
  if (!event.has_occurred_at() || !event.has_received_at()) return Invalid("an event of the entry has no time");
  RETURN_IF_ERROR(CheckTime(true, event.occurred_at()));
  RETURN_IF_ERROR(CheckTime(true, event.received_at()));
  RETURN_IF_ERROR(CheckTime(event.has_mail_sent_at(), event.mail_sent_at()));
  return absl::OkStatus();
}

}  // namespace

v1::ExportedEntry ToExported(stored::StoredEntry entry, std::vector<v1::BounceEvent> events) {
  v1::ExportedEntry exported;
  *exported.mutable_suppression() = std::move(*entry.mutable_suppression());
  exported.mutable_suppression()->clear_tenant();
  for (const stored::SoftCounter& counter : entry.soft_counters()) {
    v1::ExportedCounter* told = exported.add_counters();
    told->set_reason(counter.reason());
    *told->mutable_days() = counter.days();
    *told->mutable_events() = counter.events();
    told->set_last_lease_days(counter.last_lease_days());
  }
  if (entry.has_bounces_reactivated_at()) {
    *exported.mutable_bounces_reactivated_at() = entry.bounces_reactivated_at();
  }
  if (entry.has_consent_at()) *exported.mutable_consent_at() = entry.consent_at();
  for (v1::BounceEvent& event : events) *exported.add_events() = std::move(event);
  return exported;
}

absl::Status CheckExported(const v1::ExportedEntry& entry) {
  const v1::Suppression& suppression = entry.suppression();
  RETURN_IF_ERROR(CheckTime(suppression.has_listed_at(), suppression.listed_at()));
  RETURN_IF_ERROR(CheckTime(suppression.has_updated_at(), suppression.updated_at()));
  RETURN_IF_ERROR(CheckLength(suppression.original_address(), kExportedTextBytesMax, kField));
  RETURN_IF_ERROR(CheckCauses(suppression));
  RETURN_IF_ERROR(CheckCounters(entry));
  RETURN_IF_ERROR(CheckTime(entry.has_bounces_reactivated_at(), entry.bounces_reactivated_at()));
  RETURN_IF_ERROR(CheckTime(entry.has_consent_at(), entry.consent_at()));
  if (entry.events_size() > kEventsPerEntryMax) return Invalid("the entry has more events than are kept");
  for (const v1::BounceEvent& event : entry.events()) {
    RETURN_IF_ERROR(CheckEvent(event));
    if (event.ByteSizeLong() > kExportedTextBytesMax) {
      return InvalidArgument(v1::FIELD_TOO_LONG, "an event of the entry is over 64 KiB", kField);
    }
  }
  return absl::OkStatus();
}

}  // namespace suppressd
