// A file system under RocksDB whose reads and writes end when somebody says so: work that RocksDB itself cannot be
// told to break off, such as verifying a backup, ends with an error within one read.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "rocksdb/file_system.h"

namespace suppressd {

// Thread-safe.
class StoppableFiles : public rocksdb::FileSystemWrapper {
 public:
  // From when on `stop` says true, reads and writes fail with ABORTED. It is called at each, on any thread.
  StoppableFiles(const std::shared_ptr<rocksdb::FileSystem>& files, std::function<bool()> stop)
      : FileSystemWrapper(files), stop_(std::move(stop)) {}
  const char* Name() const override { return "StoppableFiles"; }

  rocksdb::IOStatus NewSequentialFile(const std::string& name, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* result,
                                      rocksdb::IODebugContext* context) override {
    rocksdb::IOStatus status = FileSystemWrapper::NewSequentialFile(name, options, result, context);
    if (status.ok()) *result = std::make_unique<SequentialFile>(std::move(*result), this);
    return status;
  }
  rocksdb::IOStatus NewRandomAccessFile(const std::string& name, const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                        rocksdb::IODebugContext* context) override {
    rocksdb::IOStatus status = FileSystemWrapper::NewRandomAccessFile(name, options, result, context);
    if (status.ok()) *result = std::make_unique<RandomAccessFile>(std::move(*result), this);
    return status;
  }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* context) override {
    rocksdb::IOStatus status = FileSystemWrapper::NewWritableFile(name, options, result, context);
    if (status.ok()) *result = std::make_unique<WritableFile>(std::move(*result), this);
    return status;
  }

 private:
  rocksdb::IOStatus MayGoOn() const {
    return stop_() ? rocksdb::IOStatus::Aborted("stopped") : rocksdb::IOStatus::OK();
  }

  class SequentialFile : public rocksdb::FSSequentialFileOwnerWrapper {
   public:
    SequentialFile(std::unique_ptr<rocksdb::FSSequentialFile> file, const StoppableFiles* files)
        : FSSequentialFileOwnerWrapper(std::move(file)), files_(files) {}
    rocksdb::IOStatus Read(size_t bytes, const rocksdb::IOOptions& options, rocksdb::Slice* result, char* scratch,
                           rocksdb::IODebugContext* context) override {
      if (rocksdb::IOStatus status = files_->MayGoOn(); !status.ok()) return status;
      return FSSequentialFileOwnerWrapper::Read(bytes, options, result, scratch, context);
    }

   private:
    const StoppableFiles* const files_;
  };

  class RandomAccessFile : public rocksdb::FSRandomAccessFileOwnerWrapper {
   public:
    RandomAccessFile(std::unique_ptr<rocksdb::FSRandomAccessFile> file, const StoppableFiles* files)
        : FSRandomAccessFileOwnerWrapper(std::move(file)), files_(files) {}
    rocksdb::IOStatus Read(uint64_t offset, size_t bytes, const rocksdb::IOOptions& options, rocksdb::Slice* result,
                           char* scratch, rocksdb::IODebugContext* context) const override {
      if (rocksdb::IOStatus status = files_->MayGoOn(); !status.ok()) return status;
      return FSRandomAccessFileOwnerWrapper::Read(offset, bytes, options, result, scratch, context);
    }

   private:
    const StoppableFiles* const files_;
  };

  class WritableFile : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    WritableFile(std::unique_ptr<rocksdb::FSWritableFile> file, const StoppableFiles* files)
        : FSWritableFileOwnerWrapper(std::move(file)), files_(files) {}
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* context) override {
      if (rocksdb::IOStatus status = files_->MayGoOn(); !status.ok()) return status;
      return FSWritableFileOwnerWrapper::Append(data, options, context);
    }
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             const rocksdb::DataVerificationInfo& info, rocksdb::IODebugContext* context) override {
      if (rocksdb::IOStatus status = files_->MayGoOn(); !status.ok()) return status;
      return FSWritableFileOwnerWrapper::Append(data, options, info, context);
    }

   private:
    const StoppableFiles* const files_;
  };

  const std::function<bool()> stop_;
};

}  // namespace suppressd
