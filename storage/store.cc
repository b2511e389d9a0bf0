#include "storage/store.h"

#include <algorithm>
#include <utility>

#include "storage/backup.h"
#include "storage/clock_repair.h"
#include "storage/database.h"

namespace suppressd {

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const StoreOptions& options, uint64_t lineage) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(options, DatabaseKind::kList, lineage);
  if (!database.ok()) return database.status();
  return std::unique_ptr<Store>(new Store(*std::move(database)));
}

Store::Store(std::unique_ptr<Database> database)
    : database_(std::move(database)),
      reader_(std::make_unique<ListReader>(database_.get())),
      applier_(std::make_unique<CommandApplier>(database_.get())) {}

Store::~Store() = default;

absl::Status Store::NoteHead(int64_t now_micros) {
  return database_->NoteHead(now_micros);
}

std::optional<int64_t> Store::newest_micros() const {
  const int64_t newest = std::max(database_->log_time(), database_->noted_micros().value_or(0));
  return newest == 0 ? std::optional<int64_t>() : newest;
}

bool Store::time_is_noted() const {
  return database_->noted_micros().has_value();
}

absl::Status Store::MoveTimesBack(int64_t now_micros) {
  return suppressd::MoveTimesBack(now_micros, database_.get());
}

absl::Status Store::write_status() const {
  return database_->write_status();
}

absl::Status Store::trouble() const {
  return database_->trouble();
}

void Store::Shed(const absl::Status& why) {
  database_->Shed(why);
}

absl::Status Store::Recover() {
  return database_->Recover();
}

void Store::EndRecovery() {
  database_->EndRecovery();
}

std::unique_ptr<Backups> Store::MakeBackups(const BackupOptions& options) {
  return std::make_unique<Backups>(database_.get(), options);
}

absl::StatusOr<std::unique_ptr<ReplicaStore>> ReplicaStore::Open(const StoreOptions& options, uint64_t lineage) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(options, DatabaseKind::kReplica, lineage);
  if (!database.ok()) return database.status();
  return std::unique_ptr<ReplicaStore>(new ReplicaStore(*std::move(database)));
}

ReplicaStore::ReplicaStore(std::unique_ptr<Database> database)
    : database_(std::move(database)),
      reader_(std::make_unique<ListReader>(database_.get())),
      writer_(std::make_unique<ReplicaWriter>(database_.get())) {}

ReplicaStore::~ReplicaStore() = default;

absl::Status ReplicaStore::NoteHead() {
  return database_->NoteHead();
}

absl::Status ReplicaStore::write_status() const {
  return database_->write_status();
}

absl::Status ReplicaStore::trouble() const {
  return database_->trouble();
}

void ReplicaStore::Shed(const absl::Status& why) {
  database_->Shed(why);
}

absl::Status ReplicaStore::Recover() {
  return database_->Recover();
}

void ReplicaStore::EndRecovery() {
  database_->EndRecovery();
}

bool ReplicaStore::is_damaged() const {
  return database_->is_damaged();
}

}  // namespace suppressd
