// Damage to what a store holds.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "storage/keys.h"
#include "storage/rocksdb_settings.h"
#include "storage/store_options.h"
#include "tests/testing/commands.h"

namespace suppressd {

// Writes over a record of a store that is closed.
inline void Damage(const StoreOptions& options, ColumnFamily family, const std::string& key) {
  RetentionCutoffs cutoffs;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  rocksdb::DB* opened = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(RocksDbOptions(options, DatabaseKind::kList), options.path + "/db",
                                ColumnFamilyDescriptors(options, DatabaseKind::kList, &cutoffs), &families, &opened)
                  .ok());
  const std::unique_ptr<rocksdb::DB> db(opened);
  EXPECT_TRUE(db->Put({}, families[family], key, "\xff\xff damaged").ok());
  for (rocksdb::ColumnFamilyHandle* handle : families) EXPECT_TRUE(db->DestroyColumnFamilyHandle(handle).ok());
  EXPECT_TRUE(db->Close().ok());
}

// The same for the entry of an address, or of a whole domain ("@example.com"), of the default list.
inline void DamageEntry(const StoreOptions& options, const std::string& address) {
  const stored::Target target = TargetOf(address);
  Damage(options, kEntries, EntryKey({"default", target.domain(), target.local_part()}));
}

}  // namespace suppressd
