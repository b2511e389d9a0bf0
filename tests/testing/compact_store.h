// Brings the database of a store, which must be closed, to the state that it takes on in the end by itself.
#pragma once

#include <memory>
#include <vector>

#include "rocksdb/db.h"
#include "storage/store.h"

namespace suppression {

inline bool CompactStore(const StoreOptions& options) {
  Horizon horizon;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  rocksdb::DB* opened = nullptr;
  if (!rocksdb::DB::Open(DatabaseOptions(options), options.path + "/db", ColumnFamilyDescriptors(options, &horizon),
                         &families, &opened)
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
