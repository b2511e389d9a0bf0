// The checkpoint of an import: how many rows of a file were taken, kept in a file of its own.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace suppressd::suppressctl {

// Not thread-safe.
class Checkpoint {
 public:
  // `path` empty: nothing is kept. FAILED_PRECONDITION: the checkpoint is of another file than `input_path`, or cannot
  // be read as one.
  static absl::StatusOr<Checkpoint> Open(const std::string& path, const std::string& input_path);

  // Rows that were taken before.
  int64_t rows() const { return rows_; }
  // Notes that so many were, durably. A failure only means that more is read again.
  absl::Status Note(int64_t rows);
  // The import is done: removes the file.
  void Remove();

 private:
  std::string path_;
  std::string sha256_;
  int64_t size_bytes_ = 0;
  int64_t rows_ = 0;
};

// Replaces a file as a whole, mode 0600: after a crash it is the old one or the new one.
absl::Status ReplaceFile(const std::string& path, const std::string& content);

}  // namespace suppressd::suppressctl
