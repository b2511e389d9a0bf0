#include "server/rpc/stream_pump.h"

#include <utility>

#include "server/base/steady_time.h"

namespace suppressd {

StreamPump::StreamPump() : thread_([this] { Work(); }) {}

StreamPump::~StreamPump() {
  {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
  }
  woken_.Notify();
  thread_.join();
}

void StreamPump::Run(std::function<void()> event) {
  {
    absl::MutexLock lock(&mutex_);
    queue_.push_back(std::move(event));
  }
  woken_.Notify();
}

uint64_t StreamPump::RunAt(absl::Time time, std::function<void()> event) {
  absl::MutexLock lock(&mutex_);
  const uint64_t id = next_id_++;
  const auto added = later_.emplace(std::make_pair(time, id), std::move(event)).first;
  times_.emplace(id, time);
  earlier_ |= added == later_.begin();
  woken_.Notify();
  return id;
}

void StreamPump::Cancel(uint64_t id) {
  std::function<void()> forgotten;  // what it holds is released outside the lock
  absl::MutexLock lock(&mutex_);
  const auto time = times_.find(id);
  if (time == times_.end()) return;
  const auto event = later_.find({time->second, id});
  forgotten = std::move(event->second);
  later_.erase(event);
  times_.erase(time);
}

void StreamPump::QueueDue() {
  earlier_ = false;
  const absl::Time now = SteadyPoint();
  while (!later_.empty() && later_.begin()->first.first <= now) {
    queue_.push_back(std::move(later_.begin()->second));
    times_.erase(later_.begin()->first.second);
    later_.erase(later_.begin());
  }
}

void StreamPump::Work() {
  while (true) {
    std::deque<std::function<void()>> due;
    {
      absl::MutexLock lock(&mutex_);
      const absl::Time next = later_.empty() ? absl::InfiniteFuture() : later_.begin()->first.first;
      woken_.AwaitFor(&mutex_, next - SteadyPoint(), [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return HasWork(); });
      QueueDue();
      if (queue_.empty() && closed_) return;
      due.swap(queue_);
    }
    const Heartbeat::Work work(&beat_);
    for (const std::function<void()>& event : due) event();
  }
}

}  // namespace suppressd
