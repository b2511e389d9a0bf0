#include "storage/outbox.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/error.h"
#include "rocksdb/write_batch.h"
#include "storage/keys.h"
#include "storage/rocksdb_settings.h"
#include "storage/store.h"

namespace suppression {
namespace {

constexpr char kRefusedFamily[] = "refused";
constexpr char kDeliveredFamily[] = "delivered";
constexpr size_t kWriteBufferOctets = 4 << 20;
constexpr size_t kBatchMax = 1'024;  // reports written with one fsync
enum Family { kWaitingFamily = 0, kRefused = 1, kDelivered = 2 };

rocksdb::ColumnFamilyOptions FamilyOptions() {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = kWriteBufferOctets;
  options.compression = rocksdb::kLZ4Compression;
  options.OptimizeForSmallDb();
  return options;
}

std::string KeyOf(const stored::OutboxReport& report) {
  if (report.request_key().empty()) return "";
  const std::string& tenant = report.request().tenant();
  return absl::StrCat(tenant.empty() ? "default" : tenant, absl::string_view("\0", 1), report.request_key());
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
    if (absl::Status status = outbox->directory_->MarkReady(); !status.ok()) return status;
    if (absl::Status status = outbox->Scan(visit); !status.ok()) return status;
  }
  outbox->thread_ = std::thread([raw = outbox.get()] { raw->Run(); });
  return outbox;
}

Outbox::~Outbox() {
  Close();
  absl::MutexLock lock(&database_mutex_);
  CloseDatabase();
}

absl::Status Outbox::OpenDatabase() {
  StoreOptions store;
  store.env = options_.env;
  rocksdb::DBOptions settings = DatabaseOptions(store);
  settings.create_if_missing = settings.create_missing_column_families = directory_->is_new();
  settings.max_total_wal_size = 64 << 20;
  const std::vector<rocksdb::ColumnFamilyDescriptor> families = {{rocksdb::kDefaultColumnFamilyName, FamilyOptions()},
                                                                 {kRefusedFamily, FamilyOptions()},
                                                                 {kDeliveredFamily, FamilyOptions()}};
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(settings, directory_->database_path(), families, &families_, &db);
  if (!status.ok()) {
    return absl::DataLossError(absl::StrCat("cannot open the outbox in ", options_.path, ": ", status.ToString()));
  }
  db_.reset(db);
  broken_ = false;
  return absl::OkStatus();
}

void Outbox::CloseDatabase() {
  if (db_ == nullptr) return;
  for (rocksdb::ColumnFamilyHandle* family : families_) db_->DestroyColumnFamilyHandle(family).PermitUncheckedError();
  families_.clear();
  db_->Close().PermitUncheckedError();
  db_.reset();
}

absl::Status Outbox::Scan(Visit visit) {
  absl::MutexLock lock(&mutex_);
  known_.clear();
  keys_.clear();
  octets_ = refused_ = 0;
  uint64_t newest = 0;
  std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator({}, families_[kWaitingFamily]));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    stored::OutboxReport report;
    if (!report.ParseFromArray(it->value().data(), static_cast<int>(it->value().size()))) {
      return absl::DataLossError(absl::StrCat("the outbox in ", options_.path, " holds a damaged report"));
    }
    const uint64_t number = ParseRevisionKey(ToView(it->key()));
    Learn(number, report, static_cast<int64_t>(it->value().size()));
    newest = std::max(newest, number);
    std::string delivered;
    const rocksdb::Status noted = db_->Get({}, families_[kDelivered], it->key(), &delivered);
    if (!noted.ok() && !noted.IsNotFound()) return ReadFailure(noted);
    visit(number, report, delivered);
  }
  absl::Status status = it->status().ok() ? absl::OkStatus() : ReadFailure(it->status());
  it.reset(db_->NewIterator({}, families_[kRefused]));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    ++refused_;
    newest = std::max(newest, ParseRevisionKey(ToView(it->key())));
  }
  shown_ = std::max(shown_, newest);
  last_ = std::max(last_, newest);
  if (status.ok() && !it->status().ok()) status = ReadFailure(it->status());
  return status;
}

void Outbox::Learn(uint64_t number, const stored::OutboxReport& report, int64_t octets) {
  Known& known = known_[number];
  known.octets = octets;
  known.taken_at_micros = ToMicros(report.request().received_at());
  known.key = KeyOf(report);
  if (!known.key.empty()) keys_[known.key] = {number, report.payload_digest()};
  octets_ += octets;
}

void Outbox::Forget(uint64_t number) {
  const auto found = known_.find(number);
  if (found == known_.end()) return;
  octets_ -= found->second.octets;
  if (const auto key = keys_.find(found->second.key); key != keys_.end() && key->second.number == number) {
    keys_.erase(key);
  }
  known_.erase(found);
}

void Outbox::Add(stored::OutboxReport report, Done done) {
  const int64_t octets = static_cast<int64_t>(report.ByteSizeLong());
  absl::Status refused;
  {
    absl::MutexLock lock(&mutex_);
    const auto reports = static_cast<int64_t>(known_.size() + waiting_.size());
    const Keyed* known = nullptr;
    if (const auto found = keys_.find(KeyOf(report)); found != keys_.end()) known = &found->second;
    if (closed_) {
      refused = Closing();
    } else if (known == nullptr &&
               (reports >= options_.reports_max || octets_ + waiting_octets_ + octets > options_.octets_max)) {
      refused = MakeError(absl::StatusCode::kUnavailable, v1::OUTBOX_FULL,
                          "the centre is away and as many reports wait for it as may");
    } else {
      waiting_.push_back({std::move(report), octets, std::move(done)});
      waiting_octets_ += octets;
    }
  }
  if (!refused.ok()) done(refused);
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
    WriteAll(&batch);
  }
}

void Outbox::WriteAll(std::vector<Waiting>* batch) {
  std::vector<Added> added(batch->size());
  std::vector<absl::Status> refused(batch->size());
  {
    absl::MutexLock lock(&mutex_);
    absl::flat_hash_map<std::string, Keyed> fresh;  // keys of this very batch
    for (size_t i = 0; i < batch->size(); ++i) {
      const stored::OutboxReport& report = (*batch)[i].report;
      const std::string key = KeyOf(report);
      const Keyed* known = nullptr;
      if (const auto found = keys_.find(key); found != keys_.end()) known = &found->second;
      if (const auto found = fresh.find(key); found != fresh.end()) known = &found->second;
      if (known == nullptr) {
        added[i].number = ++last_;
        if (!key.empty()) fresh[key] = {added[i].number, report.payload_digest()};
      } else if (known->digest == report.payload_digest()) {
        added[i] = {known->number, true};
      } else {
        refused[i] = MakeError(absl::StatusCode::kAlreadyExists, v1::REQUEST_ID_REUSED,
                               "this request or event id was used with another payload");
        added[i].duplicate = true;
      }
    }
  }
  const absl::Status written = Write(*batch, added);
  {
    absl::MutexLock lock(&mutex_);
    for (size_t i = 0; i < batch->size(); ++i) {
      waiting_octets_ -= (*batch)[i].octets;
      if (written.ok() && !added[i].duplicate) Learn(added[i].number, (*batch)[i].report, (*batch)[i].octets);
    }
  }
  for (size_t i = 0; i < batch->size(); ++i) {
    const absl::Status& status = written.ok() ? refused[i] : written;
    (*batch)[i].done(status.ok() ? absl::StatusOr<Added>(added[i]) : status);
  }
  {
    absl::MutexLock lock(&mutex_);
    shown_ = last_;
  }
  options_.shown();
}

absl::Status Outbox::Write(const std::vector<Waiting>& batch, const std::vector<Added>& added) {
  rocksdb::WriteOptions options;
  options.sync = true;
  rocksdb::WriteBatch writes;
  absl::MutexLock lock(&database_mutex_);
  if (broken_) {
    CloseDatabase();
    absl::Status opened = OpenDatabase();
    // What was refused before may turn out to be there: it is delivered then, which its reporter wanted.
    if (opened.ok()) opened = Scan([](uint64_t, const stored::OutboxReport&, const std::string&) {});
    if (!opened.ok()) {
      broken_ = true;
      return MakeError(absl::StatusCode::kUnavailable, v1::STORAGE_UNAVAILABLE, "the disk of the sidecar refuses");
    }
  }
  for (size_t i = 0; i < batch.size(); ++i) {
    if (added[i].duplicate) continue;
    writes.Put(families_[kWaitingFamily], RevisionKey(added[i].number), batch[i].report.SerializeAsString())
        .PermitUncheckedError();
  }
  const rocksdb::Status status = db_->Write(options, &writes);
  return status.ok() ? absl::OkStatus() : Fail(status);
}

absl::Status Outbox::Fail(const rocksdb::Status&) {
  broken_ = true;
  return MakeError(absl::StatusCode::kUnavailable, v1::STORAGE_UNAVAILABLE, "the disk of the sidecar refuses");
}

absl::StatusOr<std::vector<std::pair<uint64_t, stored::OutboxReport>>> Outbox::Read(uint64_t after, int count_max,
                                                                                    int64_t octets_max) const {
  std::vector<std::pair<uint64_t, stored::OutboxReport>> reports;
  absl::ReaderMutexLock database_lock(&database_mutex_);
  if (db_ == nullptr) return reports;
  uint64_t shown = 0;
  {
    absl::MutexLock lock(&mutex_);
    shown = shown_;
  }
  std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator({}, families_[kWaitingFamily]));
  int64_t octets = 0;
  for (it->Seek(RevisionKey(after + 1)); it->Valid(); it->Next()) {
    const uint64_t number = ParseRevisionKey(ToView(it->key()));
    if (number > shown || static_cast<int>(reports.size()) >= count_max || octets > octets_max) break;
    auto& [place, report] = reports.emplace_back();
    place = number;
    if (!report.ParseFromArray(it->value().data(), static_cast<int>(it->value().size()))) {
      return ReadFailure(rocksdb::Status::Corruption());
    }
    octets += static_cast<int64_t>(it->value().size());
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
  rocksdb::WriteBatch writes;
  absl::MutexLock database_lock(&database_mutex_);
  if (db_ == nullptr || broken_) return Fail({});
  for (const uint64_t number : numbers) {
    writes.Delete(families_[kWaitingFamily], RevisionKey(number)).PermitUncheckedError();
    writes.Delete(families_[kDelivered], RevisionKey(number)).PermitUncheckedError();
  }
  const rocksdb::Status status = db_->Write({}, &writes);
  if (!status.ok()) return Fail(status);
  absl::MutexLock lock(&mutex_);
  for (const uint64_t number : numbers) Forget(number);
  return absl::OkStatus();
}

absl::Status Outbox::Refuse(uint64_t number, const std::string& reason) {
  rocksdb::WriteOptions options;
  options.sync = true;
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
  const rocksdb::Status status = db_->Write(options, &writes);
  if (!status.ok()) return Fail(status);
  absl::MutexLock lock(&mutex_);
  Forget(number);
  if (!full) ++refused_;
  return absl::OkStatus();
}

Outbox::Summary Outbox::summary() const {
  absl::MutexLock lock(&mutex_);
  return {static_cast<int64_t>(known_.size()), octets_, refused_, shown_};
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

}  // namespace suppression
