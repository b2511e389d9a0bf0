// What RocksDB says of itself, for metrics.
#pragma once

#include <cstdint>

namespace rocksdb {
class DB;
}

namespace suppressd {

// Of all column families together. Zero as well where RocksDB does not say.
struct RocksFigures {
  uint64_t background_errors = 0;
  uint64_t is_write_stopped = 0;          // 1: it takes no write until compaction has caught up
  uint64_t delayed_write_rate = 0;        // bytes a second that it lets through; 0: it delays none
  uint64_t pending_compaction_bytes = 0;  // estimated
  uint64_t table_file_bytes = 0;
  uint64_t memtable_bytes = 0;
  uint64_t block_cache_bytes = 0;
};

RocksFigures FiguresOf(rocksdb::DB* db);

}  // namespace suppressd
