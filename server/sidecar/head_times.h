// When the server was last known to hold nothing that the replica lacks: what staleness is counted from. There is no
// clock in here: the time is a parameter.
#pragma once

#include <deque>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/steady_time.h"
#include "storage/revision_token.h"

namespace suppressd {

// Thread-safe.
class HeadTimes {
 public:
  // The server, asked at this time, was at this state or an earlier one.
  void Seen(const RevisionToken& head, SteadyTime asked_at);
  // A replica at this state was complete at that time: what it noted before it was stopped.
  void Noted(const RevisionToken& state, SteadyTime complete_at);

  // The newest time at which a replica at this state held all that the server had; nothing: not known.
  std::optional<SteadyTime> CompleteAt(const RevisionToken& state) const;
  // How long ago that was; never negative.
  std::optional<absl::Duration> Staleness(const RevisionToken& state, SteadyTime now) const;

 private:
  struct Head {
    RevisionToken head;
    SteadyTime asked_at;
  };

  mutable absl::Mutex mutex_;
  // In the order of time. All but the newest that the replica has reached are forgotten, and of those it has not
  // reached only so many are kept.
  mutable std::deque<Head> heads_ ABSL_GUARDED_BY(mutex_);
};

// Sets the field staleness of a message, unless it is not known.
template <typename Message>
void SetStaleness(const HeadTimes& heads, const RevisionToken& state, SteadyTime now, Message* message) {
  const std::optional<absl::Duration> staleness = heads.Staleness(state, now);
  if (!staleness.has_value()) return;
  const int64_t nanos = absl::ToInt64Nanoseconds(*staleness);
  message->mutable_staleness()->set_seconds(nanos / 1'000'000'000);
  message->mutable_staleness()->set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
}

}  // namespace suppressd
