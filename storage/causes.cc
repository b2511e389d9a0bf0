#include "storage/causes.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "storage/entry.h"
#include "storage/state_machine.h"

namespace suppressd {
namespace {

// Whether a cause has a place of its own, so that it never wants for room.
bool HasReservedPlace(v1::Cause::Type type, const std::string& stream) {
  return IsBounce(type) || (type == v1::Cause::COMPLAINT && stream.empty());
}

// Drops causes that no longer count, oldest last event first, until one more without a reserved place fits. Returns
// whether it does; if not, nothing is dropped.
bool MakeRoom(int64_t at_micros, v1::Suppression* suppression) {
  int active = 0;
  std::vector<std::pair<int64_t, int>> lifted;  // last event, index
  for (int i = 0; i < suppression->causes_size(); ++i) {
    const v1::Cause& cause = suppression->causes(i);
    if (HasReservedPlace(cause.type(), cause.stream())) continue;
    if (CountsAt(cause, at_micros)) {
      ++active;
    } else {
      lifted.emplace_back(ToMicros(cause.last_event_at()), i);
    }
  }
  if (active >= kOtherCausesMax) return false;
  // Newest first, so that what is to go stands at the end; then by index, so that one leaves the others' as they are.
  std::sort(lifted.rbegin(), lifted.rend());
  lifted.erase(lifted.begin(), lifted.begin() + std::min<size_t>(lifted.size(), kOtherCausesMax - 1 - active));
  std::sort(lifted.begin(), lifted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  for (const auto& [last_event, index] : lifted) suppression->mutable_causes()->DeleteSubrange(index, 1);
  return true;
}

}  // namespace

bool IsBounce(v1::Cause::Type type) {
  return type == v1::Cause::HARD_BOUNCE || type == v1::Cause::SOFT_BOUNCE;
}

bool NeedsConsent(const v1::Cause& cause) {
  return cause.type() == v1::Cause::COMPLAINT || cause.type() == v1::Cause::UNSUBSCRIBE;
}

v1::Cause* FindCause(v1::Suppression* suppression, v1::Cause::Type type, v1::BounceReason reason,
                     const std::string& stream) {
  for (v1::Cause& cause : *suppression->mutable_causes()) {
    if (cause.type() == type && cause.reason() == reason && cause.stream() == stream) return &cause;
  }
  return nullptr;
}

void Activate(v1::Cause* cause) {
  cause->set_state(v1::Cause::ACTIVE);
  cause->clear_reactivation();
}

void NoteListing(bool was_suppressed, int64_t at_micros, int64_t listed_at_micros, v1::Suppression* suppression) {
  if (!was_suppressed && SuppressedInAnyStream(*suppression, at_micros)) {
    *suppression->mutable_listed_at() = FromMicros(listed_at_micros);
  }
}

v1::Cause* CauseFor(v1::Cause::Type type, v1::BounceReason reason, const std::string& stream, int64_t at_micros,
                    v1::Suppression* suppression) {
  if (v1::Cause* found = FindCause(suppression, type, reason, stream)) return found;
  if (!HasReservedPlace(type, stream) && !MakeRoom(at_micros, suppression)) return nullptr;
  v1::Cause* cause = suppression->add_causes();
  cause->set_state(v1::Cause::EXPIRED);  // until it is activated
  cause->set_type(type);
  cause->set_reason(reason);
  cause->set_stream(stream);
  return cause;
}

void AddEvent(const v1::BounceEvent& event, v1::Cause* cause) {
  const int64_t occurred = ToMicros(event.occurred_at());
  if (!cause->has_first_event_at() || occurred < ToMicros(cause->first_event_at())) {
    *cause->mutable_first_event_at() = event.occurred_at();
  }
  if (!cause->has_last_event_at() || occurred >= ToMicros(cause->last_event_at())) {
    *cause->mutable_last_event_at() = event.occurred_at();
    cause->set_source(event.source());
    cause->set_rule_id(event.verdict().rule_id());
  }
  cause->set_event_count(cause->event_count() + 1);
}

}  // namespace suppressd
