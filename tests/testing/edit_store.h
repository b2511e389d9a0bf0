// Changes what a store that is closed holds, behind its back.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "rocksdb/db.h"
#include "storage/database.h"
#include "storage/rocksdb_settings.h"
#include "storage/store_options.h"

namespace suppressd {

// The rows of one family.
class FamilyRows {
 public:
  FamilyRows(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* family) : db_(db), family_(family) {}
  std::string Get(const std::string& key) const {
    std::string value;
    EXPECT_TRUE(db_->Get({}, family_, key, &value).ok());
    return value;
  }
  bool Has(const std::string& key) const {
    std::string value;
    return db_->Get({}, family_, key, &value).ok();
  }
  void Put(const std::string& key, const std::string& value) const {
    EXPECT_TRUE(db_->Put({}, family_, key, value).ok());
  }
  void Delete(const std::string& key) const { EXPECT_TRUE(db_->Delete({}, family_, key).ok()); }

 private:
  rocksdb::DB* const db_;
  rocksdb::ColumnFamilyHandle* const family_;
};

inline void EditStore(const StoreOptions& options, ColumnFamily family,
                      const std::function<void(const FamilyRows& rows, const FamilyRows& meta)>& edit) {
  RetentionCutoffs cutoffs;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  rocksdb::DB* opened = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(RocksDbOptions(options, DatabaseKind::kList), options.path + "/db",
                                ColumnFamilyDescriptors(options, DatabaseKind::kList, &cutoffs), &families, &opened)
                  .ok());
  const std::unique_ptr<rocksdb::DB> db(opened);
  edit(FamilyRows(db.get(), families[family]), FamilyRows(db.get(), families[kMeta]));
  for (rocksdb::ColumnFamilyHandle* handle : families) EXPECT_TRUE(db->DestroyColumnFamilyHandle(handle).ok());
  EXPECT_TRUE(db->Close().ok());
}

}  // namespace suppressd
