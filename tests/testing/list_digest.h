// A digest of all that a list holds: equal for stores that hold the same.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "common/canonical.h"
#include "rocksdb/db.h"
#include "storage/database.h"
#include "storage/log_settings.h"
#include "storage/rocksdb_settings.h"
#include "storage/store_options.h"

namespace suppressd {

// Whether a row counts: not what each server forgets in its own time, be it gone or not.
inline bool RowCounts(int family, const std::string& key, const std::string& value, const stored::LogSettings& settings,
                      int64_t log_time, uint64_t changes_from) {
  stored::StoredRequest request;
  v1::BounceEvent event;
  stored::IndexRow row;
  switch (family) {
    case kRequests:
      return request.ParseFromString(value) && ToMicros(request.at()) > RequestsAfter(settings, log_time);
    case kBounces:
      return event.ParseFromString(value) && ToMicros(event.received_at()) > BouncesAfter(settings, log_time);
    case kByTime:
      return row.ParseFromString(value) && (row.until_revision() == 0 || row.until_revision() >= changes_from);
    case kChanges:
      return ParseRevisionKey(key) >= changes_from;
    case kMeta:
      return key != kOldestChangeName;
    default:
      return true;
  }
}

// Whether lineage and timelines, which each store has of its own unless it is told them, are part of the digest.
enum class DigestedRuns { kAll, kNone };

// Of all families of a store, which must be closed; of the changes those from this revision on.
inline std::string ListDigest(const StoreOptions& options, uint64_t changes_from,
                              DigestedRuns runs = DigestedRuns::kAll) {
  RetentionCutoffs cutoffs;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  rocksdb::DB* opened = nullptr;
  EXPECT_TRUE(rocksdb::DB::OpenForReadOnly(RocksDbOptions(options, DatabaseKind::kList), options.path + "/db",
                                           ColumnFamilyDescriptors(options, DatabaseKind::kList, &cutoffs), &families,
                                           &opened)
                  .ok());
  const std::unique_ptr<rocksdb::DB> db(opened);
  std::string value, digest;
  stored::LogSettings settings;
  EXPECT_TRUE(db->Get({}, families[kMeta], kSettingsName, &value).ok() && settings.ParseFromString(value));
  EXPECT_TRUE(db->Get({}, families[kMeta], kLogTimeName, &value).ok());
  const auto log_time = static_cast<int64_t>(ParseRevisionKey(value));
  for (int family = 0; family < kColumnFamilies; ++family) {
    std::unique_ptr<rocksdb::Iterator> it(db->NewIterator({}, families[family]));
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      const std::string key = it->key().ToString();
      if (!RowCounts(family, key, it->value().ToString(), settings, log_time, changes_from)) continue;
      const bool of_run = family == kMeta && (key == kLineageName || key == kTimelinesName);
      if (of_run && runs == DigestedRuns::kNone) continue;
      v1::AuditText pair;  // any message with two texts
      pair.set_on_behalf_of(key);
      pair.set_note(it->value().ToString());
      digest = CanonicalDigest(digest, pair);
    }
    EXPECT_TRUE(it->status().ok()) << it->status().ToString();
  }
  for (rocksdb::ColumnFamilyHandle* handle : families) EXPECT_TRUE(db->DestroyColumnFamilyHandle(handle).ok());
  return digest;
}

}  // namespace suppressd
