// Brings the database of a store, which must be closed, to the state that it takes on in the end by itself: what no
// longer counts is gone.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "rocksdb/db.h"
#include "storage/database.h"
#include "storage/log_settings.h"
#include "storage/rocksdb_settings.h"
#include "storage/store_options.h"

namespace suppressd {

inline bool CompactStore(const StoreOptions& options) {
  RetentionCutoffs cutoffs;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  rocksdb::DB* opened = nullptr;
  if (!rocksdb::DB::Open(RocksDbOptions(options, DatabaseKind::kList), options.path + "/db",
                         ColumnFamilyDescriptors(options, DatabaseKind::kList, &cutoffs), &families, &opened)
           .ok()) {
    return false;
  }
  const std::unique_ptr<rocksdb::DB> db(opened);
  const auto meta = [&](const char* name) {
    std::string value;
    return db->Get({}, families[kMeta], name, &value).ok() ? value : std::string();
  };
  stored::LogSettings settings;
  bool ok = settings.ParseFromString(meta(kSettingsName));
  const auto log_time = static_cast<int64_t>(ParseRevisionKey(meta(kLogTimeName)));
  cutoffs.oldest_change = ParseRevisionKey(meta(kOldestChangeName));
  cutoffs.requests_after_micros = RequestsAfter(settings, log_time);
  cutoffs.bounces_after_micros = BouncesAfter(settings, log_time);
  rocksdb::CompactRangeOptions compact;
  compact.max_subcompactions = 2;
  compact.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  for (rocksdb::ColumnFamilyHandle* family : families) {
    ok = ok && db->CompactRange(compact, family, nullptr, nullptr).ok();
    ok = db->DestroyColumnFamilyHandle(family).ok() && ok;
  }
  return db->Close().ok() && ok;
}

}  // namespace suppressd
