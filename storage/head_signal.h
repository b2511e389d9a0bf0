// The newest revision that reads see, and a way to be told when it moves on.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace suppressd {

// Thread-safe.
class HeadSignal {
 public:
  explicit HeadSignal(uint64_t head) : head_(head) {}

  // Everything up to this revision is visible to reads that start now.
  uint64_t head() const { return head_.load(std::memory_order_acquire); }

  // Moves the head on: reads that start now see everything up to it. Only the writer calls it.
  void Publish(uint64_t head);
  // Runs the callbacks that waited for what the head is now, on this thread. After each Publish, once those who wrote
  // were answered.
  void Wake();
  // Both.
  void Advance(uint64_t head) {
    Publish(head);
    Wake();
  }

  // Runs `callback` once, as soon as the head is at least `revision`: at once, on this thread, when it is already;
  // otherwise on the thread of Wake (or GiveUp), so it must be quick and must not call Cancel on itself. Returns an
  // id for Cancel.
  uint64_t CallAt(uint64_t revision, std::function<void()> callback);

  // Runs all callbacks that wait, on this thread, though their revision was not reached: the server closes.
  void GiveUp();

  // Forgets a callback. False when it has run or is about to.
  bool Cancel(uint64_t id);

 private:
  std::atomic<uint64_t> head_;
  absl::Mutex mutex_;
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<uint64_t, std::pair<uint64_t, std::function<void()>>> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace suppressd
