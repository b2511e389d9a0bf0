#include "storage/store.h"

#include <utility>

#include "storage/database.h"

namespace suppression {

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

absl::Status Store::NoteHead() {
  return database_->NoteHead();
}

absl::Status Store::write_status() const {
  return database_->write_status();
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

}  // namespace suppression
