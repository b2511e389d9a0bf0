#include "server/drain.h"

#include <algorithm>

#include "absl/time/clock.h"

namespace suppression {

bool Drain::Enter() {
  // Counted before the look at draining_, so that Await cannot miss a call that was let in.
  in_flight_.fetch_add(1);
  if (!draining_.load()) return true;
  turned_away_.fetch_add(1);
  Leave();
  return false;
}

void Drain::Leave() {
  if (in_flight_.fetch_sub(1) > 1 || !draining_.load()) return;
  absl::MutexLock lock(&mutex_);
  left_.SignalAll();
}

void Drain::Begin() {
  draining_.store(true);
}

void Drain::Await(absl::Time deadline) {
  const absl::Time noticed = std::min(deadline, absl::Now() + kDrainNoticeMax);
  absl::MutexLock lock(&mutex_);
  for (;;) {
    while (in_flight_.load() > 0) {
      if (left_.WaitWithDeadline(&mutex_, deadline)) return;
    }
    const absl::Time quiet = absl::Now() + kDrainQuiet;
    if (quiet > noticed) return;
    const int64_t before = turned_away_.load();
    while (!left_.WaitWithDeadline(&mutex_, quiet)) {
    }
    if (in_flight_.load() == 0 && turned_away_.load() == before) return;
  }
}

}  // namespace suppression
