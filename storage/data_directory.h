// The data directory: whose it is, which format it has, and that only one process uses it.
//
//   DIR/FORMAT   text: "suppressd data directory" (or another kind), "format 2", "state ready"
//   DIR/HEAD     text: a revision that was durable, and when that was noted; fewer revisions in the database mean that
//   data was lost DIR/ACCEPT_LOSS   made by an operator: open with what can still be read, and drop the rest; removed
//   once that is done DIR/LOCK     held with flock while a process has the directory open DIR/db/      RocksDB
//   DIR/load/    while a replica loads its first snapshot: what is to become part of the database
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace suppressd {

// The format this program reads and writes. Format 1 was that of before the first release, and is not read.
inline constexpr int kStorageFormat = 2;

// What a directory is for. One of one kind is never taken for another.
enum class DirectoryKind {
  kStore,    // the list, or a replica of it
  kSidecar,  // a sidecar's replicas and outbox, each in a directory of its own; no database here
  kOutbox,   // reports that a sidecar has yet to deliver
};

// Makes a directory, and those above it, that only we may read, whatever the umask. One that exists stays as its owner
// made it. The matching code when the system refuses.
absl::Status MakePrivateDirectory(const std::string& path);

// A data directory held open. Releases the lock when destroyed. Not thread-safe.
class DataDirectory {
 public:
  // Opens or creates it. FAILED_PRECONDITION with one clear sentence when it belongs to another program, has another
  // format, is in use by another process, or has lost its database; the matching code when the system refuses
  // (permission, disk full).
  static absl::StatusOr<std::unique_ptr<DataDirectory>> Open(const std::string& path,
                                                             DirectoryKind kind = DirectoryKind::kStore);

  // Makes a directory to restore a backup into: Open refuses it until MarkReady. FAILED_PRECONDITION with one clear
  // sentence when it holds anything already; the matching code when the system refuses.
  static absl::StatusOr<std::unique_ptr<DataDirectory>> MakeForRestore(const std::string& path);

  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  // Where RocksDB lives.
  std::string database_path() const { return path_ + "/db"; }
  // Where a snapshot is made ready; not there once the directory is ready.
  std::string load_path() const { return path_ + "/load"; }
  // True until MarkReady: the database is to be created.
  bool is_new() const { return is_new_; }
  // Notes on disk, durably, that the database exists from now on.
  absl::Status MarkReady();
  // Deletes what was restored, when it did not come to its end: the directory is empty again, as far as the system
  // allows; what is left is refused.
  void DropRestored();

  // Whether the operator accepts that what cannot be read is lost.
  bool accepts_loss() const { return accepts_loss_; }
  // The loss was accepted and dealt with: the next start is strict again.
  absl::Status EndLoss();
  // DATA_LOSS with one sentence: this file (or directory) is damaged in this way, and what to do about it. The loss can
  // be accepted...
  absl::Status Damaged(absl::string_view file, absl::string_view how) const;
  // ... or only a backup helps.
  absl::Status DamagedBeyondUse(absl::string_view file, absl::string_view how) const;

  struct HeadNote {
    uint64_t revision = 0;
    int64_t at_micros = 0;  // when it was noted, by a clock that could be believed; zero: not known
  };
  // Notes on disk that everything up to this revision is durable.
  absl::Status NoteHead(uint64_t revision, int64_t at_micros = 0);
  // The note written last; nothing when it is missing. DATA_LOSS when it is damaged.
  absl::StatusOr<std::optional<HeadNote>> ReadHead() const;

 private:
  DataDirectory(std::string path, DirectoryKind kind, int lock_fd)
      : path_(std::move(path)), kind_(kind), lock_fd_(lock_fd) {}
  // Takes the lock. FAILED_PRECONDITION when another process has it.
  static absl::StatusOr<std::unique_ptr<DataDirectory>> Lock(const std::string& path, DirectoryKind kind);
  absl::Status ReadFormat();
  absl::Status WriteFormat(const char* state);

  const std::string path_;
  const DirectoryKind kind_;
  const int lock_fd_;
  bool is_new_ = false;
  bool accepts_loss_ = false;
};

}  // namespace suppressd
