#include "server/app/storage_watch.h"

#include <string>
#include <utility>

#include "server/base/log.h"
#include "server/base/steady_time.h"

namespace suppressd {
namespace {

constexpr absl::Duration kLookInterval = absl::Seconds(1);

void LogChange(const StorageState& state) {
  const std::string free_mib = state.free_bytes < 0 ? "unknown" : std::to_string(state.free_bytes >> 20);
  switch (state.phase) {
    case StoragePhase::kShedding:
      return LogError("storage_trouble", {{"cause", state.cause}, {"free_mib", free_mib}});
    case StoragePhase::kRecovering:
      return LogInfo("storage_recovering", {{"free_mib", free_mib}});
    case StoragePhase::kOk:
      return LogInfo("writes_taken_again");
  }
}

StorageGuardOptions GuardOptionsOf(const std::string& directory, const ServerOptions& options) {
  StorageGuardOptions guard;
  guard.path = directory;
  guard.min_free_mib = options.min_free_disk_mib;
  guard.env = options.store.env;
  guard.changed = LogChange;
  return guard;
}

}  // namespace

StorageWatch::StorageWatch(const std::string& directory, const ServerOptions& options,
                           std::vector<GuardedStorage> guarded, std::function<void()> note)
    : guard_(GuardOptionsOf(directory, options), std::move(guarded)), note_(std::move(note)) {
  guard_.Look(SteadyPoint());
  looking_ = std::thread([this] { Repeat([this] { guard_.Look(SteadyPoint()); }); });
  noting_ = std::thread([this] { Repeat(note_); });
}

void StorageWatch::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  stopped_.Notify();
  for (std::thread* thread : {&looking_, &noting_}) {
    if (thread->joinable()) thread->join();
  }
}

void StorageWatch::Repeat(const std::function<void()>& work) {
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      if (stopped_.AwaitFor(&mutex_, kLookInterval, [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return stopping_; })) {
        return;
      }
    }
    work();
  }
}

}  // namespace suppressd
