#include "server/rpc/drain.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "server/base/steady_time.h"

namespace suppressd {

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
  left_.Notify();
}

void Drain::Begin() {
  draining_.store(true);
}

void Drain::Await(absl::Time deadline) {
  const absl::Duration most = deadline - absl::Now();
  const absl::Time end = SteadyPoint() + most;
  const absl::Time noticed = SteadyPoint() + std::min(most, kDrainNoticeMax);
  absl::MutexLock lock(&mutex_);
  for (;;) {
    if (!left_.AwaitFor(&mutex_, end - SteadyPoint(), [&] { return in_flight_.load() == 0; })) return;
    if (SteadyPoint() + kDrainQuiet > noticed) return;
    const int64_t before = turned_away_.load();
    left_.AwaitFor(&mutex_, kDrainQuiet, [] { return false; });
    if (in_flight_.load() == 0 && turned_away_.load() == before) return;
  }
}

}  // namespace suppressd
