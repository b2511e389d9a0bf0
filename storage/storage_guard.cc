#include "storage/storage_guard.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "rocksdb/env.h"

namespace suppressd {
namespace {

constexpr size_t kProbeBytes = 64 << 10;
constexpr int64_t kBytesPerMib = 1 << 20;

}  // namespace

absl::StatusOr<int64_t> FreeBytes(const std::string& directory) {
  struct statvfs system = {};
  if (statvfs(directory.c_str(), &system) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot tell how much of ", directory, " is free"));
  }
  return static_cast<int64_t>(system.f_bavail) * static_cast<int64_t>(system.f_frsize);
}

StorageState StorageGuard::state() const {
  absl::MutexLock lock(&mutex_);
  return state_;
}

absl::Status StorageGuard::status() const {
  absl::MutexLock lock(&mutex_);
  return status_;
}

void StorageGuard::Look(absl::Time now) {
  const absl::StatusOr<int64_t> free = options_.free_bytes(options_.path);
  const int64_t free_bytes = free.value_or(-1);
  {
    absl::MutexLock lock(&mutex_);
    state_.free_bytes = free_bytes;
  }
  const absl::Status cause = Cause(now, free_bytes);
  if (status().ok()) {
    if (!cause.ok()) BeginShedding(cause, now);
    return;
  }
  ShedAll(status());  // a replica that was taken meanwhile does not know yet
  if (!LowSpace(free_bytes).ok() || !Probe()) {
    well_since_.reset();
    return;
  }
  if (!well_since_.has_value()) well_since_ = now;
  if (now - *well_since_ >= quiet_time_) Recover(now);
}

absl::Status StorageGuard::Cause(absl::Time now, int64_t free_bytes) const {
  absl::Status cause = LowSpace(free_bytes);
  for (const GuardedStorage& storage : guarded_) {
    const absl::Status trouble = storage.trouble(now);  // of each: a log gives up what is stuck
    if (!trouble.ok() && cause.ok()) cause = trouble;
  }
  return cause;
}

// Where writes are shed already a fourth more must be free, so that they do not come and go with every file.
absl::Status StorageGuard::LowSpace(int64_t free_bytes) const {
  const int64_t min_bytes = options_.min_free_mib * kBytesPerMib;
  const int64_t wanted = status().ok() ? min_bytes : min_bytes + min_bytes / 4;
  if (free_bytes < 0 || free_bytes >= wanted) return absl::OkStatus();
  return MakeError(absl::StatusCode::kUnavailable, v1::STORAGE_UNAVAILABLE,
                   absl::StrCat("storage refuses writes while less than ", options_.min_free_mib,
                                " MiB are free (--min_free_disk_mib); it takes them again by itself"));
}

bool StorageGuard::Probe() const {
  rocksdb::Env* const env = options_.env != nullptr ? options_.env : rocksdb::Env::Default();
  const std::string path = absl::StrCat(options_.path, "/PROBE");
  std::unique_ptr<rocksdb::WritableFile> file;
  rocksdb::Status written = env->NewWritableFile(path, &file, rocksdb::EnvOptions());
  if (written.ok()) written = file->Append(std::string(kProbeBytes, 'p'));
  if (written.ok()) written = file->Fsync();
  if (file != nullptr) {
    const rocksdb::Status closed = file->Close();
    if (written.ok()) written = closed;
  }
  env->DeleteFile(path).PermitUncheckedError();
  return written.ok();
}

void StorageGuard::BeginShedding(const absl::Status& why, absl::Time now) {
  if (recovered_at_.has_value() && now - *recovered_at_ < kSettledAfter) {
    DoubleQuietTime();
  } else {
    quiet_time_ = options_.quiet_time;
  }
  well_since_.reset();
  ShedAll(why);
  Enter(StoragePhase::kShedding, why, now);
}

void StorageGuard::Recover(absl::Time now) {
  Enter(StoragePhase::kRecovering, status(), now);
  absl::Status recovered;
  for (const GuardedStorage& storage : guarded_) {
    const absl::Status one = storage.recover();
    if (recovered.ok()) recovered = one;
  }
  if (recovered.ok()) {
    recovered_at_ = now;
    ShedAll(absl::OkStatus());
    return Enter(StoragePhase::kOk, absl::OkStatus(), now);
  }
  DoubleQuietTime();
  well_since_.reset();
  Enter(StoragePhase::kShedding,
        MakeError(absl::StatusCode::kUnavailable, v1::STORAGE_UNAVAILABLE,
                  absl::StrCat("storage refuses writes: ", recovered.message())),
        now);
}

void StorageGuard::ShedAll(const absl::Status& why) {
  for (const GuardedStorage& storage : guarded_) storage.shed(why);
}

void StorageGuard::Enter(StoragePhase phase, const absl::Status& why, absl::Time now) {
  StorageState entered;
  {
    absl::MutexLock lock(&mutex_);
    if (state_.phase == StoragePhase::kOk) ++state_.shed_count;
    state_.phase = phase;
    state_.since = now;
    state_.cause = std::string(why.message());
    status_ = why;
    entered = state_;
  }
  options_.changed(entered);
}

void StorageGuard::DoubleQuietTime() {
  quiet_time_ = std::min(2 * quiet_time_, std::max(kQuietTimeMax, options_.quiet_time));
}

}  // namespace suppressd
