// The state machine: what a command does to one entry. Pure and deterministic: the same records in the same order give
// the same entries; the only times are log time and what the records say.
#pragma once

#include <cstdint>

#include "storage/stored.h"
#include "suppressd/v1/errors.pb.h"

namespace suppressd {

// Most causes of one entry. Bounces always fit (8 reasons, hard and soft), and so does the complaint about all mail;
// entries of before this was so may hold 64 others, and up to 17 more.
inline constexpr int kCausesMax = 64;
// Most causes beside those: complaints about a stream, unsubscriptions, causes set by hand. When they are that many,
// the one that no longer counts and has the oldest last event makes room for a new one; what was done to it is in the
// audit trail.
inline constexpr int kOtherCausesMax = kCausesMax - 2 * 8 - 1;
// Most days a soft-bounce counter remembers.
inline constexpr int kSoftCounterDaysMax = 366;

// When something is applied, in microseconds since 1970.
struct ApplyTime {
  // Log time: greater than that of every record before. What the state remembers is of this time.
  int64_t log_micros = 0;
  // The same moment by the clock of the server that made the command; log time is ahead of it where that clock is
  // behind another server's, or was set back. Times that an event claims are by this clock.
  int64_t event_micros = 0;

  // A time that an event claims, as log time.
  int64_t InLog(int64_t claimed_micros) const { return claimed_micros + (log_micros - event_micros); }
};

// Applies one recipient's part of a report. Sets event->effect. Refuses nothing: a complaint about a stream that finds
// no room counts as one about all mail.
void ApplyReport(const stored::PolicyDecision& decision, const ApplyTime& time, v1::BounceEvent* event,
                 stored::StoredEntry* entry);

// Adds or refreshes a cause set by hand. `changed` tells whether it newly counts. Returns ERROR_REASON_UNSPECIFIED or
// TOO_MANY_CAUSES (all of kOtherCausesMax count) with nothing changed.
v1::ErrorReason ApplySuppress(const stored::SuppressOperation& operation, int64_t at_micros, stored::StoredEntry* entry,
                              bool* changed);

// Lifts the selected causes, all or none. `changed` tells whether any was active. Returns ERROR_REASON_UNSPECIFIED or
// CONSENT_REQUIRED with nothing changed.
v1::ErrorReason ApplyReactivate(const stored::ReactivateOperation& operation, const stored::Command& by,
                                int64_t at_micros, stored::StoredEntry* entry, bool* changed);

}  // namespace suppressd
