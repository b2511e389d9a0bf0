// How a store is opened: its database, what it remembers of itself, and the proof that nothing acknowledged is missing.
#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/error.h"
#include "storage/command_batch.h"
#include "storage/database_open.h"
#include "storage/store.h"

namespace suppression {
namespace {

constexpr char kNormaliser[] = "norm-v1";

absl::Status WriteFailure(const std::string& path, const rocksdb::Status& status) {
  const std::string what = absl::StrCat("cannot write to the database in ", path, ": ", status.ToString());
  return IsWriteRefused(status) ? absl::ResourceExhaustedError(what) : absl::FailedPreconditionError(what);
}

}  // namespace

uint64_t RandomNumber() {
  std::random_device random;
  return (static_cast<uint64_t>(random()) << 32 | random()) | 1;
}

// Twice: to prove that all of it is there, and then to use it. A database that is refused is left as it was, so that a
// file that turns up again can be put back.
absl::Status Store::OpenDatabase() {
  if (!directory_->is_new() && !directory_->accepts_loss()) {
    if (absl::Status whole = ProveComplete(); !whole.ok()) return whole;
  }
  absl::StatusOr<OpenedDatabase> opened =
      suppression::OpenDatabase(*directory_, DatabaseOptions(options_), ColumnFamilyDescriptors(options_, &horizon_));
  if (!opened.ok()) return opened.status();
  db_ = std::move(opened->db);
  families_ = std::move(opened->families);
  if (opened->read_only) LatchWrites(rocksdb::Status::NoSpace()).IgnoreError();
  if (directory_->is_new()) {
    if (absl::Status made = InitialiseMeta(); !made.ok()) return made;
    if (absl::Status noted = directory_->NoteHead(0); !noted.ok()) return noted;
  }
  if (absl::Status read = ReadMeta(); !read.ok()) return read;
  if (directory_->accepts_loss()) return AcceptLoss();
  const absl::StatusOr<std::optional<uint64_t>> noted = directory_->ReadHead();
  if (!noted.ok()) return noted.status();
  noted_head_ = noted->value_or(0);
  if (absl::Status renewed = noted->has_value() ? absl::OkStatus() : RenewLineage(); !renewed.ok()) return renewed;
  return directory_->is_new() ? absl::OkStatus() : FlushRecovered();
}

absl::Status Store::ProveComplete() {
  absl::StatusOr<OpenedDatabase> opened =
      OpenReadOnly(*directory_, DatabaseOptions(options_), ColumnFamilyDescriptors(options_, &horizon_));
  if (!opened.ok()) return opened.status();
  db_ = std::move(opened->db);
  families_ = std::move(opened->families);
  absl::Status status = ReadMeta();
  if (status.ok()) status = CheckHead();
  if (status.ok()) status = CheckChanges();
  CloseDatabase(std::move(db_), families_);
  families_.clear();
  return status;
}

absl::Status Store::CheckHead() const {
  const absl::StatusOr<std::optional<uint64_t>> noted = directory_->ReadHead();
  if (!noted.ok()) return noted.status();
  if (noted->value_or(0) <= head_->head()) return absl::OkStatus();
  return directory_->Damaged(directory_->database_path(),
                             absl::StrCat("it ends at revision ", head_->head(), " but was at ", **noted));
}

// Every write leaves a change under its revision, in the same batch. What is in table files is there for all families
// alike (atomic_flush), and the manifest vouches for the files; so it is enough to look at what came from the logs.
absl::Status Store::CheckChanges() const {
  uint64_t expected = horizon_.oldest_change.load();
  rocksdb::ColumnFamilyMetaData files;
  db_->GetColumnFamilyMetaData(families_[kChanges], &files);
  for (const rocksdb::LevelMetaData& level : files.levels) {
    for (const rocksdb::SstFileMetaData& file : level.files) {
      expected = std::max(expected, ParseRevisionKey(file.largestkey) + 1);
    }
  }
  std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator({}, families_[kChanges]));
  for (it->Seek(RevisionKey(expected)); it->Valid(); it->Next(), ++expected) {
    if (ParseRevisionKey(ToView(it->key())) != expected) break;
  }
  if (!it->status().ok()) return directory_->DamagedBeyondUse(directory_->database_path(), it->status().ToString());
  if (!it->Valid() && expected > head_->head()) return absl::OkStatus();
  return directory_->Damaged(directory_->database_path(),
                             absl::StrCat("its log lacks revision ", expected, " of ", head_->head()));
}

// From here on the logs hold what this run writes and nothing else.
absl::Status Store::FlushRecovered() {
  if (!write_status().ok()) return absl::OkStatus();
  const rocksdb::Status status = db_->Flush(rocksdb::FlushOptions(), families_);
  if (!status.ok()) LatchWrites(status).IgnoreError();  // reads go on
  return absl::OkStatus();
}

// What is left is the list from now on, and nobody who knows another state is told that it is the same.
absl::Status Store::AcceptLoss() {
  const uint64_t head = head_->head();
  const uint64_t oldest = std::min(horizon_.oldest_change.load(), head);
  rocksdb::WriteBatch batch;
  rocksdb::Status status = batch.DeleteRange(families_[kChanges], RevisionKey(oldest), RevisionKey(head));
  if (status.ok()) status = batch.Delete(families_[kChanges], RevisionKey(head));
  if (status.ok()) status = batch.Put(families_[kMeta], kOldestChangeName, RevisionKey(head + 1));
  absl::flat_hash_map<std::string, int64_t> domain_entries;
  if (status.ok()) status = CountDomainEntries(&domain_entries);
  for (const auto& [tenant, count] : domain_entries) {
    stored::TenantInfo info;
    info.set_domain_entries(count);
    if (status.ok()) {
      status = batch.Put(families_[kMeta], absl::StrCat(kTenantPrefix, tenant), info.SerializeAsString());
    }
  }
  rocksdb::WriteOptions write;
  write.sync = true;
  if (status.ok()) status = db_->Write(write, &batch);
  if (!status.ok()) return WriteFailure(options_.path, status);
  {
    absl::MutexLock lock(&mutex_);
    any_domain_entries_ = !domain_entries.empty();
    domain_entries_ = std::move(domain_entries);
  }
  horizon_.oldest_change = head + 1;
  if (absl::Status renewed = RenewLineage(); !renewed.ok()) return renewed;
  return directory_->EndLoss();
}

rocksdb::Status Store::CountDomainEntries(absl::flat_hash_map<std::string, int64_t>* counts) const {
  std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator({}, families_[kEntries]));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    // TENANT 00 DOMAIN 00: without local part.
    const absl::string_view key = ToView(it->key());
    if (key.empty() || key.back() != '\0') continue;
    ++(*counts)[std::string(key.substr(0, key.find('\0')))];
  }
  return it->status();
}

// Without the note of the head this may be an older state: a restored backup, or a loss that was accepted. Revisions
// will be given out again, so tokens of before must not fit.
absl::Status Store::RenewLineage() {
  if (!write_status().ok()) {
    return absl::ResourceExhaustedError(
        absl::StrCat("data directory ", options_.path, " has no HEAD, and no room to begin without one; make room"));
  }
  const uint64_t lineage = RandomNumber();
  rocksdb::WriteOptions write;
  write.sync = true;
  const rocksdb::Status status = db_->Put(write, families_[kMeta], kLineageName, RevisionKey(lineage));
  if (!status.ok()) return WriteFailure(options_.path, status);
  lineage_ = lineage;
  noted_head_ = head_->head();
  return directory_->NoteHead(noted_head_);
}

absl::Status Store::InitialiseMeta() {
  const uint64_t lineage = options_.replica ? options_.source_lineage : RandomNumber();
  rocksdb::WriteBatch batch;
  rocksdb::Status status = batch.Put(families_[kMeta], kLineageName, RevisionKey(lineage));
  if (status.ok()) status = batch.Put(families_[kMeta], kRevisionName, RevisionKey(0));
  if (status.ok()) status = batch.Put(families_[kMeta], kOldestChangeName, RevisionKey(1));
  if (status.ok()) status = batch.Put(families_[kMeta], kNormaliserName, kNormaliser);
  if (status.ok() && options_.replica) status = batch.Put(families_[kMeta], kReplicaName, "1");
  rocksdb::WriteOptions write;
  write.sync = true;
  if (status.ok()) status = db_->Write(write, &batch);
  return status.ok() ? absl::OkStatus() : WriteFailure(options_.path, status);
}

absl::StatusOr<std::string> Store::GetMeta(const rocksdb::ReadOptions& read, const std::string& name) const {
  std::string value;
  const rocksdb::Status status = db_->Get(read, families_[kMeta], name, &value);
  if (!status.ok() && !status.IsNotFound()) return ReadFailure(status);
  return value;
}

absl::Status Store::ReadMeta() {
  const rocksdb::ReadOptions read;
  const auto lineage = GetMeta(read, kLineageName);
  const auto revision = GetMeta(read, kRevisionName);
  const auto oldest = GetMeta(read, kOldestChangeName);
  const auto time = GetMeta(read, kCommandTimeName);
  const auto normaliser = GetMeta(read, kNormaliserName);
  const auto replica = GetMeta(read, kReplicaName);
  const auto timelines = GetMeta(read, kTimelinesName);
  for (const auto* value : {&lineage, &revision, &oldest, &time, &normaliser, &replica, &timelines}) {
    if (!value->ok()) return value->status();
  }
  if (*normaliser != kNormaliser || lineage->empty() || revision->empty() || oldest->empty()) {
    return directory_->DamagedBeyondUse(directory_->database_path(), "it lacks its meta records");
  }
  {
    absl::MutexLock timeline_lock(&timeline_mutex_);
    if (!timelines_.Decode(*timelines)) {
      return directory_->DamagedBeyondUse(directory_->database_path(), "its timelines are garbled");
    }
    if (options_.replica) timeline_ = timelines_.current();
  }
  lineage_ = ParseRevisionKey(*lineage);
  if (absl::Status kind = CheckKind(*replica); !kind.ok()) return kind;
  head_ = std::make_unique<HeadSignal>(ParseRevisionKey(*revision));
  horizon_.oldest_change = ParseRevisionKey(*oldest);
  horizon_.newest_command_micros = static_cast<int64_t>(ParseRevisionKey(*time));

  const std::string prefix = kTenantPrefix;
  std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(read, families_[kMeta]));
  absl::MutexLock lock(&mutex_);
  for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) {
    stored::TenantInfo info;
    if (!info.ParseFromArray(it->value().data(), static_cast<int>(it->value().size()))) {
      return ReadFailure(rocksdb::Status::Corruption());
    }
    domain_entries_[it->key().ToString().substr(prefix.size())] = info.domain_entries();
    any_domain_entries_ = true;
  }
  return it->status().ok() ? absl::OkStatus() : ReadFailure(it->status());
}

}  // namespace suppression
