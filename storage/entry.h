// Questions about an entry, answered at a given time. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "storage/stored.h"
#include "suppression/v1/suppression.pb.h"

namespace suppression {

// The state of a cause at a time: expiry is decided here and nowhere else. A cause expires at the very instant of
// expires_at.
v1::Cause::State StateAt(const v1::Cause& cause, int64_t now_micros);

// Whether a cause counts against mail of this stream now. An empty stream means mail that names none: only causes that
// apply to all mail match.
bool Matches(const v1::Cause& cause, int64_t now_micros, absl::string_view stream);

// Whether any cause counts now, in any stream.
bool SuppressedInAnyStream(const v1::Suppression& suppression, int64_t now_micros);

// Sets the state of each cause to what it is worth now.
void SetStatesAt(int64_t now_micros, v1::Suppression* suppression);

}  // namespace suppression
