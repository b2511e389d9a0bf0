#include "storage/store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/error.h"
#include "storage/command_batch.h"
#include "storage/database_open.h"
#include "storage/snapshot_loader.h"

namespace suppression {
namespace {

// The log is trimmed in steps, and looked at for age once per step.
constexpr uint64_t kTrimStep = 1024;
constexpr int kTrimStepsMax = 64;

absl::Status HistoryGone() {
  return MakeError(absl::StatusCode::kOutOfRange, v1::HISTORY_GONE,
                   "the change log no longer reaches back to this token");
}

}  // namespace

Store::Store(const StoreOptions& options) : options_(options) {}

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const StoreOptions& options) {
  std::unique_ptr<Store> store(new Store(options));
  absl::StatusOr<std::unique_ptr<DataDirectory>> directory = DataDirectory::Open(options.path);
  if (!directory.ok()) return directory.status();
  store->directory_ = *std::move(directory);
  if (options.replica && options.source_lineage == 0 && store->directory_->is_new()) {
    return absl::FailedPreconditionError(absl::StrCat(options.path, " holds no replica yet"));
  }
  store->horizon_.bounce_retention_micros = options.bounce_retention_days * kMicrosPerDay;
  store->horizon_.request_window_micros = options.request_window_days * kMicrosPerDay;
  if (absl::Status status = store->OpenDatabase(); !status.ok()) return status;
  // A replica is ready once it has loaded a snapshot (FinishLoad): what was loaded of one is not kept.
  if (!options.replica) {
    if (absl::Status status = store->directory_->MarkReady(); !status.ok()) return status;
  }
  store->opened_ = true;
  return store;
}

Store::~Store() {
  if (db_ == nullptr) return;
  loader_.reset();
  if (opened_) NoteHead().IgnoreError();  // the note only gets older
  CloseDatabase(std::move(db_), families_);
}

// Before a revision is given out, and before a state is told: what this run gives out can be told from what another
// gave out under the same numbers. Not when the store is opened: a server that fails to start again and again would use
// up the timelines that are kept.
absl::Status Store::BeginTimeline() {
  if (timeline_.load() != 0) return absl::OkStatus();
  absl::MutexLock lock(&timeline_mutex_);
  if (timeline_.load() != 0) return absl::OkStatus();
  if (absl::Status status = write_status(); !status.ok()) return status;
  Timelines begun = timelines_;
  begun.Begin(RandomNumber(), head_->head() + 1);
  rocksdb::WriteOptions write;
  write.sync = true;
  const rocksdb::Status status = db_->Put(write, families_[kMeta], kTimelinesName, begun.Encode());
  if (!status.ok()) return LatchWrites(status);
  timelines_ = std::move(begun);
  timeline_ = timelines_.current();
  return absl::OkStatus();
}

uint64_t Store::timeline() {
  if (!options_.replica) BeginTimeline().IgnoreError();
  return timeline_.load();
}

bool Store::Shares(uint64_t timeline, uint64_t revision) const {
  absl::MutexLock lock(&timeline_mutex_);
  return timelines_.Share(timeline, revision, head_->head());
}

absl::Status Store::NoteHead() {
  const uint64_t head = head_->head();
  if (head == noted_head_) return absl::OkStatus();
  absl::Status status = directory_->NoteHead(head);
  if (status.ok()) noted_head_ = head;
  return status;
}

absl::Status Store::write_status() const {
  absl::MutexLock lock(&mutex_);
  return write_status_;
}

uint64_t Store::TrimChanges(uint64_t last, int64_t now_micros, rocksdb::WriteBatch* batch) {
  const uint64_t oldest = horizon_.oldest_change.load();
  uint64_t wanted = oldest;
  const uint64_t most = static_cast<uint64_t>(options_.change_log_max_revisions);
  const uint64_t step = std::min(kTrimStep, most);
  if (last >= oldest + most + step) wanted = last - most + 1;
  for (int steps = 0; steps < kTrimStepsMax && wanted + step <= last; ++steps, wanted += step) {
    std::string value;
    stored::Change change;
    const rocksdb::Status status = db_->Get({}, families_[kChanges], RevisionKey(wanted + step - 1), &value);
    if (!status.ok() || !change.ParseFromString(value) ||
        ToMicros(change.at()) + options_.change_log_max_age_days * kMicrosPerDay >= now_micros) {
      break;
    }
  }
  if (const std::optional<uint64_t> pinned = pins_.Oldest(now_micros)) {
    wanted = std::max(oldest, std::min(wanted, *pinned + 1));
  }
  if (wanted == oldest) return oldest;
  batch->DeleteRange(families_[kChanges], RevisionKey(oldest), RevisionKey(wanted)).PermitUncheckedError();
  batch->Put(families_[kMeta], kOldestChangeName, RevisionKey(wanted)).PermitUncheckedError();
  return wanted;
}

absl::StatusOr<std::vector<stored::CommandResult>> Store::Apply(absl::Span<const stored::Command> commands) {
  if (options_.replica)
    return MakeError(absl::StatusCode::kInternal, v1::INTERNAL_ERROR, "a replica takes no commands");
  if (absl::Status status = write_status(); !status.ok()) return status;
  if (absl::Status status = BeginTimeline(); !status.ok()) return status;
  CommandBatch batch(*this);
  std::vector<stored::CommandResult> results;
  results.reserve(commands.size());
  int64_t newest = horizon_.newest_command_micros.load();
  for (const stored::Command& command : commands) {
    results.push_back(batch.Add(command));
    newest = std::max(newest, ToMicros(command.at()));
  }
  if (batch.write_batch()->Count() == 0) return results;  // repeats and refusals only
  if (absl::Status status = Write(newest, &batch); !status.ok()) return status;
  head_->Advance(batch.last_revision());
  return results;
}

absl::Status Store::Write(int64_t newest, CommandBatch* batch) {
  absl::MutexLock trim_lock(&trim_mutex_);
  const uint64_t oldest = TrimChanges(batch->last_revision(), newest, batch->write_batch());
  batch->PutMeta(kRevisionName, RevisionKey(batch->last_revision()));
  batch->PutMeta(kCommandTimeName, RevisionKey(static_cast<uint64_t>(newest)));
  for (const auto& [tenant, count] : batch->domain_entries()) {
    stored::TenantInfo info;
    info.set_domain_entries(count);
    batch->PutMeta(absl::StrCat(kTenantPrefix, tenant), info.SerializeAsString());
  }
  // Told before it is true: a check that looks for a domain in vain is right, one that does not look would be wrong.
  if (!batch->domain_entries().empty()) {
    absl::MutexLock lock(&mutex_);
    for (const auto& [tenant, count] : batch->domain_entries()) domain_entries_[tenant] = count;
    any_domain_entries_ = true;
  }
  rocksdb::WriteOptions write;
  write.sync = true;
  const rocksdb::Status status = db_->Write(write, batch->write_batch());
  if (!status.ok()) return LatchWrites(status);
  horizon_.oldest_change = oldest;
  horizon_.newest_command_micros = newest;
  return absl::OkStatus();
}

absl::Status Store::LatchWrites(const rocksdb::Status& failed) {
  absl::MutexLock lock(&mutex_);
  write_status_ =
      MakeError(absl::StatusCode::kUnavailable, v1::STORAGE_UNAVAILABLE,
                absl::StrCat("storage refuses writes since a ", failed.IsNoSpace() ? "full disk" : "failed write",
                             "; restart once the cause is gone"));
  return write_status_;
}

absl::StatusOr<std::vector<RevisionChange>> Store::ReadChanges(uint64_t after, int max, size_t max_octets) const {
  std::vector<RevisionChange> changes;
  size_t octets = 0;
  const std::string first = RevisionKey(after + 1);
  const std::string end = RevisionKey(head_->head() + 1);
  const rocksdb::Slice upper = end;
  rocksdb::ReadOptions read;
  read.iterate_upper_bound = &upper;
  std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(read, families_[kChanges]));
  // Asked after the iterator was made: it sees all that was there then, so a trim from now on does no harm.
  if (after < oldest_start()) return HistoryGone();
  for (it->Seek(first); it->Valid() && static_cast<int>(changes.size()) < max; it->Next()) {
    octets += it->value().size();
    if (octets > max_octets && !changes.empty()) break;
    RevisionChange& next = changes.emplace_back();
    next.revision = ParseRevisionKey(ToView(it->key()));
    // Revisions have no gaps: one would be a trim under way between its write and its horizon.
    if (next.revision != after + changes.size()) return HistoryGone();
    if (!next.change.ParseFromArray(it->value().data(), static_cast<int>(it->value().size()))) {
      return ReadFailure(rocksdb::Status::Corruption());
    }
  }
  if (!it->status().ok()) return ReadFailure(it->status());
  return changes;
}

absl::StatusOr<std::vector<stored::AuditRecord>> Store::ReadAudit(uint64_t after, int max) const {
  std::vector<stored::AuditRecord> records;
  std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator({}, families_[kAudit]));
  for (it->Seek(RevisionKey(after + 1)); it->Valid() && static_cast<int>(records.size()) < max; it->Next()) {
    if (!records.emplace_back().ParseFromArray(it->value().data(), static_cast<int>(it->value().size()))) {
      return ReadFailure(rocksdb::Status::Corruption());
    }
  }
  if (!it->status().ok()) return ReadFailure(it->status());
  return records;
}

}  // namespace suppression
