// Makes backups when they are due, and deletes those past their time, on a thread of its own: a disk that hangs or
// refuses keeps nobody waiting but this. Logs what becomes of each.
#pragma once

#include <functional>
#include <optional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/heartbeat.h"
#include "common/steady_wait.h"
#include "storage/backup.h"

namespace suppressd {

// After a failure the next attempt is made this much later.
inline constexpr absl::Duration kBackupRetryAfter = absl::Minutes(10);
// Where backups are made only when asked for, the newest counts as late when it is older than this.
inline constexpr absl::Duration kAskedBackupLateAfter = absl::Hours(8 * 24);

struct BackupWatchOptions {
  // How long after the newest backup the next one is made; zero: only when somebody asks.
  absl::Duration interval;
  // The time; nothing while the clock is not believed: then nothing is made or deleted.
  std::function<std::optional<absl::Time>()> now;
};

// Thread-safe; but Stop is for one thread.
class BackupWatch {
 public:
  // Begins. The backups must outlive it.
  BackupWatch(Backups* backups, BackupWatchOptions options);
  // Stops and joins.
  ~BackupWatch() { Stop(); }
  // Ends a backup that is being made, and returns when it has ended. Idempotent.
  void Stop();

  // How old the newest complete backup is, by the wall clock; where there is none, how long this has watched.
  absl::Duration age() const;
  // From which age on that is too old.
  absl::Duration late_after() const;
  // OK, or why the newest attempt failed or the directory cannot be read.
  absl::Status trouble() const;
  // How long the thread has been at its present work; zero: it waits.
  absl::Duration busy() const { return beat_.busy(); }

 private:
  void Run();
  void Step();
  bool IsDue(absl::Time now) const;
  void Make(absl::Time now);
  void Prune(absl::Time now);
  // Takes over how it went, and logs what is new.
  void Take(const absl::Status& status, const char* event);

  Backups* const backups_;
  const BackupWatchOptions options_;
  // By a clock that nobody can set.
  const absl::Time began_;
  absl::Time not_before_ = absl::InfinitePast();
  absl::Time prune_at_ = absl::InfinitePast();
  bool unreadable_ = false;  // what trouble_ tells of
  Heartbeat beat_;
  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status trouble_ ABSL_GUARDED_BY(mutex_);
  SteadyWait stopped_;
  std::thread thread_;
};

}  // namespace suppressd
