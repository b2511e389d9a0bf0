#include "storage/worker_pool.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace suppressd {

WorkerPool::WorkerPool(int threads, int nice) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this, nice, beat = &beats_.emplace_back()] { Work(beat, nice); });
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
  queue_.push_back({std::move(work), WorkClock::now()});
}

absl::Duration WorkerPool::busy() const {
  absl::Duration longest;
  for (const Heartbeat& beat : beats_) longest = std::max(longest, beat.busy());
  return longest;
}

void WorkerPool::Work(Heartbeat* beat, int nice) {
  // Of this thread alone. Where the system does not do it, all are favoured alike.
  if (nice > 0) setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), nice);
  while (true) {
    Item item;
    {
      absl::MutexLock lock(&mutex_, absl::Condition(this, &WorkerPool::HasWork));
      if (queue_.empty()) return;
      item = std::move(queue_.front());
      queue_.pop_front();
    }
    const WorkClock::time_point begun = WorkClock::now();
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
