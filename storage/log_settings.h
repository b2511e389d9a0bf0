// What decides results beside the commands (stored::LogSettings), and what follows from it. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

#include "storage/stored.h"

namespace suppressd {

// How commands are applied. A new one comes with a record in the log, once every server can.
inline constexpr int kStateMachineVersion = 1;

// Idempotency records of this log time or before do not count at a log time, whether compaction has dropped them or
// not.
inline int64_t RequestsAfter(const stored::LogSettings& settings, int64_t log_time_micros) {
  return std::max(settings.requests_after_micros(), log_time_micros - settings.request_window_days() * kMicrosPerDay);
}

// Neither do bounce events that were received then or before.
inline int64_t BouncesAfter(const stored::LogSettings& settings, int64_t log_time_micros) {
  return std::max(settings.bounces_after_micros(), log_time_micros - settings.bounce_retention_days() * kMicrosPerDay);
}

// Changes settings at a log time. What was past its time stays so, for it may be gone.
inline void ChangeSettings(const stored::LogSettings& change, int64_t log_time_micros, stored::LogSettings* settings) {
  settings->set_requests_after_micros(RequestsAfter(*settings, log_time_micros));
  settings->set_bounces_after_micros(BouncesAfter(*settings, log_time_micros));
  if (change.request_window_days() > 0) settings->set_request_window_days(change.request_window_days());
  if (change.bounce_retention_days() > 0) settings->set_bounce_retention_days(change.bounce_retention_days());
  if (change.state_machine_version() > 0) settings->set_state_machine_version(change.state_machine_version());
}

}  // namespace suppressd
