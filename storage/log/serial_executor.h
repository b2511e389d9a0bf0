// A thread that runs what it is given, in order.
#pragma once

#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace suppression {

// Thread-safe. Its queue is bounded by those who use it.
class SerialExecutor {
 public:
  SerialExecutor();
  ~SerialExecutor();

  void Run(std::function<void()> work);
  // Runs what was given to it, then ends. What is given later is dropped. Idempotent; called by the destructor.
  void Close();

 private:
  void Work();
  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return closed_ || !queue_.empty(); }

  absl::Mutex mutex_;
  std::vector<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace suppression
