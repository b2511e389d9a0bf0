// How RocksDB is set up: the settings that the durability promise rests on, and the compaction filters that forget what
// is past its time.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "rocksdb/db.h"
#include "rocksdb/options.h"
#include "storage/store_options.h"

namespace suppressd {

// The column families, in the order in which they are opened.
enum ColumnFamily { kDefault, kEntries, kByTime, kBounces, kChanges, kRequests, kAudit, kMeta, kColumnFamilies };

// A table file of a replica is finished at this size, in bytes.
inline constexpr uint64_t kReplicaTableBytes = 16 << 20;

// What compaction filters go by. Written when records are applied, read by compaction threads; never a clock, so that
// what is forgotten depends on the records alone. A filter drops only what no longer counts for any reader or writer.
struct RetentionCutoffs {
  // Index rows that were left at an earlier revision serve no listing any more.
  std::atomic<uint64_t> oldest_change{1};
  // Bounce events that were received at this time or before, in microseconds since 1970, do not count (log_settings.h).
  std::atomic<int64_t> bounces_after_micros{0};
  // Neither do idempotency records of this time or before.
  std::atomic<int64_t> requests_after_micros{0};
};

// Settings of the database and of each column family. `cutoffs` must outlive the database.
rocksdb::DBOptions RocksDbOptions(const StoreOptions& options, DatabaseKind kind);
std::vector<rocksdb::ColumnFamilyDescriptor> ColumnFamilyDescriptors(const StoreOptions& options, DatabaseKind kind,
                                                                     RetentionCutoffs* cutoffs);

}  // namespace suppressd
