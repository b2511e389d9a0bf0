#include "storage/head_signal.h"

#include <vector>

namespace suppressd {

void HeadSignal::Publish(uint64_t head) {
  absl::MutexLock lock(&mutex_);
  head_.store(head, std::memory_order_release);
}

void HeadSignal::Wake() {
  std::vector<std::function<void()>> due;
  {
    absl::MutexLock lock(&mutex_);
    const uint64_t head = head_.load(std::memory_order_relaxed);
    for (auto it = waiting_.begin(); it != waiting_.end();) {
      if (it->second.first <= head) {
        due.push_back(std::move(it->second.second));
        it = waiting_.erase(it);
      } else {
        ++it;
      }
    }
  }
  for (const auto& callback : due) callback();
}

void HeadSignal::GiveUp() {
  std::map<uint64_t, std::pair<uint64_t, std::function<void()>>> left;
  {
    absl::MutexLock lock(&mutex_);
    left.swap(waiting_);
  }
  for (const auto& [id, waiting] : left) waiting.second();
}

uint64_t HeadSignal::CallAt(uint64_t revision, std::function<void()> callback) {
  uint64_t id;
  {
    absl::MutexLock lock(&mutex_);
    id = next_id_++;
    if (head() < revision) {
      waiting_.emplace(id, std::make_pair(revision, std::move(callback)));
      return id;
    }
  }
  callback();
  return id;
}

bool HeadSignal::Cancel(uint64_t id) {
  absl::MutexLock lock(&mutex_);
  return waiting_.erase(id) > 0;
}

}  // namespace suppressd
