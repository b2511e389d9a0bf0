// How an outbox is opened, and the proof that no report is missing from it.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/database.h"
#include "storage/keys.h"
#include "storage/outbox.h"
#include "storage/rocksdb_open.h"
#include "storage/rocksdb_settings.h"

namespace suppressd {
namespace {

constexpr char kRefusedFamily[] = "refused";
constexpr char kDeliveredFamily[] = "delivered";
constexpr char kMetaFamily[] = "meta";
constexpr char kStateName[] = "state";
constexpr size_t kWriteBufferBytes = 4 << 20;

rocksdb::ColumnFamilyOptions FamilyOptions() {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = kWriteBufferBytes;
  options.compression = rocksdb::kLZ4Compression;
  options.OptimizeForSmallDb();
  return options;
}

// Spreads numbers over all 64 bits (the finaliser of SplitMix64), so that a sum of some tells which they are.
uint64_t Spread(uint64_t number) {
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

}  // namespace

void Outbox::CountIn(uint64_t number, stored::OutboxState* state) {
  state->set_waiting_count(state->waiting_count() + 1);
  state->set_waiting_sum(state->waiting_sum() + Spread(number));
  state->set_newest(std::max(state->newest(), number));
}

void Outbox::CountOut(uint64_t number, stored::OutboxState* state) {
  state->set_waiting_count(state->waiting_count() - 1);
  state->set_waiting_sum(state->waiting_sum() - Spread(number));
}

// Twice, as a store: to prove that all of it is there, and then to use it.
absl::Status Outbox::OpenDatabase() {
  StoreOptions store;
  store.env = options_.env;
  rocksdb::DBOptions settings = RocksDbOptions(store, DatabaseKind::kList);
  settings.max_total_wal_size = 64 << 20;
  const std::vector<rocksdb::ColumnFamilyDescriptor> families = {{rocksdb::kDefaultColumnFamilyName, FamilyOptions()},
                                                                 {kRefusedFamily, FamilyOptions()},
                                                                 {kDeliveredFamily, FamilyOptions()},
                                                                 {kMetaFamily, FamilyOptions()}};
  if (!directory_->is_new() && !directory_->accepts_loss()) {
    absl::StatusOr<OpenedDatabase> opened = OpenReadOnly(*directory_, settings, families);
    if (!opened.ok()) return opened.status();
    Use(*std::move(opened));
    absl::Status whole = Scan([](uint64_t, const stored::OutboxReport&, const std::string&) {});
    CloseDatabase(std::move(db_), families_);
    if (!whole.ok()) return whole;
  }
  broken_ = false;  // what was told of the one before is done with; of this one it counts from here on
  settings.listeners.push_back(WatchBackgroundErrors([this](const rocksdb::Status&) { broken_ = true; }));
  absl::StatusOr<OpenedDatabase> opened = suppressd::OpenDatabase(*directory_, settings, families);
  if (!opened.ok()) return opened.status();
  Use(*std::move(opened));
  if (directory_->is_new() || broken_) return absl::OkStatus();
  // What a killed process had not synced is durable from here on: what is written next counts on it.
  const rocksdb::Status flushed = db_->Flush(rocksdb::FlushOptions(), families_);
  if (!flushed.ok()) broken_ = true;  // Recover opens it again
  return absl::OkStatus();
}

absl::Status Outbox::Recover() {
  absl::MutexLock database_lock(&database_mutex_);
  if (!broken_) return absl::OkStatus();
  std::map<uint64_t, Known> known;
  absl::flat_hash_map<std::string, Keyed> keys;
  int64_t bytes = 0, refused = 0;
  const stored::OutboxState state = state_;
  const uint64_t durable = durable_serial_;
  {
    absl::MutexLock lock(&mutex_);
    known = known_;
    keys = keys_;
    bytes = bytes_;
    refused = refused_;
  }
  absl::Status opened = OpenAgain(durable);
  if (opened.ok()) opened = DropUnknown(known);
  if (opened.ok()) return opened;
  // Until the next try all is known as before.
  broken_ = true;
  state_ = state;
  durable_serial_ = durable;
  absl::MutexLock lock(&mutex_);
  known_ = std::move(known);
  keys_ = std::move(keys);
  bytes_ = bytes;
  refused_ = refused;
  return opened;
}

absl::Status Outbox::OpenAgain(uint64_t durable) {
  CloseDatabase(std::move(db_), families_);
  families_.clear();
  absl::Status opened = OpenDatabase();
  if (opened.ok()) opened = Scan([](uint64_t, const stored::OutboxReport&, const std::string&) {});
  if (!opened.ok()) return opened;
  if (state_.serial() < durable) {
    return directory_->Damaged(directory_->database_path(),
                               absl::StrCat("it ends at write ", state_.serial(), " but was at ", durable));
  }
  return trouble();
}

// Delivery may have passed their numbers: those that were refused, and those that were forgotten without a sync.
absl::Status Outbox::DropUnknown(const std::map<uint64_t, Known>& known) {
  rocksdb::WriteBatch writes;
  stored::OutboxState next = state_;
  std::vector<uint64_t> dropped;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [number, report] : known_) {
      if (!known.contains(number)) dropped.push_back(number);
    }
  }
  for (const uint64_t number : dropped) {
    writes.Delete(families_[kWaitingFamily], RevisionKey(number)).PermitUncheckedError();
    writes.Delete(families_[kDelivered], RevisionKey(number)).PermitUncheckedError();
    CountOut(number, &next);
  }
  if (absl::Status status = Commit(next, true, &writes); !status.ok()) return status;  // a probe, too
  absl::MutexLock lock(&mutex_);
  for (const uint64_t number : dropped) Forget(number);
  return absl::OkStatus();
}

void Outbox::Use(OpenedDatabase opened) {
  db_ = std::move(opened.db);
  families_ = std::move(opened.families);
  if (opened.read_only) broken_ = true;
}

// Reads without mutex_, which calls and status pages wait for.
absl::Status Outbox::Scan(Visit visit) {
  Found found;
  if (absl::Status status = ScanWaiting(visit, &found); !status.ok()) return status;
  if (absl::Status status = ScanRefused(&found); !status.ok()) return status;
  stored::OutboxState state;
  for (const auto& [number, known] : found.known) CountIn(number, &state);
  state.set_refused_count(found.refused);
  if (absl::Status status = CheckComplete(state, found.last); !status.ok()) return status;
  absl::MutexLock lock(&mutex_);
  known_ = std::move(found.known);
  keys_ = std::move(found.keys);
  bytes_ = found.bytes;
  refused_ = found.refused;
  if (std::exchange(is_known_, true)) return absl::OkStatus();  // opened again: who adds shows what it has answered
  shown_ = std::max(shown_, state_.newest());
  last_ = std::max({last_, found.last, state_.newest()});
  return absl::OkStatus();
}

absl::Status Outbox::ScanWaiting(Visit visit, Found* found) {
  rocksdb::WriteBatch unreadable;
  std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator({}, families_[kWaitingFamily]));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const uint64_t number = ParseRevisionKey(ToView(it->key()));
    stored::OutboxReport report;
    if (!report.ParseFromArray(it->value().data(), static_cast<int>(it->value().size()))) {
      if (!directory_->accepts_loss())
        return directory_->Damaged(directory_->database_path(), "it holds a damaged report");
      unreadable.Delete(families_[kWaitingFamily], it->key()).PermitUncheckedError();
      continue;
    }
    const auto size = static_cast<int64_t>(it->value().size());
    found->bytes += size;
    Remember(number, report, size, &found->known, &found->keys);
    std::string delivered;
    const rocksdb::Status noted = db_->Get({}, families_[kDelivered], it->key(), &delivered);
    if (!noted.ok() && !noted.IsNotFound()) return ReadFailure(noted);
    visit(number, report, delivered);
  }
  if (!it->status().ok()) return directory_->Damaged(directory_->database_path(), it->status().ToString());
  if (unreadable.Count() == 0) return absl::OkStatus();
  const rocksdb::Status status = db_->Write({}, &unreadable);
  return status.ok() ? absl::OkStatus() : Fail(status);
}

absl::Status Outbox::ScanRefused(Found* found) {
  std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator({}, families_[kRefused]));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    ++found->refused;
    found->last = std::max(found->last, ParseRevisionKey(ToView(it->key())));
  }
  if (it->status().ok()) return absl::OkStatus();
  return directory_->Damaged(directory_->database_path(), it->status().ToString());
}

absl::Status Outbox::ReadState(stored::OutboxState* state, bool* exists) const {
  std::string value;
  const rocksdb::Status status = db_->Get({}, families_[kOutboxMeta], kStateName, &value);
  *exists = status.ok();
  if ((!status.ok() && !status.IsNotFound()) || !state->ParseFromString(value)) {
    return directory_->Damaged(directory_->database_path(), "what it says of itself cannot be read");
  }
  return absl::OkStatus();
}

absl::Status Outbox::CheckComplete(const stored::OutboxState& found, uint64_t last) {
  stored::OutboxState said;
  bool exists = false;
  if (absl::Status status = ReadState(&said, &exists); !status.ok() && !directory_->accepts_loss()) return status;
  if (directory_->accepts_loss() || (!exists && directory_->is_new())) {
    state_ = found;
    state_.set_newest(std::max({last, found.newest(), said.newest()}));
    state_.set_serial(said.serial());
    rocksdb::WriteBatch writes;
    if (absl::Status status = Commit(state_, true, &writes); !status.ok()) return status;
    if (absl::Status status = directory_->NoteHead(state_.serial()); !status.ok()) return status;
    return directory_->EndLoss();
  }
  const auto noted = directory_->ReadHead();
  if (!noted.ok()) return noted.status();
  if (said.waiting_count() != found.waiting_count() || said.waiting_sum() != found.waiting_sum() ||
      said.refused_count() != found.refused_count()) {
    return directory_->Damaged(
        directory_->database_path(),
        absl::StrCat("it holds ", found.waiting_count(), " reports and should hold ", said.waiting_count()));
  }
  if (noted->has_value() && (*noted)->revision > said.serial()) {
    return directory_->Damaged(directory_->database_path(),
                               absl::StrCat("it ends at write ", said.serial(), " but was at ", (*noted)->revision));
  }
  state_ = said;
  durable_serial_ = said.serial();
  return absl::OkStatus();
}

absl::Status Outbox::Commit(const stored::OutboxState& next, bool sync, rocksdb::WriteBatch* writes) {
  stored::OutboxState counted = next;
  counted.set_serial(state_.serial() + 1);
  writes->Put(families_[kOutboxMeta], kStateName, counted.SerializeAsString()).PermitUncheckedError();
  rocksdb::WriteOptions options;
  options.sync = sync;
  const rocksdb::Status status = db_->Write(options, writes);
  if (!status.ok()) return Fail(status);
  state_ = std::move(counted);
  if (sync) durable_serial_ = state_.serial();
  return absl::OkStatus();
}

void Outbox::NoteHead() {
  uint64_t serial = 0;
  {
    absl::MutexLock lock(&database_mutex_);
    serial = durable_serial_;
  }
  directory_->NoteHead(serial).IgnoreError();  // the note only gets older
}

}  // namespace suppressd
