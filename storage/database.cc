// How a database is written; how it is opened: database_open.cc, and again: database_recover.cc.
#include "storage/database.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "storage/entry.h"
#include "storage/entry_batch.h"
#include "storage/log_settings.h"
#include "storage/random_number.h"
#include "storage/rocksdb_open.h"

namespace suppressd {
namespace {

// The log is trimmed in steps, and looked at for age once per step.
constexpr uint64_t kTrimStep = 1024;
constexpr int kTrimStepsMax = 64;
// The note of the head says the time, too, when that much has passed.
constexpr int64_t kNoteTimeMicros = 3'600 * kMicrosPerSecond;

}  // namespace

absl::Status ReadFailure(const rocksdb::Status& status) {
  // The text of a corruption may quote a key: only its kind goes out.
  return MakeError(absl::StatusCode::kInternal, v1::INTERNAL_ERROR,
                   status.IsCorruption() ? "stored data is damaged" : "stored data cannot be read");
}

absl::Status DecodeEntry(const EntryName& name, absl::string_view value, stored::StoredEntry* entry) {
  if (!entry->ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return ReadFailure(rocksdb::Status::Corruption());
  }
  SetTarget(name, entry->mutable_suppression());
  return absl::OkStatus();
}

std::string EncodeEntry(const stored::StoredEntry& entry) {
  stored::StoredEntry value = entry;
  value.mutable_suppression()->clear_tenant();
  value.mutable_suppression()->clear_target();
  return value.SerializeAsString();
}

absl::Status ReadEntry(const RocksHandle& rocks, const rocksdb::ReadOptions& read, const EntryName& name,
                       std::optional<stored::StoredEntry>* entry) {
  rocksdb::PinnableSlice value;
  thread_local std::string key;
  EntryKeyTo(name, &key);
  const rocksdb::Status status = rocks.db()->Get(read, rocks.family(kEntries), key, &value);
  if (status.IsNotFound()) return absl::OkStatus();
  if (!status.ok()) return ReadFailure(status);
  return DecodeEntry(name, ToView(value), &entry->emplace());
}

Database::~Database() {
  if (opened_) NoteHead().IgnoreError();  // the note only gets older
  absl::MutexLock lock(&rocks_mutex_);
  rocks_.reset();  // closing may still tell of an error
}

std::shared_ptr<const RocksHandle> Database::Use() const {
  absl::ReaderMutexLock lock(&rocks_mutex_);
  return rocks_;
}

int64_t Database::DomainEntries(absl::string_view tenant) const {
  if (!any_domain_entries_.load(std::memory_order_acquire)) return 0;
  absl::ReaderMutexLock lock(&mutex_);
  const auto found = domain_entries_.find(tenant);
  return found == domain_entries_.end() ? 0 : found->second;
}

void Database::UseTimeline(uint64_t timeline) {
  absl::MutexLock lock(&timeline_mutex_);
  next_timeline_ = timeline;
  timeline_ = timelines_.current() == timeline ? timeline : 0;
}

// Before a revision is given out, and before a state is told: what this run gives out can be told from what another
// gave out under the same numbers. Not when the database is opened: a server that fails to start again and again would
// use up the timelines that are kept.
absl::Status Database::BeginTimeline() {
  if (timeline_.load() != 0) return absl::OkStatus();
  absl::MutexLock lock(&timeline_mutex_);
  if (timeline_.load() != 0) return absl::OkStatus();
  if (absl::Status status = write_status(); !status.ok()) return status;
  Timelines begun = timelines_;
  begun.Begin(next_timeline_, head_->head() + 1);
  rocksdb::WriteOptions write;
  write.sync = true;
  const Handle rocks = Use();
  if (rocks->read_only()) {  // by the time this was reached
    return MakeError(absl::StatusCode::kUnavailable, v1::STORAGE_UNAVAILABLE, "the database is being opened again");
  }
  const rocksdb::Status status = rocks->db()->Put(write, rocks->family(kMeta), kTimelinesName, begun.Encode());
  if (!status.ok()) return FailFurtherWrites(status);
  timelines_ = std::move(begun);
  timeline_ = timelines_.current();
  return absl::OkStatus();
}

uint64_t Database::timeline() {
  if (kind_ == DatabaseKind::kList) BeginTimeline().IgnoreError();
  return timeline_.load();
}

bool Database::HasState(uint64_t timeline, uint64_t revision) const {
  absl::MutexLock lock(&timeline_mutex_);
  return timelines_.Share(timeline, revision, head_->head());
}

absl::Status Database::NoteHead(int64_t now_micros) {
  const uint64_t head = head_->head();
  const int64_t micros = std::max(now_micros, noted_micros_.value_or(0));
  const bool time_is_due = micros >= noted_micros_.value_or(0) + kNoteTimeMicros;
  if ((head == noted_head_ && !time_is_due) || !recovered_is_durable_) return absl::OkStatus();
  absl::Status status = directory_->NoteHead(head, micros);
  if (!status.ok()) return status;
  noted_head_ = head;
  if (micros > 0) noted_micros_ = micros;
  return absl::OkStatus();
}

// The head's own by itself: the end of a range counts as a key of its table file, and CheckChanges goes by these.
void Database::ForgetChanges(uint64_t head, rocksdb::WriteBatch* batch) const {
  const std::string last = RevisionKey(head);
  const std::string oldest = RevisionKey(std::min(oldest_change(), head));
  batch->DeleteRange(family(kChanges), oldest, last).PermitUncheckedError();
  batch->Delete(family(kChanges), last).PermitUncheckedError();
  batch->Put(family(kMeta), kOldestChangeName, RevisionKey(head + 1)).PermitUncheckedError();
}

absl::Status Database::RestartChanges(int64_t log_time_micros, EntryBatch* batch) {
  const uint64_t head = head_->head();
  const uint64_t lineage = RandomNumber();
  ForgetChanges(head, batch->write_batch());
  batch->PutMeta(kLineageName, RevisionKey(lineage));
  batch->PutMeta(kLogTimeName, RevisionKey(static_cast<uint64_t>(log_time_micros)));
  rocksdb::WriteOptions write;
  write.sync = true;
  const rocksdb::Status status = rocks()->Write(write, batch->write_batch());
  if (!status.ok()) return FailFurtherWrites(status);
  lineage_ = lineage;
  cutoffs_.oldest_change = head + 1;
  MoveCutoffs(log_time_micros);
  noted_micros_ = log_time_micros;
  return directory_->NoteHead(head, log_time_micros);
}

absl::Status Database::write_status() const {
  absl::MutexLock lock(&mutex_);
  return trouble_.ok() ? shed_ : trouble_;
}

absl::Status Database::trouble() const {
  absl::MutexLock lock(&mutex_);
  return trouble_;
}

void Database::Shed(const absl::Status& why) {
  absl::MutexLock lock(&mutex_);
  shed_ = why;
}

absl::Status Database::FailFurtherWrites(const rocksdb::Status& failed) {
  absl::MutexLock lock(&mutex_);
  ++failures_;
  if (!trouble_.ok()) return trouble_;
  trouble_ =
      MakeError(absl::StatusCode::kUnavailable, v1::STORAGE_UNAVAILABLE,
                absl::StrCat("storage refuses writes since a ", failed.IsNoSpace() ? "full disk" : "failed write",
                             "; it takes them again by itself once the cause is gone"));
  return trouble_;
}

void Database::StartChangesAt(uint64_t revision) {
  absl::MutexLock trim_lock(&trim_mutex_);
  cutoffs_.oldest_change = revision;
}

stored::LogSettings Database::settings() const {
  absl::ReaderMutexLock lock(&mutex_);
  return settings_;
}

void Database::UseSettings(const stored::LogSettings& settings) {
  absl::MutexLock lock(&mutex_);
  settings_ = settings;
}

void Database::MoveCutoffs(int64_t log_time_micros) {
  const stored::LogSettings decided = settings();
  cutoffs_.requests_after_micros = RequestsAfter(decided, log_time_micros);
  cutoffs_.bounces_after_micros = BouncesAfter(decided, log_time_micros);
  log_time_micros_ = log_time_micros;
}

uint64_t Database::TrimChanges(uint64_t last, int64_t now_micros, rocksdb::WriteBatch* batch) {
  const uint64_t oldest = cutoffs_.oldest_change.load();
  uint64_t wanted = oldest;
  const uint64_t most = static_cast<uint64_t>(options_.change_log_max_revisions);
  const uint64_t step = std::min(kTrimStep, most);
  if (last >= oldest + most + step) wanted = last - most + 1;
  for (int steps = 0; steps < kTrimStepsMax && wanted + step <= last; ++steps, wanted += step) {
    std::string value;
    stored::Change change;
    const rocksdb::Status status = rocks()->Get({}, family(kChanges), RevisionKey(wanted + step - 1), &value);
    if (!status.ok() || !change.ParseFromString(value) ||
        ToMicros(change.at()) + options_.change_log_max_age_days * kMicrosPerDay >= now_micros) {
      break;
    }
  }
  if (const std::optional<uint64_t> pinned = pins_.Oldest(now_micros)) {
    wanted = std::max(oldest, std::min(wanted, *pinned + 1));
  }
  if (wanted == oldest) return oldest;
  batch->DeleteRange(family(kChanges), RevisionKey(oldest), RevisionKey(wanted)).PermitUncheckedError();
  batch->Put(family(kMeta), kOldestChangeName, RevisionKey(wanted)).PermitUncheckedError();
  return wanted;
}

// What grows is published before the write, what shrinks after it: a check that looks for a domain in vain is right,
// one that does not look would miss the domain.
void Database::CountDomains(EntryBatch* batch) {
  for (const auto& [tenant, count] : batch->domain_entries()) {
    stored::TenantInfo info;
    info.set_domain_entries(count);
    batch->PutMeta(absl::StrCat(kTenantPrefix, tenant), info.SerializeAsString());
  }
  PublishDomains(*batch, /*written=*/false);
}

void Database::PublishDomains(const EntryBatch& batch, bool written) {
  if (batch.domain_entries().empty()) return;
  absl::MutexLock lock(&mutex_);
  for (const auto& [tenant, count] : batch.domain_entries()) {
    int64_t& published = domain_entries_[tenant];
    published = written ? count : std::max(published, count);
  }
  any_domain_entries_ = true;
}

absl::Status Database::Commit(uint64_t revision, int64_t log_time_micros, EntryBatch* batch) {
  if (kind_ == DatabaseKind::kList) {
    if (absl::Status status = BeginTimeline(); !status.ok()) return status;
  }
  absl::MutexLock trim_lock(&trim_mutex_);
  const uint64_t oldest = TrimChanges(revision, log_time_micros, batch->write_batch());
  batch->PutMeta(kRevisionName, RevisionKey(revision));
  batch->PutMeta(kLogTimeName, RevisionKey(static_cast<uint64_t>(log_time_micros)));
  CountDomains(batch);
  rocksdb::WriteOptions write;
  write.sync = true;
  const rocksdb::Status status = rocks()->Write(write, batch->write_batch());
  if (!status.ok()) return FailFurtherWrites(status);
  PublishDomains(*batch, /*written=*/true);
  cutoffs_.oldest_change = oldest;
  MoveCutoffs(log_time_micros);
  return absl::OkStatus();
}

}  // namespace suppressd
