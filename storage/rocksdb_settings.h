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

namespace suppression {

struct StoreOptions;

// The column families, in the order in which they are opened.
enum ColumnFamily { kDefault, kEntries, kByTime, kBounces, kChanges, kRequests, kAudit, kMeta, kColumnFamilies };

// A table file of a replica is finished at this size, in octets.
inline constexpr uint64_t kReplicaTableOctets = 16 << 20;

// What compaction filters go by. Written by Apply, read by compaction threads; never a clock, so that what is forgotten
// depends on the commands alone.
struct Horizon {
  std::atomic<int64_t> newest_command_micros{0};
  std::atomic<uint64_t> oldest_change{1};
  int64_t bounce_retention_micros = 0;
  int64_t request_window_micros = 0;
};

// Settings of the database and of each column family. `horizon` must outlive the database.
rocksdb::DBOptions DatabaseOptions(const StoreOptions& options);
std::vector<rocksdb::ColumnFamilyDescriptor> ColumnFamilyDescriptors(const StoreOptions& options, Horizon* horizon);

}  // namespace suppression
