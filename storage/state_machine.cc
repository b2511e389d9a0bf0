#include "storage/state_machine.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "storage/causes.h"
#include "storage/entry.h"

namespace suppressd {
namespace {

v1::Cause::Type CauseType(v1::Verdict::Class bounce_class) {
  switch (bounce_class) {
    case v1::Verdict::COMPLAINT:
      return v1::Cause::COMPLAINT;
    case v1::Verdict::HARD:
      return v1::Cause::HARD_BOUNCE;
    default:
      return v1::Cause::SOFT_BOUNCE;
  }
}

// Whether the report is about mail from before the last reactivation, or a complaint from before newer consent.
bool IsOutdated(const v1::BounceEvent& event, const ApplyTime& time, const stored::StoredEntry& entry) {
  if (event.verdict().bounce_class() == v1::Verdict::COMPLAINT) {
    return entry.has_consent_at() && ToMicros(event.occurred_at()) <= ToMicros(entry.consent_at());
  }
  const auto& sent = event.has_mail_sent_at() ? event.mail_sent_at() : event.occurred_at();
  return entry.has_bounces_reactivated_at() && time.InLog(ToMicros(sent)) <= ToMicros(entry.bounces_reactivated_at());
}

void SuppressNow(const stored::PolicyDecision& decision, const ApplyTime& time, v1::BounceEvent* event,
                 stored::StoredEntry* entry) {
  const int64_t at_micros = time.log_micros;
  const int64_t expires = time.InLog(ToMicros(event->occurred_at())) + decision.expires_after_days() * kMicrosPerDay;
  if (decision.expires_after_days() > 0 && expires <= at_micros) {
    event->set_effect(v1::BounceEvent::RECORDED);  // so late that the cause would have expired by now
    return;
  }
  const bool complaint = event->verdict().bounce_class() == v1::Verdict::COMPLAINT;
  const v1::Cause::Type type = CauseType(event->verdict().bounce_class());
  const v1::BounceReason reason = event->verdict().reason();
  v1::Suppression* suppression = entry->mutable_suppression();
  v1::Cause* cause = CauseFor(type, reason, complaint ? event->stream() : "", at_micros, suppression);
  // Rather all mail than a complaint that is lost.
  if (cause == nullptr) cause = CauseFor(type, reason, "", at_micros, suppression);
  const bool counted_already = CountsAt(*cause, at_micros);
  event->set_effect(counted_already ? v1::BounceEvent::ALREADY_SUPPRESSED : v1::BounceEvent::SUPPRESSED);
  if (decision.expires_after_days() == 0) {
    cause->clear_expires_at();
  } else if (!counted_already || (cause->has_expires_at() && ToMicros(cause->expires_at()) < expires)) {
    *cause->mutable_expires_at() = FromMicros(expires);
  }
  Activate(cause);
  AddEvent(*event, cause);
}

stored::SoftCounter* CounterFor(v1::BounceReason reason, stored::StoredEntry* entry) {
  for (stored::SoftCounter& counter : *entry->mutable_soft_counters()) {
    if (counter.reason() == reason) return &counter;
  }
  stored::SoftCounter* counter = entry->add_soft_counters();
  counter->set_reason(reason);
  return counter;
}

int32_t DayOf(int64_t micros) {
  return static_cast<int32_t>(micros / kMicrosPerDay);
}

// The first day of a window that ends with `day`.
int32_t WindowStart(int32_t day, int32_t window_days) {
  return day - std::clamp(window_days, 1, kSoftCounterDaysMax) + 1;
}

// Adds an event to a counter and drops the days that left the window, which ends at the newest day.
void CountEvent(int32_t day, int32_t window_days, stored::SoftCounter* counter) {
  std::vector<std::pair<int32_t, int32_t>> days;
  bool found = false;
  int32_t newest = day;
  for (int i = 0; i < counter->days_size(); ++i) {
    const bool same = counter->days(i) == day;
    days.emplace_back(counter->days(i), counter->events(i) + (same ? 1 : 0));
    found |= same;
    newest = std::max(newest, counter->days(i));
  }
  if (!found) days.emplace_back(day, 1);
  std::sort(days.begin(), days.end());
  counter->clear_days();
  counter->clear_events();
  const int32_t oldest = WindowStart(newest, window_days);
  for (const auto& [kept_day, events] : days) {
    if (kept_day < oldest) continue;
    counter->add_days(kept_day);
    counter->add_events(events);
  }
}

int64_t EventsOf(const stored::SoftCounter& counter) {
  int64_t sum = 0;
  for (const int32_t events : counter.events()) sum += events;
  return sum;
}

void CountSoftBounce(const stored::PolicyDecision& decision, const ApplyTime& time, v1::BounceEvent* event,
                     stored::StoredEntry* entry) {
  const int64_t at_micros = time.log_micros;
  const int64_t occurred = time.InLog(ToMicros(event->occurred_at()));
  const int32_t day = DayOf(occurred);
  if (day < WindowStart(DayOf(at_micros), decision.window_days())) {
    event->set_effect(v1::BounceEvent::RECORDED);  // so late that it says nothing of the address now
    return;
  }
  v1::Suppression* suppression = entry->mutable_suppression();
  const v1::BounceReason reason = event->verdict().reason();
  v1::Cause* cause = FindCause(suppression, v1::Cause::SOFT_BOUNCE, reason, "");
  if (cause != nullptr && CountsAt(*cause, at_micros)) {
    AddEvent(*event, cause);
    event->set_effect(v1::BounceEvent::ALREADY_SUPPRESSED);
    return;
  }
  stored::SoftCounter* counter = CounterFor(reason, entry);
  CountEvent(day, decision.window_days(), counter);
  if (EventsOf(*counter) < decision.threshold_events() || counter->days_size() < decision.threshold_days()) {
    event->set_effect(v1::BounceEvent::COUNTED);
    return;
  }
  cause = CauseFor(v1::Cause::SOFT_BOUNCE, reason, "", at_micros, suppression);
  const int32_t doubled = counter->last_lease_days() == 0 ? decision.lease_days() : 2 * counter->last_lease_days();
  const int32_t lease = std::min(doubled, decision.lease_max_days());
  if (!cause->has_first_event_at()) {
    *cause->mutable_first_event_at() = FromMicros(std::min(occurred, counter->days(0) * kMicrosPerDay));
  }
  const int32_t counted = static_cast<int32_t>(EventsOf(*counter));
  Activate(cause);
  AddEvent(*event, cause);
  cause->set_event_count(cause->event_count() + counted - 1);
  *cause->mutable_expires_at() = FromMicros(at_micros + lease * kMicrosPerDay);
  counter->clear_days();
  counter->clear_events();
  counter->set_last_lease_days(lease);
  event->set_effect(v1::BounceEvent::SUPPRESSED);
}

bool Selects(const v1::CauseSelector& selector, const v1::Cause& cause) {
  return selector.type() == cause.type() && (!selector.has_reason() || selector.reason() == cause.reason()) &&
         (!selector.has_stream() || selector.stream() == cause.stream());
}

}  // namespace

void ApplyReport(const stored::PolicyDecision& decision, const ApplyTime& time, v1::BounceEvent* event,
                 stored::StoredEntry* entry) {
  const int64_t at_micros = time.log_micros;
  const bool was_suppressed = SuppressedInAnyStream(entry->suppression(), at_micros);
  if (decision.action() != stored::PolicyDecision::SUPPRESS && decision.action() != stored::PolicyDecision::COUNT) {
    event->set_effect(v1::BounceEvent::RECORDED);
  } else if (IsOutdated(*event, time, *entry)) {
    event->set_effect(v1::BounceEvent::OUTDATED);
  } else if (decision.action() == stored::PolicyDecision::SUPPRESS) {
    SuppressNow(decision, time, event, entry);
  } else {
    CountSoftBounce(decision, time, event, entry);
  }
  NoteListing(was_suppressed, at_micros, at_micros, entry->mutable_suppression());
}

v1::ErrorReason ApplySuppress(const stored::SuppressOperation& operation, int64_t at_micros, stored::StoredEntry* entry,
                              bool* changed) {
  const bool was_suppressed = SuppressedInAnyStream(entry->suppression(), at_micros);
  const v1::Cause& wanted = operation.cause();
  v1::Cause* cause = CauseFor(wanted.type(), wanted.reason(), wanted.stream(), at_micros, entry->mutable_suppression());
  if (cause == nullptr) return v1::TOO_MANY_CAUSES;
  *changed = !CountsAt(*cause, at_micros);
  Activate(cause);
  v1::BounceEvent event;
  *event.mutable_occurred_at() = FromMicros(at_micros);
  event.set_source(wanted.source());
  AddEvent(event, cause);
  cause->set_note(wanted.note());
  cause->set_on_behalf_of(wanted.on_behalf_of());
  cause->set_actor(wanted.actor());
  // What only consent may lift must not be lifted by an earlier expiry either.
  const bool keep_expiry = !*changed && NeedsConsent(*cause) &&
                           (!cause->has_expires_at() ||
                            (wanted.has_expires_at() && ToMicros(wanted.expires_at()) < ToMicros(cause->expires_at())));
  if (keep_expiry) {
    // stays as it is
  } else if (wanted.has_expires_at()) {
    *cause->mutable_expires_at() = wanted.expires_at();
  } else {
    cause->clear_expires_at();
  }
  NoteListing(was_suppressed, at_micros, at_micros, entry->mutable_suppression());
  return v1::ERROR_REASON_UNSPECIFIED;
}

v1::ErrorReason ApplyReactivate(const stored::ReactivateOperation& operation, const stored::Command& by,
                                int64_t at_micros, stored::StoredEntry* entry, bool* changed) {
  *changed = false;
  const bool stale =
      operation.unchanged_since_revision() != 0 && entry->revision() > operation.unchanged_since_revision();
  if (stale) return v1::ENTRY_CHANGED;
  std::vector<v1::Cause*> lifted;
  for (v1::Cause& cause : *entry->mutable_suppression()->mutable_causes()) {
    const bool selected =
        operation.selectors().empty()
            ? IsBounce(cause.type())
            : std::any_of(operation.selectors().begin(), operation.selectors().end(),
                          [&](const v1::CauseSelector& selector) { return Selects(selector, cause); });
    if (!selected || !CountsAt(cause, at_micros)) continue;
    if (NeedsConsent(cause) &&
        (!operation.has_consent() || ToMicros(operation.consent().obtained_at()) <= ToMicros(cause.last_event_at()))) {
      return v1::CONSENT_REQUIRED;
    }
    lifted.push_back(&cause);
  }
  for (v1::Cause* cause : lifted) {
    cause->set_state(v1::Cause::REACTIVATED);
    v1::Reactivation* reactivation = cause->mutable_reactivation();
    *reactivation->mutable_reactivated_at() = FromMicros(at_micros);
    reactivation->set_on_behalf_of(by.on_behalf_of());
    reactivation->set_actor(by.actor());
    reactivation->set_note(operation.note());
    if (NeedsConsent(*cause)) {
      *reactivation->mutable_consent() = operation.consent();
      if (!entry->has_consent_at() || ToMicros(entry->consent_at()) < ToMicros(operation.consent().obtained_at())) {
        *entry->mutable_consent_at() = operation.consent().obtained_at();
      }
    }
    if (IsBounce(cause->type())) {
      *entry->mutable_bounces_reactivated_at() = FromMicros(at_micros);
      entry->clear_soft_counters();  // a clean slate: the address was vouched for
    }
  }
  *changed = !lifted.empty();
  return v1::ERROR_REASON_UNSPECIFIED;
}

}  // namespace suppressd
