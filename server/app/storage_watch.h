// Looks after the disk of a server or sidecar, once a second, on threads of its own: a disk that hangs keeps nobody
// waiting but these. Logs what changes.
#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/steady_wait.h"
#include "server/app/options.h"
#include "storage/storage_guard.h"

namespace suppressd {

// Thread-safe; but Stop is for one thread.
class StorageWatch {
 public:
  // Looks once, before it returns: a disk that is full already is never trusted. `note` is called once
  // a second, on another thread, to write down what the disk is to know. What both use must outlive it.
  StorageWatch(const std::string& directory, const ServerOptions& options, std::vector<GuardedStorage> guarded,
               std::function<void()> note);
  // Stops and joins.
  ~StorageWatch() { Stop(); }
  // Returns when nothing that is guarded is used any more. Idempotent.
  void Stop();

  // OK, or why writes are refused: UNAVAILABLE (STORAGE_UNAVAILABLE).
  absl::Status status() const { return guard_.status(); }
  // For status pages and metrics. Its times are of SteadyPoint.
  StorageState state() const { return guard_.state(); }

 private:
  // Calls `work` once a second until Stop.
  void Repeat(const std::function<void()>& work);

  StorageGuard guard_;
  const std::function<void()> note_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  SteadyWait stopped_;
  std::thread looking_;
  std::thread noting_;
};

}  // namespace suppressd
