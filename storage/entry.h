// Questions about an entry, answered at a given time. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "storage/keys.h"
#include "storage/stored.h"
#include "suppressd/v1/suppression.pb.h"

namespace suppressd {

// Writes the name of an entry into it, and back. NameOf: false when it has no target, or one that cannot be read; the
// views point into `suppression`.
void SetTarget(const EntryName& name, v1::Suppression* suppression);
bool NameOf(const v1::Suppression& suppression, EntryName* name);
// The address, or "@domain".
std::string TargetText(const v1::Suppression& suppression);

// The state of a cause at a time: expiry is decided here and nowhere else. A cause expires at the very instant of
// expires_at.
v1::Cause::State StateAt(const v1::Cause& cause, int64_t now_micros);

// Whether a cause counts at a time. Only a reactivation and an expiry end it: a state that this version does not know
// counts.
bool CountsAt(const v1::Cause& cause, int64_t now_micros);

// Whether a cause counts against mail of this stream now. An empty stream means mail that names none: only causes that
// apply to all mail match.
bool Matches(const v1::Cause& cause, int64_t now_micros, absl::string_view stream);

// Whether any cause counts now, in any stream.
bool SuppressedInAnyStream(const v1::Suppression& suppression, int64_t now_micros);

// Whether any cause counts against mail of this stream now.
bool SuppressedInStream(const v1::Suppression& suppression, int64_t now_micros, absl::string_view stream);

// Sets the state of each cause to what it is worth now.
void SetStatesAt(int64_t now_micros, v1::Suppression* suppression);

}  // namespace suppressd
