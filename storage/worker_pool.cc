#include "storage/worker_pool.h"

#include <algorithm>
#include <utility>

namespace suppressd {

WorkerPool::WorkerPool(int threads) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this, beat = &beats_.emplace_back()] { Work(beat); });
  }
}

void WorkerPool::Close() {
  {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void WorkerPool::Run(std::function<void()> work) {
  absl::MutexLock lock(&mutex_);
  queue_.push_back({std::move(work), SteadyClock::now()});
}

absl::Duration WorkerPool::busy() const {
  absl::Duration longest;
  for (const Heartbeat& beat : beats_) longest = std::max(longest, beat.busy());
  return longest;
}

void WorkerPool::Work(Heartbeat* beat) {
  while (true) {
    Item item;
    {
      absl::MutexLock lock(&mutex_, absl::Condition(this, &WorkerPool::HasWork));
      if (queue_.empty()) return;
      item = std::move(queue_.front());
      queue_.pop_front();
    }
    const SteadyClock::time_point begun = SteadyClock::now();
    times_.queued.Record(absl::FromChrono(begun - item.since));
    {
      const Heartbeat::Work work(beat);
      item.work();
      item.work = nullptr;  // what it holds is let go here
    }
    times_.worked.Record(TimeSince(begun));
  }
}

}  // namespace suppressd
