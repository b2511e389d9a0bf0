#include "storage/rocks_figures.h"

#include <string>

#include "rocksdb/db.h"

namespace suppressd {
namespace {

uint64_t Ask(rocksdb::DB* db, const std::string& property) {
  uint64_t value = 0;
  return db->GetIntProperty(property, &value) ? value : 0;
}

uint64_t Sum(rocksdb::DB* db, const std::string& property) {
  uint64_t value = 0;
  return db->GetAggregatedIntProperty(property, &value) ? value : 0;
}

}  // namespace

RocksFigures FiguresOf(rocksdb::DB* db) {
  using Properties = rocksdb::DB::Properties;
  return {.background_errors = Ask(db, Properties::kBackgroundErrors),
          .is_write_stopped = Ask(db, Properties::kIsWriteStopped),
          .delayed_write_rate = Ask(db, Properties::kActualDelayedWriteRate),
          .pending_compaction_bytes = Sum(db, Properties::kEstimatePendingCompactionBytes),
          .table_file_bytes = Sum(db, Properties::kTotalSstFilesSize),
          .memtable_bytes = Sum(db, Properties::kCurSizeAllMemTables),
          .block_cache_bytes = Ask(db, Properties::kBlockCacheUsage)};  // the families share it
}

}  // namespace suppressd
