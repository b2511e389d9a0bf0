#include "storage/entry.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace suppressd {

void SetTarget(const EntryName& name, v1::Suppression* suppression) {
  suppression->set_tenant(std::string(name.tenant));
  if (name.local_part.empty()) {
    suppression->set_domain(std::string(name.domain));
  } else {
    suppression->set_address(name.Address());
  }
}

bool NameOf(const v1::Suppression& suppression, EntryName* name) {
  const absl::string_view address = suppression.address();
  const size_t at = address.rfind('@');
  if (suppression.has_domain()) {
    *name = {suppression.tenant(), suppression.domain(), ""};
  } else if (at != absl::string_view::npos && at > 0) {
    *name = {suppression.tenant(), address.substr(at + 1), address.substr(0, at)};
  } else {
    return false;
  }
  return !name->domain.empty();
}

std::string TargetText(const v1::Suppression& suppression) {
  return suppression.has_domain() ? absl::StrCat("@", suppression.domain()) : suppression.address();
}

v1::Cause::State StateAt(const v1::Cause& cause, int64_t now_micros) {
  if (cause.state() != v1::Cause::REACTIVATED && cause.has_expires_at() && ToMicros(cause.expires_at()) <= now_micros) {
    return v1::Cause::EXPIRED;
  }
  return cause.state();
}

bool CountsAt(const v1::Cause& cause, int64_t now_micros) {
  const v1::Cause::State state = StateAt(cause, now_micros);
  return state != v1::Cause::REACTIVATED && state != v1::Cause::EXPIRED;
}

bool Matches(const v1::Cause& cause, int64_t now_micros, absl::string_view stream) {
  return CountsAt(cause, now_micros) && (cause.stream().empty() || cause.stream() == stream);
}

bool SuppressedInAnyStream(const v1::Suppression& suppression, int64_t now_micros) {
  return std::any_of(suppression.causes().begin(), suppression.causes().end(),
                     [&](const v1::Cause& cause) { return CountsAt(cause, now_micros); });
}

bool SuppressedInStream(const v1::Suppression& suppression, int64_t now_micros, absl::string_view stream) {
  return std::any_of(suppression.causes().begin(), suppression.causes().end(),
                     [&](const v1::Cause& cause) { return Matches(cause, now_micros, stream); });
}

void SetStatesAt(int64_t now_micros, v1::Suppression* suppression) {
  for (v1::Cause& cause : *suppression->mutable_causes()) cause.set_state(StateAt(cause, now_micros));
}

}  // namespace suppressd
