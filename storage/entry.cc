#include "storage/entry.h"

#include <algorithm>

namespace suppression {

v1::Cause::State StateAt(const v1::Cause& cause, int64_t now_micros) {
  if (cause.state() == v1::Cause::ACTIVE && cause.has_expires_at() && ToMicros(cause.expires_at()) <= now_micros) {
    return v1::Cause::EXPIRED;
  }
  return cause.state();
}

bool Matches(const v1::Cause& cause, int64_t now_micros, absl::string_view stream) {
  return StateAt(cause, now_micros) == v1::Cause::ACTIVE && (cause.stream().empty() || cause.stream() == stream);
}

bool SuppressedInAnyStream(const v1::Suppression& suppression, int64_t now_micros) {
  return std::any_of(suppression.causes().begin(), suppression.causes().end(),
                     [&](const v1::Cause& cause) { return StateAt(cause, now_micros) == v1::Cause::ACTIVE; });
}

void SetStatesAt(int64_t now_micros, v1::Suppression* suppression) {
  for (v1::Cause& cause : *suppression->mutable_causes()) cause.set_state(StateAt(cause, now_micros));
}

}  // namespace suppression
