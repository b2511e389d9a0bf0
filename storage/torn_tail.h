// The end of a log that was being written when the power went.
//
// A file system may have noted the new length of a file before the data came: the last write, which nobody was told of
// yet, then reads as zeros. RocksDB calls that a damaged record and refuses the file; here it is found and cut off.
// Whether anything acknowledged is missing is for others to prove (Store: the noted head and the change log).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace suppressd {

// What was cut off a file, so that it can be put back.
struct TornTail {
  std::string path;
  uint64_t begin = 0;   // where it was cut, in bytes
  uint64_t size = 0;    // the length of the file before
  std::string content;  // what stood there before the zeros
};

// Cuts the last record off a file in RocksDB's log format (its write-ahead logs and MANIFEST), durably, when the record
// ends in zeros up to the end of the file. Nothing: it does not, and the file is as it was. An error of the system:
// the file may be either.
absl::StatusOr<std::optional<TornTail>> CutTornTail(const std::string& path);
// Makes the file what it was.
absl::Status PutBack(const TornTail& tail);

}  // namespace suppressd
