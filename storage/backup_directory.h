// A directory of backups: whose it is, that only one process writes it, and which of its backups are complete.
//
//   DIR/FORMAT     text: "suppressd backup directory", "format 1"
//   DIR/LOCK       held with flock: by one who writes, or by any number who read
//   DIR/notes/N    text with a checksum: what backup N holds. Written last: a backup without its note is none
//   DIR/meta/N     RocksDB's list of the files of backup N; the files are in private/ and shared_checksum/
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/revision_token.h"

namespace suppressd {

// The first line of FORMAT.
inline constexpr char kBackupTitle[] = "suppressd backup directory";
// The format of the directory that this program reads and writes.
inline constexpr int kBackupFormat = 1;
// More backups than these are neither kept nor read.
inline constexpr int kBackupsMax = 1'000;

// What a backup holds.
struct BackupNote {
  // Its number: from 1 on, in ascending order of their making.
  uint32_t id = 0;
  // When it was made, in microseconds since 1970.
  int64_t created_micros = 0;
  // The state: lineage and newest revision.
  RevisionToken state;
  // Log time of that state, in microseconds since 1970.
  int64_t log_time_micros = 0;
  // Its size in bytes; what it shares with others counts in each.
  int64_t size_bytes = 0;
  // SHA-256 (32 bytes) over what the database says of itself (DatabaseFacts).
  std::string meta_sha256;
};

// Held open; releases the lock when destroyed. For one thread at a time.
class BackupDirectory {
 public:
  enum class Use { kRead, kWrite };

  // Opens it; to be written, makes it where it is missing or empty. FAILED_PRECONDITION and one clear sentence when it
  // is not ours, newer than us, or in use: by another process that writes, or, to be written, by any. The matching code
  // when the system refuses.
  static absl::StatusOr<std::unique_ptr<BackupDirectory>> Open(const std::string& path, Use use);
  // Whether Open could take it for ours, as far as can be told without touching it: FAILED_PRECONDITION where it holds
  // something else. OK where it is missing or cannot be read: that may pass.
  static absl::Status Check(const std::string& path);

  ~BackupDirectory();
  BackupDirectory(const BackupDirectory&) = delete;
  BackupDirectory& operator=(const BackupDirectory&) = delete;

  // Absolute: RocksDB opens backups by such paths only.
  const std::string& path() const { return path_; }
  // The notes that are whole and fit to RocksDB's list of files beside them, the newest backup first; at most
  // kBackupsMax.
  absl::StatusOr<std::vector<BackupNote>> ReadNotes() const;
  // Notes durably that the backup is complete.
  absl::Status WriteNote(const BackupNote& note) const;
  // From now on, durably, it is no backup any more. OK when there was no such note.
  absl::Status RemoveNote(uint32_t id) const;

 private:
  BackupDirectory(std::string path, int lock_fd) : path_(std::move(path)), lock_fd_(lock_fd) {}

  std::string notes_path() const { return path_ + "/notes"; }
  // SHA-256 in hexadecimal digits of RocksDB's list of the files of a backup; empty: there is none.
  absl::StatusOr<std::string> FilesSha256(uint32_t id) const;

  const std::string path_;
  const int lock_fd_;
};

}  // namespace suppressd
