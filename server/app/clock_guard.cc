#include "server/app/clock_guard.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/error.h"

namespace suppressd {
namespace {

// Nobody ran this program before: a machine without a battery starts in 1970.
const absl::Time kEarliest = absl::FromUnixSeconds(1'767'225'600);  // 2026-01-01

std::string Day(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M", time, absl::UTCTimeZone());
}

}  // namespace

ClockGuard::ClockGuard(const ClockGuardOptions& options) : options_(options) {
  absl::MutexLock lock(&mutex_);
  at_ = options_.steady_clock();
  now_ = std::max(kEarliest, options_.newest.value_or(kEarliest));
  if (options_.accepted) {
    now_ = options_.wall_clock();
    started_ = true;
  }
  Update();
}

void ClockGuard::Update() {
  const SteadyTime steady = options_.steady_clock();
  const absl::Duration elapsed = std::max(absl::ZeroDuration(), steady - at_);
  const absl::Time wall = options_.wall_clock();
  const absl::Duration ahead = wall - (now_ + elapsed);
  const bool any_pause = options_.any_pause || !options_.newest.has_value();
  const absl::Duration ahead_max = started_ ? kClockStepMax : any_pause ? absl::InfiniteDuration() : kClockPauseMax;
  const bool believed = ahead <= ahead_max && ahead >= -kClockStepMax;
  started_ |= believed;
  offset_ = believed ? absl::ZeroDuration() : ahead;
  at_ = steady;
  if (!believed) {
    now_ += elapsed;
  } else {
    now_ = std::max(wall, now_ + elapsed / 2);
  }
}

absl::Time ClockGuard::Now() {
  absl::MutexLock lock(&mutex_);
  Update();
  return now_;
}

absl::Duration ClockGuard::offset() {
  absl::MutexLock lock(&mutex_);
  Update();
  return offset_;
}

absl::Status ClockGuard::status() {
  absl::MutexLock lock(&mutex_);
  Update();
  if (started_) return absl::OkStatus();
  const absl::Time wall = now_ + offset_;
  return MakeError(absl::StatusCode::kUnavailable, v1::CLOCK_SUSPECT,
                   absl::StrCat("the server's clock says ", Day(wall), ", the newest record is of ", Day(now_),
                                " (UTC); set the clock, or if it is right start the server with --accept_clock ",
                                absl::FormatTime("%Y-%m-%d", wall, absl::UTCTimeZone())));
}

}  // namespace suppressd
