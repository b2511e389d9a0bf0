#include "storage/rocksdb_settings.h"

#include <functional>
#include <utility>

#include "rocksdb/cache.h"
#include "rocksdb/compaction_filter.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/table.h"
#include "storage/stored.h"

namespace suppressd {
namespace {

using Forget = std::function<bool(const RetentionCutoffs&, const rocksdb::Slice& value)>;

// Drops the records that `forget` names. Values that do not parse are kept: losing data is never a filter's decision.
class ForgettingFilter : public rocksdb::CompactionFilter {
 public:
  ForgettingFilter(const char* name, const RetentionCutoffs* cutoffs, Forget forget)
      : name_(name), cutoffs_(cutoffs), forget_(std::move(forget)) {}
  const char* Name() const override { return name_; }
  bool Filter(int, const rocksdb::Slice&, const rocksdb::Slice& value, std::string*, bool*) const override {
    return forget_(*cutoffs_, value);
  }

 private:
  const char* const name_;
  const RetentionCutoffs* const cutoffs_;
  const Forget forget_;
};

class ForgettingFilterFactory : public rocksdb::CompactionFilterFactory {
 public:
  ForgettingFilterFactory(const char* name, const RetentionCutoffs* cutoffs, Forget forget)
      : name_(name), cutoffs_(cutoffs), forget_(std::move(forget)) {}
  const char* Name() const override { return name_; }
  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context&) override {
    return std::make_unique<ForgettingFilter>(name_, cutoffs_, forget_);
  }

 private:
  const char* const name_;
  const RetentionCutoffs* const cutoffs_;
  const Forget forget_;
};

bool IsOldBounce(const RetentionCutoffs& cutoffs, const rocksdb::Slice& value) {
  v1::BounceEvent event;
  return event.ParseFromArray(value.data(), static_cast<int>(value.size())) && event.has_received_at() &&
         ToMicros(event.received_at()) <= cutoffs.bounces_after_micros.load();
}

bool IsOldRequest(const RetentionCutoffs& cutoffs, const rocksdb::Slice& value) {
  stored::StoredRequest request;
  return request.ParseFromArray(value.data(), static_cast<int>(value.size())) && request.has_at() &&
         ToMicros(request.at()) <= cutoffs.requests_after_micros.load();
}

// A row that the entry has left, and that no listing still under way can ask for.
bool IsLeftRow(const RetentionCutoffs& cutoffs, const rocksdb::Slice& value) {
  stored::IndexRow row;
  return row.ParseFromArray(value.data(), static_cast<int>(value.size())) && row.until_revision() != 0 &&
         row.until_revision() < cutoffs.oldest_change.load();
}

rocksdb::BlockBasedTableOptions TableOptions(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.format_version = 5;  // pinned: a newer library must not write what an older one cannot read
  table.block_cache = cache;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.whole_key_filtering = true;
  return table;
}

// Of a replica: nothing outside of the block cache grows with the list, and the list takes little room. Its files are
// small, so that the filter of each is one block of the cache (some 500 KB): a filter in parts would take a fourth
// longer to ask, which is most of what a check does.
void MakeSmall(rocksdb::BlockBasedTableOptions* table) {
  table->cache_index_and_filter_blocks = true;
  table->cache_index_and_filter_blocks_with_high_priority = true;
  table->pin_l0_filter_and_index_blocks_in_cache = true;
  table->pin_top_level_index_and_filter = true;
  table->index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table->metadata_block_size = 8 << 10;
  table->block_size = 8 << 10;
}

rocksdb::ColumnFamilyOptions BaseOptions(const rocksdb::BlockBasedTableOptions& table, bool replica) {
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kLZ4Compression;
  options.bottommost_compression = rocksdb::kZSTD;
  options.level_compaction_dynamic_level_bytes = true;
  options.write_buffer_size = 16 << 20;
  if (!replica) return options;
  options.write_buffer_size = 2 << 20;
  options.target_file_size_base = kReplicaTableBytes;
  // A dictionary for each file: what entries have in common is said once. Made from its first bytes, not from all.
  options.bottommost_compression_opts.enabled = true;
  options.bottommost_compression_opts.max_dict_bytes = 16 << 10;
  options.bottommost_compression_opts.max_dict_buffer_bytes = 2 << 20;
  return options;
}

std::shared_ptr<rocksdb::Cache> Cache(const StoreOptions& options, bool replica) {
  const size_t bytes = static_cast<size_t>(options.block_cache_mib) << 20;
  if (!replica) return rocksdb::NewLRUCache(bytes);
  rocksdb::LRUCacheOptions cache;
  cache.capacity = bytes;
  cache.num_shard_bits = 3;         // the default makes shards of a small cache so small that they are unevenly filled
  cache.high_pri_pool_ratio = 0.8;  // indexes and filters stay
  return rocksdb::NewLRUCache(cache);
}

}  // namespace

rocksdb::DBOptions RocksDbOptions(const StoreOptions& options, DatabaseKind kind) {
  rocksdb::DBOptions database;
  database.env = options.env != nullptr ? options.env : rocksdb::Env::Default();
  database.create_if_missing = false;
  database.create_missing_column_families = false;
  database.paranoid_checks = true;
  // The default (point in time) silently drops everything behind a damaged record in the middle of the log.
  database.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  database.track_and_verify_wals_in_manifest = true;
  database.avoid_flush_during_recovery = true;  // a refused open must leave the log as evidence
  database.max_bgerror_resume_count = 0;        // a background error latches; recovery is close and reopen
  database.max_background_jobs = 4;
  database.max_open_files = -1;
  database.max_total_wal_size = 256 << 20;
  database.bytes_per_sync = 1 << 20;
  // All families are on disk up to the same write, so that the logs hold a whole rest: a log that is lost leaves a gap
  // in the change log, and not an entry missing whose change was already on disk.
  database.atomic_flush = true;
  if (kind == DatabaseKind::kList) return database;
  database.db_write_buffer_size = 16 << 20;
  database.max_total_wal_size = 32 << 20;
  database.max_background_jobs = 2;
  database.max_open_files = 512;  // each open file holds some memory
  database.stats_persist_period_sec = 0;
  return database;
}

std::vector<rocksdb::ColumnFamilyDescriptor> ColumnFamilyDescriptors(const StoreOptions& options, DatabaseKind kind,
                                                                     RetentionCutoffs* cutoffs) {
  const bool replica = kind == DatabaseKind::kReplica;
  rocksdb::BlockBasedTableOptions table = TableOptions(Cache(options, replica));
  if (replica) MakeSmall(&table);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  const auto add = [&](const char* name,
                       const rocksdb::BlockBasedTableOptions& tables) -> rocksdb::ColumnFamilyOptions& {
    families.emplace_back(name, BaseOptions(tables, replica));
    return families.back().options;
  };
  // What is found by its whole key has a filter. The rest of a replica's is only read in order.
  rocksdb::BlockBasedTableOptions read_in_order = table;
  if (replica) {
    read_in_order.filter_policy.reset();
    read_in_order.block_size = 16 << 10;
  }
  // Checks find their entry within a block by its hash, most often.
  rocksdb::BlockBasedTableOptions checked = table;
  checked.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  add(rocksdb::kDefaultColumnFamilyName.c_str(), table);
  rocksdb::ColumnFamilyOptions& entries = add("entries", checked);
  entries.write_buffer_size = replica ? 8 << 20 : 64 << 20;
  entries.memtable_whole_key_filtering = true;  // most checks are misses: let the filter answer in the memtable too
  entries.memtable_prefix_bloom_size_ratio = 0.05;
  add("by_time", read_in_order).compaction_filter_factory =
      std::make_shared<ForgettingFilterFactory>("suppressd.left_rows", cutoffs, IsLeftRow);
  add("bounces", table).compaction_filter_factory =
      std::make_shared<ForgettingFilterFactory>("suppressd.old_bounces", cutoffs, IsOldBounce);
  add("changes", read_in_order);
  add("requests", table).compaction_filter_factory =
      std::make_shared<ForgettingFilterFactory>("suppressd.old_requests", cutoffs, IsOldRequest);
  add("audit", read_in_order);
  add("meta", table);
  return families;
}

}  // namespace suppressd
