// When the centre was last known to hold nothing that the replica lacks: what staleness is counted from. There is no
// clock in here: the time is a parameter.
#pragma once

#include <deque>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "storage/revision_token.h"

namespace suppression {

// Thread-safe.
class HeadTimes {
 public:
  // The centre, asked at this time, was at this state or an earlier one.
  void Seen(const RevisionToken& head, absl::Time asked_at);
  // A replica at this state was complete at that time: what it noted before it was stopped.
  void Noted(const RevisionToken& state, absl::Time complete_at);

  // The newest time at which a replica at this state held all that the centre had; nothing: not known.
  std::optional<absl::Time> CompleteAt(const RevisionToken& state) const;

 private:
  struct Head {
    RevisionToken head;
    absl::Time asked_at;
  };

  mutable absl::Mutex mutex_;
  // In the order of time. All but the newest that the replica has reached are forgotten, and of those it has not
  // reached only so many are kept.
  mutable std::deque<Head> heads_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace suppression
