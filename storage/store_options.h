// How a data directory is opened.
#pragma once

#include <cstdint>
#include <string>

namespace rocksdb {
class Env;
}

namespace suppressd {

// What a database holds: the list itself, which takes commands, or a replica of it. A directory is one or the other for
// ever.
enum class DatabaseKind { kList, kReplica };

struct StoreOptions {
  // The data directory; made when missing.
  std::string path;
  // Cache of uncompressed blocks, 8 to 1,048,576 MiB.
  int block_cache_mib = 256;
  // The change log keeps at most this many revisions (at least 1)...
  int64_t change_log_max_revisions = 5'000'000;
  // ... and none older than this (at least 1); except those that are pinned.
  int change_log_max_age_days = 7;
  // Bounce events are forgotten after this many days (at least 1). What decides results is in the log: this is what a
  // new list begins with; later changes are commands (stored::LogSettings).
  int bounce_retention_days = 400;
  // Idempotency records are forgotten after this many days (at least 7). As bounce_retention_days.
  int request_window_days = 8;
  // The file system; null: the system's. Tests inject faults here.
  rocksdb::Env* env = nullptr;
};

}  // namespace suppressd
