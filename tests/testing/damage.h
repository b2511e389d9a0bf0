// Damage to what a store holds.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "storage/store.h"
#include "tests/testing/commands.h"

namespace suppression {

// Writes over a record of a store that is closed.
inline void Damage(const StoreOptions& options, ColumnFamily family, const std::string& key) {
  Horizon horizon;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  rocksdb::DB* opened = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(DatabaseOptions(options), options.path + "/db",
                                ColumnFamilyDescriptors(options, &horizon), &families, &opened)
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

}  // namespace suppression
