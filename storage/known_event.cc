#include "storage/known_event.h"

namespace suppressd {
namespace {

bool IsOneDay(const v1::BounceEvent& a, const v1::BounceEvent& b) {
  return ToMicros(a.occurred_at()) / kMicrosPerDay == ToMicros(b.occurred_at()) / kMicrosPerDay;
}

bool HasSameTimes(const v1::BounceEvent& known, const stored::RecipientReport& told) {
  const v1::BounceEvent& event = told.event();
  const bool occurred = told.undated() || ToMicros(known.occurred_at()) == ToMicros(event.occurred_at());
  return occurred && known.has_mail_sent_at() == event.has_mail_sent_at() &&
         ToMicros(known.mail_sent_at()) == ToMicros(event.mail_sent_at());
}

}  // namespace

bool IsKnownEvent(const v1::BounceEvent& known, const stored::RecipientReport& told) {
  const auto action = told.decision().action();
  const bool counts = action == stored::PolicyDecision::COUNT || action == stored::PolicyDecision::SUPPRESS;
  const bool too_late = known.effect() == v1::BounceEvent::RECORDED || known.effect() == v1::BounceEvent::OUTDATED;
  if (counts && too_late) return HasSameTimes(known, told);
  if (IsOneDay(known, told.event())) return true;
  return known.kind() != v1::BounceEvent::SMTP_REPLY || told.event().kind() != v1::BounceEvent::SMTP_REPLY;
}

bool MayBeForgotten(const stored::RecipientReport& told, int64_t requests_after_micros) {
  return told.undated() || ToMicros(told.event().occurred_at()) - kMicrosPerDay <= requests_after_micros;
}

void AddKnownEvent(const v1::BounceEvent& event, stored::StoredRequest* known) {
  if (known->events_size() >= kKnownEventsMax) known->mutable_events()->DeleteSubrange(0, 1);
  v1::BounceEvent* added = known->add_events();
  *added->mutable_occurred_at() = event.occurred_at();
  if (event.has_mail_sent_at()) *added->mutable_mail_sent_at() = event.mail_sent_at();
  added->set_kind(event.kind());
  *added->mutable_verdict() = event.verdict();
  added->set_effect(event.effect());
}

}  // namespace suppressd
