#include "storage/rocksdb_settings.h"

#include <functional>
#include <utility>

#include "rocksdb/cache.h"
#include "rocksdb/compaction_filter.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/table.h"
#include "storage/store.h"
#include "storage/stored.h"

namespace suppression {
namespace {

using Forget = std::function<bool(const Horizon&, const rocksdb::Slice& value)>;

// Drops the records that `forget` names. Values that do not parse are kept: losing data is never a filter's decision.
class ForgettingFilter : public rocksdb::CompactionFilter {
 public:
  ForgettingFilter(const char* name, const Horizon* horizon, Forget forget)
      : name_(name), horizon_(horizon), forget_(std::move(forget)) {}
  const char* Name() const override { return name_; }
  bool Filter(int, const rocksdb::Slice&, const rocksdb::Slice& value, std::string*, bool*) const override {
    return forget_(*horizon_, value);
  }

 private:
  const char* const name_;
  const Horizon* const horizon_;
  const Forget forget_;
};

class ForgettingFilterFactory : public rocksdb::CompactionFilterFactory {
 public:
  ForgettingFilterFactory(const char* name, const Horizon* horizon, Forget forget)
      : name_(name), horizon_(horizon), forget_(std::move(forget)) {}
  const char* Name() const override { return name_; }
  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context&) override {
    return std::make_unique<ForgettingFilter>(name_, horizon_, forget_);
  }

 private:
  const char* const name_;
  const Horizon* const horizon_;
  const Forget forget_;
};

bool IsOldBounce(const Horizon& horizon, const rocksdb::Slice& value) {
  v1::BounceEvent event;
  return event.ParseFromArray(value.data(), static_cast<int>(value.size())) && event.has_received_at() &&
         ToMicros(event.received_at()) + horizon.bounce_retention_micros < horizon.newest_command_micros.load();
}

bool IsOldRequest(const Horizon& horizon, const rocksdb::Slice& value) {
  stored::StoredRequest request;
  return request.ParseFromArray(value.data(), static_cast<int>(value.size())) && request.has_at() &&
         ToMicros(request.at()) + horizon.request_window_micros < horizon.newest_command_micros.load();
}

// A row that the entry has left, and that no listing still under way can ask for.
bool IsLeftRow(const Horizon& horizon, const rocksdb::Slice& value) {
  stored::IndexRow row;
  return row.ParseFromArray(value.data(), static_cast<int>(value.size())) && row.until_revision() != 0 &&
         row.until_revision() < horizon.oldest_change.load();
}

// RocksDB's own log goes nowhere: it could hold keys, and Debian's library ends the process when it cannot write it,
// which a full disk would bring about. What goes wrong shows in the status of each operation.
class QuietLogger : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

rocksdb::ColumnFamilyOptions BaseOptions(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.format_version = 5;  // pinned: a newer library must not write what an older one cannot read
  table.block_cache = cache;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.whole_key_filtering = true;
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kLZ4Compression;
  options.bottommost_compression = rocksdb::kZSTD;
  options.level_compaction_dynamic_level_bytes = true;
  options.write_buffer_size = 16 << 20;
  return options;
}

}  // namespace

rocksdb::DBOptions DatabaseOptions(const StoreOptions& options) {
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
  database.info_log = std::make_shared<QuietLogger>();
  return database;
}

std::vector<rocksdb::ColumnFamilyDescriptor> ColumnFamilyDescriptors(const StoreOptions& options, Horizon* horizon) {
  const auto cache = rocksdb::NewLRUCache(static_cast<size_t>(options.block_cache_mib) << 20);
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  const auto add = [&](const char* name) -> rocksdb::ColumnFamilyOptions& {
    families.emplace_back(name, BaseOptions(cache));
    return families.back().options;
  };
  add(rocksdb::kDefaultColumnFamilyName.c_str());
  rocksdb::ColumnFamilyOptions& entries = add("entries");
  entries.write_buffer_size = 64 << 20;
  entries.memtable_whole_key_filtering = true;  // most checks are misses: let the filter answer in the memtable too
  entries.memtable_prefix_bloom_size_ratio = 0.05;
  add("by_time").compaction_filter_factory =
      std::make_shared<ForgettingFilterFactory>("suppressd.left_rows", horizon, IsLeftRow);
  add("bounces").compaction_filter_factory =
      std::make_shared<ForgettingFilterFactory>("suppressd.old_bounces", horizon, IsOldBounce);
  add("changes");
  add("requests").compaction_filter_factory =
      std::make_shared<ForgettingFilterFactory>("suppressd.old_requests", horizon, IsOldRequest);
  add("audit");
  add("meta");
  return families;
}

}  // namespace suppression
