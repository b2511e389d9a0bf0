#include "storage/outbox.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "rocksdb/write_batch.h"
#include "storage/database.h"
#include "storage/keys.h"
#include "storage/rocksdb_open.h"
#include "storage/rocksdb_settings.h"

namespace suppressd {
namespace {

constexpr size_t kBatchMax = 1'024;  // reports written with one fsync

std::string KeyOf(const stored::OutboxReport& report) {
  if (report.request_key().empty()) return "";
  const std::string& tenant = report.delivery().report().tenant();
  return absl::StrCat(tenant.empty() ? "default" : tenant, absl::string_view("\0", 1), report.request_key());
}

absl::Status Refusing() {
  return MakeError(absl::StatusCode::kUnavailable, v1::STORAGE_UNAVAILABLE,
                   "the disk of the sidecar refuses writes; it takes them again by itself once the cause is gone");
}

absl::Status Closing() {
  return MakeError(absl::StatusCode::kUnavailable, v1::SHUTTING_DOWN, "the sidecar is shutting down");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Outbox>> Outbox::Open(const OutboxOptions& options, Visit visit) {
  std::unique_ptr<Outbox> outbox(new Outbox(options));
  absl::StatusOr<std::unique_ptr<DataDirectory>> directory = DataDirectory::Open(options.path, DirectoryKind::kOutbox);
  if (!directory.ok()) return directory.status();
  outbox->directory_ = *std::move(directory);
  {
    absl::MutexLock lock(&outbox->database_mutex_);
    if (absl::Status status = outbox->OpenDatabase(); !status.ok()) return status;
    if (absl::Status status = outbox->Scan(visit); !status.ok()) return status;
    if (absl::Status status = outbox->directory_->MarkReady(); !status.ok()) return status;
  }
  outbox->thread_ = std::thread([raw = outbox.get()] { raw->Run(); });
  return outbox;
}

Outbox::~Outbox() {
  Close();
  absl::MutexLock lock(&database_mutex_);
  CloseDatabase(std::move(db_), families_);
}

void Outbox::Remember(uint64_t number, const stored::OutboxReport& report, int64_t bytes, KnownReports* known,
                      KnownKeys* keys) {
  Known& one = (*known)[number];
  one.bytes = bytes;
  one.taken_at_micros = ToMicros(report.delivery().taken_at());
  one.key = KeyOf(report);
  if (!one.key.empty()) (*keys)[one.key] = {number, report.payload_digest()};
}

void Outbox::Learn(uint64_t number, const stored::OutboxReport& report, int64_t bytes) {
  Remember(number, report, bytes, &known_, &keys_);
  bytes_ += bytes;
}

void Outbox::Forget(uint64_t number) {
  const auto found = known_.find(number);
  if (found == known_.end()) return;
  bytes_ -= found->second.bytes;
  if (const auto key = keys_.find(found->second.key); key != keys_.end() && key->second.number == number) {
    keys_.erase(key);
  }
  known_.erase(found);
}

void Outbox::Add(stored::OutboxReport report, Done done) {
  const int64_t bytes = static_cast<int64_t>(report.ByteSizeLong());
  absl::Status refused;
  {
    absl::MutexLock lock(&mutex_);
    const auto reports = static_cast<int64_t>(known_.size() + waiting_.size());
    const Keyed* known = nullptr;
    if (const auto found = keys_.find(KeyOf(report)); found != keys_.end()) known = &found->second;
    if (closed_) {
      refused = Closing();
    } else if (!shed_.ok() || !stuck_.ok()) {
      refused = shed_.ok() ? stuck_ : shed_;
    } else if (known == nullptr &&
               (reports >= options_.reports_max || bytes_ + waiting_bytes_ + bytes > options_.bytes_max)) {
      refused = MakeError(absl::StatusCode::kUnavailable, v1::OUTBOX_FULL,
                          "outbox full: upstream unreachable and the report limit is reached");
    } else {
      waiting_.push_back({std::move(report), bytes, std::move(done)});
      waiting_bytes_ += bytes;
      return;
    }
  }
  done(refused);
}

void Outbox::Close() {
  {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void Outbox::Run() {
  while (true) {
    std::vector<Waiting> batch;
    {
      absl::MutexLock lock(&mutex_, absl::Condition(this, &Outbox::HasWork));
      if (waiting_.empty()) return;  // closed and drained
      const size_t count = std::min(waiting_.size(), kBatchMax);
      batch.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(waiting_.begin() + count));
      waiting_.erase(waiting_.begin(), waiting_.begin() + count);
    }
    const WorkClock::time_point begun = WorkClock::now();
    for (const Waiting& report : batch) times_.queued.Record(absl::FromChrono(begun - report.since));
    WriteAll(&batch);
    times_.worked.Record(TimeSince(begun));
  }
}

void Outbox::Number(const std::vector<Waiting>& batch, std::vector<Added>* added, std::vector<absl::Status>* refused) {
  absl::MutexLock lock(&mutex_);
  absl::flat_hash_map<std::string, Keyed> fresh;  // keys of this very batch
  for (size_t i = 0; i < batch.size(); ++i) {
    const std::string key = KeyOf(batch[i].report);
    const std::string& digest = batch[i].report.payload_digest();
    const Keyed* known = nullptr;
    if (const auto found = keys_.find(key); found != keys_.end()) known = &found->second;
    if (const auto found = fresh.find(key); found != fresh.end()) known = &found->second;
    if (known == nullptr) {
      (*added)[i].number = ++last_;
      if (!key.empty()) fresh[key] = {(*added)[i].number, digest};
    } else if (known->digest == digest) {
      (*added)[i] = {known->number, true};
    } else {
      (*refused)[i] = MakeError(absl::StatusCode::kAlreadyExists, v1::REQUEST_ID_REUSED,
                                "this request or event id was used with another payload");
      (*added)[i].duplicate = true;
    }
  }
}

void Outbox::WriteAll(std::vector<Waiting>* batch) {
  std::vector<Added> added(batch->size());
  std::vector<absl::Status> refused(batch->size());
  BeginBatch(batch);
  absl::Status written;
  std::vector<Done> dones;
  {
    // From the numbers to what is remembered of them: what opens the database again must not come in between, and take
    // what it finds there for something that nobody was told of.
    absl::MutexLock database_lock(&database_mutex_);
    Number(*batch, &added, &refused);
    written = Write(*batch, added);
    dones = EndBatch();
    std::vector<uint64_t> given_up;
    {
      absl::MutexLock lock(&mutex_);
      for (size_t i = 0; i < batch->size(); ++i) {
        waiting_bytes_ -= (*batch)[i].bytes;
        if (!written.ok() || added[i].duplicate) continue;
        Learn(added[i].number, (*batch)[i].report, (*batch)[i].bytes);
        if (dones.empty()) given_up.push_back(added[i].number);
      }
    }
    RemoveThese(given_up).IgnoreError();  // else they are delivered, which their reporters wanted
  }
  for (size_t i = 0; i < dones.size(); ++i) {
    const absl::Status& status = written.ok() ? refused[i] : written;
    dones[i](status.ok() ? absl::StatusOr<Added>(added[i]) : status);
  }
  {
    absl::MutexLock lock(&mutex_);
    shown_ = last_;
  }
  options_.shown();
  if (!written.ok()) return;
  BeginBatch(nullptr);  // the disk may hang here, too
  NoteHead();
  EndBatch();
}

void Outbox::BeginBatch(std::vector<Waiting>* batch) {
  absl::MutexLock lock(&mutex_);
  writing_.Begin();
  if (batch == nullptr) return;
  for (Waiting& one : *batch) in_batch_.push_back(std::move(one.done));
}

std::vector<Outbox::Done> Outbox::EndBatch() {
  absl::MutexLock lock(&mutex_);
  writing_.End();
  stuck_ = absl::OkStatus();
  return std::exchange(in_batch_, {});
}

absl::Status Outbox::GiveUpStuck(absl::Time now) {
  std::vector<Done> dones;
  absl::Status stuck;
  {
    absl::MutexLock lock(&mutex_);
    if (!writing_.IsStuck(now)) return absl::OkStatus();
    stuck_ = stuck = MakeError(absl::StatusCode::kUnavailable, v1::STORAGE_UNAVAILABLE,
                               "the disk of the sidecar does not answer; reports are taken again once it does");
    dones.swap(in_batch_);
    for (Waiting& one : waiting_) {
      dones.push_back(std::move(one.done));
      waiting_bytes_ -= one.bytes;
    }
    waiting_.clear();
  }
  for (const Done& done : dones) done(stuck);
  return stuck;
}

absl::Status Outbox::Write(const std::vector<Waiting>& batch, const std::vector<Added>& added) {
  if (broken_) return Refusing();
  rocksdb::WriteBatch writes;
  stored::OutboxState next = state_;
  for (size_t i = 0; i < batch.size(); ++i) {
    if (added[i].duplicate) continue;
    writes.Put(families_[kWaitingFamily], RevisionKey(added[i].number), batch[i].report.SerializeAsString())
        .PermitUncheckedError();
    CountIn(added[i].number, &next);
  }
  return Commit(next, true, &writes);
}

absl::Status Outbox::Fail(const rocksdb::Status&) {
  broken_ = true;
  return Refusing();
}

absl::Status Outbox::trouble() const {
  return broken_ ? Refusing() : absl::OkStatus();
}

void Outbox::Shed(const absl::Status& why) {
  absl::MutexLock lock(&mutex_);
  shed_ = why;
}

absl::StatusOr<std::vector<std::pair<uint64_t, stored::OutboxReport>>> Outbox::Read(uint64_t after, int count_max,
                                                                                    int64_t bytes_max) const {
  std::vector<std::pair<uint64_t, stored::OutboxReport>> reports;
  absl::ReaderMutexLock database_lock(&database_mutex_);
  // It could not be opened again. Not "no reports": delivery would pass over those that are there.
  if (db_ == nullptr) return Refusing();
  uint64_t shown = 0;
  {
    absl::MutexLock lock(&mutex_);
    shown = shown_;
  }
  std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator({}, families_[kWaitingFamily]));
  int64_t bytes = 0;
  for (it->Seek(RevisionKey(after + 1)); it->Valid(); it->Next()) {
    const uint64_t number = ParseRevisionKey(ToView(it->key()));
    if (number > shown || static_cast<int>(reports.size()) >= count_max || bytes > bytes_max) break;
    auto& [place, report] = reports.emplace_back();
    place = number;
    if (!report.ParseFromArray(it->value().data(), static_cast<int>(it->value().size()))) {
      return ReadFailure(rocksdb::Status::Corruption());
    }
    bytes += static_cast<int64_t>(it->value().size());
  }
  if (!it->status().ok()) return ReadFailure(it->status());
  return reports;
}

absl::Status Outbox::NoteDelivered(uint64_t number, const std::string& state) {
  absl::MutexLock lock(&database_mutex_);
  if (db_ == nullptr || broken_) return Fail({});
  const rocksdb::Status status = db_->Put({}, families_[kDelivered], RevisionKey(number), state);
  return status.ok() ? absl::OkStatus() : Fail(status);
}

absl::Status Outbox::Remove(absl::Span<const uint64_t> numbers) {
  if (numbers.empty()) return absl::OkStatus();
  absl::MutexLock database_lock(&database_mutex_);
  return RemoveThese(numbers);
}

absl::Status Outbox::RemoveThese(absl::Span<const uint64_t> numbers) {
  if (numbers.empty()) return absl::OkStatus();
  rocksdb::WriteBatch writes;
  if (db_ == nullptr || broken_) return Fail({});
  stored::OutboxState next = state_;
  for (const uint64_t number : numbers) {
    {
      absl::MutexLock lock(&mutex_);
      if (!known_.contains(number)) continue;
    }
    writes.Delete(families_[kWaitingFamily], RevisionKey(number)).PermitUncheckedError();
    writes.Delete(families_[kDelivered], RevisionKey(number)).PermitUncheckedError();
    CountOut(number, &next);
  }
  if (writes.Count() == 0) return absl::OkStatus();
  if (absl::Status status = Commit(next, false, &writes); !status.ok()) return status;
  absl::MutexLock lock(&mutex_);
  for (const uint64_t number : numbers) Forget(number);
  return absl::OkStatus();
}

absl::Status Outbox::Refuse(uint64_t number, const std::string& reason) {
  absl::MutexLock database_lock(&database_mutex_);
  if (db_ == nullptr || broken_) return Fail({});
  std::string value;
  const rocksdb::Status found = db_->Get({}, families_[kWaitingFamily], RevisionKey(number), &value);
  if (found.IsNotFound()) return absl::OkStatus();
  stored::OutboxReport report;
  if (!found.ok() || !report.ParseFromString(value)) return ReadFailure(found);
  report.set_refused_reason(reason);
  rocksdb::WriteBatch writes;
  writes.Put(families_[kRefused], RevisionKey(number), report.SerializeAsString()).PermitUncheckedError();
  writes.Delete(families_[kWaitingFamily], RevisionKey(number)).PermitUncheckedError();
  bool full = false;
  {
    absl::MutexLock lock(&mutex_);
    full = refused_ >= kRefusedReportsMax;
  }
  if (full) {
    std::unique_ptr<rocksdb::Iterator> oldest(db_->NewIterator({}, families_[kRefused]));
    oldest->SeekToFirst();
    if (oldest->Valid()) writes.Delete(families_[kRefused], oldest->key()).PermitUncheckedError();
  }
  stored::OutboxState next = state_;
  CountOut(number, &next);
  if (!full) next.set_refused_count(next.refused_count() + 1);
  if (absl::Status status = Commit(next, true, &writes); !status.ok()) return status;
  absl::MutexLock lock(&mutex_);
  Forget(number);
  if (!full) ++refused_;
  return absl::OkStatus();
}

Outbox::Summary Outbox::summary() const {
  absl::MutexLock lock(&mutex_);
  return {static_cast<int64_t>(known_.size()), bytes_, refused_, shown_};
}

uint64_t Outbox::OldestBut(absl::FunctionRef<bool(uint64_t number)> leave_out) const {
  absl::MutexLock lock(&mutex_);
  for (const auto& [number, known] : known_) {
    if (!leave_out(number)) return number;
  }
  return 0;
}

int64_t Outbox::TakenAt(uint64_t number) const {
  absl::MutexLock lock(&mutex_);
  const auto found = known_.find(number);
  return found == known_.end() ? 0 : found->second.taken_at_micros;
}

}  // namespace suppressd
