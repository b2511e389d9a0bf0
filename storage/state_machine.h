// The state machine: what a command does to one entry. Pure and deterministic: the same commands in the same order give
// the same entries; the only time is the command's.
#pragma once

#include <cstdint>

#include "storage/stored.h"
#include "suppression/v1/errors.pb.h"

namespace suppression {

// Most causes of one entry. Bounces always fit (8 reasons, hard and soft), and so does the complaint about all mail;
// entries of before this was so may hold 64 others, and up to 17 more.
inline constexpr int kCausesMax = 64;
// Most causes beside those: complaints about a stream, unsubscriptions, causes set by hand. When they are that many,
// the one that no longer counts and has the oldest last event makes room for a new one; what was done to it is in the
// audit trail.
inline constexpr int kOtherCausesMax = kCausesMax - 2 * 8 - 1;
// Most days a soft-bounce counter remembers.
inline constexpr int kSoftCounterDaysMax = 366;

// Applies one recipient's part of a report. Sets event->effect. Refuses nothing: a complaint about a stream that finds
// no room counts as one about all mail.
void ApplyReport(const stored::PolicyDecision& decision, int64_t at_micros, v1::BounceEvent* event,
                 stored::StoredEntry* entry);

// Adds or refreshes a cause set by hand. `changed` tells whether it newly counts. Returns ERROR_REASON_UNSPECIFIED or
// TOO_MANY_CAUSES (all of kOtherCausesMax count) with nothing changed.
v1::ErrorReason ApplySuppress(const stored::SuppressOperation& operation, int64_t at_micros, stored::StoredEntry* entry,
                              bool* changed);

// Lifts the selected causes, all or none. `changed` tells whether any was active. Returns ERROR_REASON_UNSPECIFIED or
// CONSENT_REQUIRED with nothing changed.
v1::ErrorReason ApplyReactivate(const stored::ReactivateOperation& operation, const std::string& actor,
                                int64_t at_micros, stored::StoredEntry* entry, bool* changed);

}  // namespace suppression
