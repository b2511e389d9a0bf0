// What all that changes the causes of an entry share. Pure and deterministic, as the state machine is
// (state_machine.h).
#pragma once

#include <cstdint>
#include <string>

#include "storage/stored.h"

namespace suppressd {

bool IsBounce(v1::Cause::Type type);
// Whether only its owner's consent lifts it.
bool NeedsConsent(const v1::Cause& cause);

// Null: there is none.
v1::Cause* FindCause(v1::Suppression* suppression, v1::Cause::Type type, v1::BounceReason reason,
                     const std::string& stream);
// The cause an event belongs to, made if need be. Null: there is no room (kOtherCausesMax); never for one with a
// reserved place.
v1::Cause* CauseFor(v1::Cause::Type type, v1::BounceReason reason, const std::string& stream, int64_t at_micros,
                    v1::Suppression* suppression);
// Makes a cause count again. Its old reactivation stays in the audit trail.
void Activate(v1::Cause* cause);
// Counts an event into a cause. Events may come out of order: the newest one gives source and rule.
void AddEvent(const v1::BounceEvent& event, v1::Cause* cause);
// Notes listed_at when the entry went from not suppressed to suppressed; `at_micros`: now, in log time.
void NoteListing(bool was_suppressed, int64_t at_micros, int64_t listed_at_micros, v1::Suppression* suppression);

}  // namespace suppressd
