// One event told of more than once: a bounce message that is read again, or that tells of what an SMTP reply or a line
// of a log has told already. Pure.
#pragma once

#include <cstdint>

#include "storage/stored.h"

namespace suppressd {

// Most events that are remembered under one identity: an SMTP reply a day, for longer than anybody retries.
inline constexpr int kKnownEventsMax = 32;

// Whether a report tells of an event that is known; both have the same identity, which is not empty.
// - At most one event a day: the same mail, the same recipient, the same verdict.
// - A bounce message tells of any SMTP reply about that mail, and the reverse; SMTP replies of several days are several
//   attempts.
// - What came too late to count stands for nothing but itself, with the times it claims: else a forged mail of an old
//   date could silence a genuine one.
bool IsKnownEvent(const v1::BounceEvent& known, const stored::RecipientReport& told);

// Whether the event may have been reported before what is remembered of requests begins (RequestsAfter), so that only
// the history of the address can tell. Servers' clocks may be a day apart.
bool MayBeForgotten(const stored::RecipientReport& told, int64_t requests_after_micros);

// Adds an event, as far as IsKnownEvent and the answer to a repeat need it.
void AddKnownEvent(const v1::BounceEvent& event, stored::StoredRequest* known);

}  // namespace suppressd
