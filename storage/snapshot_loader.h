// Loads a snapshot into a replica: entries come in key order and are written straight into table files, with the rows
// of the time index sorted beside; all of them become part of the database at once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "rocksdb/db.h"
#include "rocksdb/sst_file_writer.h"
#include "storage/keys.h"
#include "storage/row_sorter.h"
#include "storage/stored.h"

namespace suppressd {

// Table files of one column family, filled in key order. Not thread-safe.
class TableFiles {
 public:
  // Makes files DIRECTORY/NAME-0, NAME-1 and so on.
  TableFiles(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* family, std::string path_prefix);

  rocksdb::Status Put(absl::string_view key, absl::string_view value);
  // Finishes the last file, durably.
  rocksdb::Status Finish();
  const std::vector<std::string>& paths() const { return paths_; }

 private:
  const rocksdb::Options options_;
  const std::string path_prefix_;
  std::unique_ptr<rocksdb::SstFileWriter> writer_;
  std::vector<std::string> paths_;
};

// Holds some 24 MiB of memory, and takes room on disk for what it loads, twice for the time index. Not thread-safe.
class SnapshotLoader {
 public:
  // The column families are empty. Files are made in `directory`, which is made again, and removed with the loader.
  SnapshotLoader(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* entries, rocksdb::ColumnFamilyHandle* by_time,
                 std::string directory);
  ~SnapshotLoader();
  SnapshotLoader(const SnapshotLoader&) = delete;
  SnapshotLoader& operator=(const SnapshotLoader&) = delete;

  // Adds one entry, complete with its revision, whose key comes behind that of the one before: INVALID_ARGUMENT else,
  // and when its address is none. A RocksDB failure is returned in `failed`. After either, the loader is of no more
  // use.
  absl::Status Add(const stored::StoredEntry& entry, rocksdb::Status* failed);
  // Makes all of it part of the database, durably, or nothing.
  rocksdb::Status Finish();

  // How many whole-domain entries came, by list; only lists that have any.
  const absl::flat_hash_map<std::string, int64_t>& domain_entries() const { return domain_entries_; }

 private:
  rocksdb::Status AddRows(const stored::StoredEntry& entry);
  rocksdb::Status WriteRows();

  rocksdb::DB* const db_;
  rocksdb::ColumnFamilyHandle* const entries_family_;
  rocksdb::ColumnFamilyHandle* const by_time_family_;
  const std::string directory_;
  rocksdb::Status made_directory_;
  TableFiles entries_;
  RowSorter rows_;
  std::vector<std::string> tenants_;  // in the order in which they came
  std::string last_key_;
  std::string key_;
  std::string bytes_;
  std::string value_;
  absl::flat_hash_map<std::string, int64_t> domain_entries_;
};

}  // namespace suppressd
