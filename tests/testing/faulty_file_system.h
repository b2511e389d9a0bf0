// A file system under RocksDB that can run full, fail or hang, and that knows what a power cut would leave: of every
// file, only what was synced.
#pragma once

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"

namespace suppressd {

// Thread-safe.
class FaultyFileSystem : public rocksdb::FileSystemWrapper {
 public:
  FaultyFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "FaultyFileSystem"; }

  // From now on every write fails with ENOSPC, or no longer.
  void SetFull(bool full) {
    absl::MutexLock lock(&mutex_);
    full_ = full;
  }
  enum class Operation { kCreate, kAppend, kSync };
  // From now on this operation fails with EIO on files with this in their name. Half of what was to be appended stands
  // there then; what was to be synced stands there, and a power cut would take it.
  void FailAt(const std::string& part, Operation operation) {
    absl::MutexLock lock(&mutex_);
    failing_part_ = part;
    failing_operation_ = operation;
  }
  void Heal() {
    absl::MutexLock lock(&mutex_);
    failing_part_.clear();
    full_ = false;
  }
  // From now on a sync does not return, or all return that did not.
  void SetHanging(bool hanging) {
    absl::MutexLock lock(&mutex_);
    hanging_ = hanging;
  }
  // Waits until a sync does not return.
  void AwaitHanging() {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](int* waiting) { return *waiting > 0; }, &waiting_));
  }
  // From now on no file can be opened to be read, as where a process has too many open.
  void SetUnreadable(bool unreadable) {
    absl::MutexLock lock(&mutex_);
    unreadable_ = unreadable;
  }
  rocksdb::IOStatus NewSequentialFile(const std::string& name, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* result,
                                      rocksdb::IODebugContext* context) override {
    {
      absl::MutexLock lock(&mutex_);
      if (unreadable_) return rocksdb::IOStatus::IOError("Too many open files");
    }
    return FileSystemWrapper::NewSequentialFile(name, options, result, context);
  }
  // Cuts every file back to what was synced. Call it when the database is closed.
  void LoseUnsyncedData() {
    absl::MutexLock lock(&mutex_);
    for (const auto& [name, bytes] : synced_) {
      std::error_code error;
      if (std::filesystem::exists(name, error) && std::filesystem::file_size(name, error) > bytes) {
        std::filesystem::resize_file(name, bytes, error);
      }
    }
  }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* context) override {
    if (rocksdb::IOStatus failed = Try(name, Operation::kCreate); !failed.ok()) return failed;
    rocksdb::IOStatus status = FileSystemWrapper::NewWritableFile(name, options, result, context);
    if (!status.ok()) return status;
    Synced(name, 0);
    *result = std::make_unique<File>(std::move(*result), name, this);
    return status;
  }
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* context) override {
    rocksdb::IOStatus status = FileSystemWrapper::RenameFile(from, to, options, context);
    absl::MutexLock lock(&mutex_);
    if (const auto found = synced_.find(from); status.ok() && found != synced_.end()) {
      synced_[to] = found->second;
      synced_.erase(from);
    }
    return status;
  }

 private:
  class File : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    File(std::unique_ptr<rocksdb::FSWritableFile> file, std::string name, FaultyFileSystem* system)
        : FSWritableFileOwnerWrapper(std::move(file)), name_(std::move(name)), system_(system) {}
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* context) override {
      if (rocksdb::IOStatus failed = TryToAppend(data, options, context); !failed.ok()) return failed;
      size_ += data.size();
      return FSWritableFileOwnerWrapper::Append(data, options, context);
    }
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             const rocksdb::DataVerificationInfo& info, rocksdb::IODebugContext* context) override {
      if (rocksdb::IOStatus failed = TryToAppend(data, options, context); !failed.ok()) return failed;
      size_ += data.size();
      return FSWritableFileOwnerWrapper::Append(data, options, info, context);
    }
    rocksdb::IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* context) override {
      if (rocksdb::IOStatus failed = system_->Try(name_, Operation::kSync); !failed.ok()) return failed;
      system_->Synced(name_, size_);
      return FSWritableFileOwnerWrapper::Sync(options, context);
    }
    rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* context) override {
      if (rocksdb::IOStatus failed = system_->Try(name_, Operation::kSync); !failed.ok()) return failed;
      system_->Synced(name_, size_);
      return FSWritableFileOwnerWrapper::Fsync(options, context);
    }

   private:
    rocksdb::IOStatus TryToAppend(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                                  rocksdb::IODebugContext* context) {
      rocksdb::IOStatus failed = system_->Try(name_, Operation::kAppend);
      if (!failed.ok() && !failed.IsNoSpace()) {
        const rocksdb::Slice half(data.data(), data.size() / 2);
        FSWritableFileOwnerWrapper::Append(half, options, context).PermitUncheckedError();
      }
      return failed;
    }

    const std::string name_;
    FaultyFileSystem* const system_;
    uint64_t size_ = 0;
  };

  // OK when this may be done now; waits while it hangs.
  rocksdb::IOStatus Try(const std::string& name, Operation operation) {
    const auto goes_on = [this, operation] { return !hanging_ || operation != Operation::kSync; };
    absl::MutexLock lock(&mutex_);
    ++waiting_;
    mutex_.Await(absl::Condition(&goes_on));
    --waiting_;
    if (full_) return rocksdb::IOStatus::NoSpace("disk full");
    const bool fails = !failing_part_.empty() && operation == failing_operation_ &&
                       std::filesystem::path(name).filename().string().find(failing_part_) != std::string::npos;
    return fails ? rocksdb::IOStatus::IOError("injected", std::strerror(EIO)) : rocksdb::IOStatus::OK();
  }
  void Synced(const std::string& name, uint64_t bytes) {
    absl::MutexLock lock(&mutex_);
    synced_[name] = bytes;
  }

  absl::Mutex mutex_;
  bool full_ = false;
  bool hanging_ = false;
  int waiting_ ABSL_GUARDED_BY(mutex_) = 0;  // operations that do not return
  std::string failing_part_;                 // empty: nothing fails
  Operation failing_operation_ = Operation::kAppend;
  bool unreadable_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, uint64_t> synced_;
};

}  // namespace suppressd
