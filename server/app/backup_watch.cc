#include "server/app/backup_watch.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/log.h"
#include "server/base/steady_time.h"

namespace suppressd {
namespace {

// How often is looked whether something is to be done.
constexpr absl::Duration kLookInterval = absl::Minutes(1);
constexpr absl::Duration kPruneInterval = absl::Hours(1);

void LogMade(const CreatedBackup& made, absl::Duration took) {
  LogInfo("backup_made", {{"id", absl::StrCat(made.backup.id)},
                          {"revision", absl::StrCat(made.backup.state.revision)},
                          {"bytes", absl::StrCat(made.backup.size_bytes)},
                          {"deleted", absl::StrCat(made.deleted_count)},
                          {"seconds", absl::StrCat(absl::ToInt64Seconds(took))}});
}

void LogUndeleted(const absl::Status& status) {
  if (!status.ok()) LogError("backups_not_deleted", {{"error", std::string(status.message())}});
}

}  // namespace

BackupWatch::BackupWatch(Backups* backups, BackupWatchOptions options)
    : backups_(backups), options_(std::move(options)), began_(SteadyPoint()) {
  thread_ = std::thread([this] { Run(); });
}

void BackupWatch::Stop() {
  backups_->Stop();
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  stopped_.Notify();
  if (thread_.joinable()) thread_.join();
}

void BackupWatch::Run() {
  while (true) {
    {
      const Heartbeat::Work work(&beat_);
      Step();
    }
    absl::MutexLock lock(&mutex_);
    if (stopped_.AwaitFor(&mutex_, kLookInterval, [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return stopping_; })) {
      return;
    }
  }
}

void BackupWatch::Step() {
  const absl::Status seen = backups_->Look();
  const std::optional<absl::Time> now = options_.now();
  if (!now.has_value()) return;
  if (IsDue(*now)) return Make(*now);
  if (!seen.ok()) {
    unreadable_ = true;
    return Take(seen, "backups_unreadable");
  }
  if (std::exchange(unreadable_, false)) Take(absl::OkStatus(), "");
  Prune(*now);
}

// A backup from far ahead was made while the clock was.
bool BackupWatch::IsDue(absl::Time now) const {
  if (options_.interval == absl::ZeroDuration() || SteadyPoint() < not_before_) return false;
  const std::optional<BackupNote> newest = backups_->newest();
  if (!newest.has_value()) return true;
  const absl::Duration age = now - absl::FromUnixMicros(newest->created_micros);
  return age >= options_.interval || age < -options_.interval;
}

void BackupWatch::Make(absl::Time now) {
  const absl::Time began = SteadyPoint();
  const absl::StatusOr<CreatedBackup> made = backups_->Create(absl::ToUnixMicros(now));
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) return;
  }
  if (made.ok()) {
    LogMade(*made, SteadyPoint() - began);
    LogUndeleted(made->pruned);
    prune_at_ = SteadyPoint() + kPruneInterval;
    return Take(absl::OkStatus(), "");
  }
  not_before_ = SteadyPoint() + kBackupRetryAfter;
  Take(absl::OkStatus(), "");  // each failure is told of
  Take(made.status(), "backup_failed");
}

void BackupWatch::Prune(absl::Time now) {
  if (SteadyPoint() < prune_at_ || !backups_->newest().has_value()) return;
  prune_at_ = SteadyPoint() + kPruneInterval;
  const absl::StatusOr<int> pruned = backups_->Prune(absl::ToUnixMicros(now));
  if (pruned.ok() && *pruned > 0) LogInfo("backups_deleted", {{"count", absl::StrCat(*pruned)}});
  LogUndeleted(pruned.status());
}

void BackupWatch::Take(const absl::Status& status, const char* event) {
  {
    absl::MutexLock lock(&mutex_);
    if (status == trouble_) return;
    trouble_ = status;
  }
  if (!status.ok()) LogError(event, {{"error", std::string(status.message())}});
}

absl::Duration BackupWatch::age() const {
  const std::optional<BackupNote> newest = backups_->newest();
  if (!newest.has_value()) return SteadyPoint() - began_;
  return std::max(absl::ZeroDuration(), absl::Now() - absl::FromUnixMicros(newest->created_micros));
}

absl::Duration BackupWatch::late_after() const {
  return options_.interval == absl::ZeroDuration() ? kAskedBackupLateAfter : 2 * options_.interval;
}

absl::Status BackupWatch::trouble() const {
  absl::MutexLock lock(&mutex_);
  return trouble_;
}

}  // namespace suppressd
