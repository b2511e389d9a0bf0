// Brings the database of a store, which must be closed, to the state that it takes on in the end by itself.
#pragma once

#include <memory>
#include <vector>

#include "rocksdb/db.h"
#include "storage/rocksdb_settings.h"
#include "storage/store_options.h"

namespace suppression {

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
  rocksdb::CompactRangeOptions compact;
  compact.max_subcompactions = 2;
  bool ok = true;
  for (rocksdb::ColumnFamilyHandle* family : families) {
    ok = ok && db->CompactRange(compact, family, nullptr, nullptr).ok();
    ok = db->DestroyColumnFamilyHandle(family).ok() && ok;
  }
  return db->Close().ok() && ok;
}

}  // namespace suppression
