#include "storage/backup_proof.h"

#include <cstdarg>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/rocks_handle.h"
#include "storage/rocksdb_open.h"
#include "storage/rocksdb_settings.h"
#include "storage/store_options.h"

namespace suppressd {
namespace {

// What is read of a table at once, in bytes.
constexpr size_t kReadAheadBytes = 2 << 20;
// The cache of a database that is read once.
constexpr int kCacheMib = 8;

// RocksDB's own log goes nowhere (rocksdb_open.cc).
class NoLogger : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

// The text of a corruption may quote a key: only its kind goes out.
std::string TextOf(const rocksdb::Status& status) {
  return IsDamage(status) ? "a file is missing or altered" : status.ToString();
}

absl::Status Failure(absl::string_view what, const rocksdb::Status& status) {
  const std::string message = absl::StrCat(what, IsDamage(status) ? " is damaged: " : " fails: ", TextOf(status));
  return IsDamage(status) ? absl::DataLossError(message) : absl::UnavailableError(message);
}

}  // namespace

rocksdb::BackupEngineOptions EngineOptions(const std::string& path, rocksdb::Env* env) {
  rocksdb::BackupEngineOptions options(path, env);
  // Table files never change once they are written, and are named by the run that wrote them: what an earlier backup
  // has is not copied again.
  options.share_table_files = true;
  options.share_files_with_checksum = true;
  options.sync = true;
  return options;
}

bool IsDamage(const rocksdb::Status& status) {
  return status.IsCorruption() || status.IsNotFound() || status.IsPathNotFound();
}

absl::Status BackupFailure(uint32_t id, const rocksdb::Status& status) {
  return Failure(absl::StrCat("backup ", id), status);
}

absl::Status VerifyBackup(const rocksdb::BackupEngineReadOnlyBase& engine, uint32_t id) {
  const rocksdb::IOStatus status = engine.VerifyBackup(id, /*verify_with_checksum=*/true);
  return status.ok() ? absl::OkStatus() : BackupFailure(id, status);
}

absl::StatusOr<DatabaseFacts> ProveDatabase(const std::string& path, rocksdb::Env* env, TableCheck tables) {
  StoreOptions options;
  options.path = path;
  options.block_cache_mib = kCacheMib;
  options.env = env;
  RetentionCutoffs unused;  // nothing is compacted where nothing is written
  rocksdb::DBOptions settings = RocksDbOptions(options, DatabaseKind::kList);
  settings.info_log = std::make_shared<NoLogger>();
  OpenedDatabase opened;
  opened.read_only = true;
  rocksdb::DB* db = nullptr;
  rocksdb::Status status = rocksdb::DB::OpenForReadOnly(
      settings, path, ColumnFamilyDescriptors(options, DatabaseKind::kList, &unused), &opened.families, &db);
  opened.db.reset(db);
  const std::string what = absl::StrCat("the database in ", path);
  if (!status.ok()) return Failure(what, status);
  const RocksHandle rocks(std::move(opened));
  if (tables == TableCheck::kAllBlocks) {
    rocksdb::ReadOptions read;
    read.readahead_size = kReadAheadBytes;
    read.fill_cache = false;
    status = rocks.db()->VerifyChecksum(read);
  }
  if (!status.ok()) return Failure(what, status);
  return Database::Prove(options, rocks);
}

absl::StatusOr<DatabaseFacts> ProveBackup(const rocksdb::BackupEngineReadOnlyBase& engine, uint32_t id) {
  if (absl::Status verified = VerifyBackup(engine, id); !verified.ok()) return verified;
  rocksdb::BackupInfo info;
  const rocksdb::Status found = engine.GetBackupInfo(id, &info, /*include_file_details=*/true);
  if (!found.ok()) return BackupFailure(id, found);
  return ProveDatabase(info.name_for_open, info.env_for_open.get(), TableCheck::kAllBlocks);
}

}  // namespace suppressd
