// The state machine: what a command does to one entry. Pure and deterministic: the same commands in the same order give
// the same entries; the only time is the command's.
#pragma once

#include <cstdint>

#include "storage/stored.h"
#include "suppression/v1/errors.pb.h"

namespace suppression {

// Most causes of one entry.
inline constexpr int kCausesMax = 64;
// Most days a soft-bounce counter remembers.
inline constexpr int kSoftCounterDaysMax = 366;

// Applies one recipient's part of a report. Sets event->effect. Returns ERROR_REASON_UNSPECIFIED when applied, or
// TOO_MANY_CAUSES with nothing changed.
v1::ErrorReason ApplyReport(const stored::PolicyDecision& decision, int64_t at_micros, v1::BounceEvent* event,
                            stored::StoredEntry* entry);

// Adds or refreshes a cause set by hand. `changed` tells whether it newly counts. Returns ERROR_REASON_UNSPECIFIED or
// TOO_MANY_CAUSES.
v1::ErrorReason ApplySuppress(const stored::SuppressOperation& operation, int64_t at_micros, stored::StoredEntry* entry,
                              bool* changed);

// Lifts the selected causes, all or none. `changed` tells whether any was active. Returns ERROR_REASON_UNSPECIFIED or
// CONSENT_REQUIRED with nothing changed.
v1::ErrorReason ApplyReactivate(const stored::ReactivateOperation& operation, const std::string& actor,
                                int64_t at_micros, stored::StoredEntry* entry, bool* changed);

}  // namespace suppression
