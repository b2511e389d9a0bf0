// How a database is opened: what it remembers of itself, and the proof that nothing acknowledged is missing.
#include <openssl/sha.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/database.h"
#include "storage/keys.h"
#include "storage/log_settings.h"
#include "storage/random_number.h"
#include "storage/rocksdb_open.h"

namespace suppressd {
namespace {

constexpr char kNormaliser[] = "norm-v1";

absl::Status WriteFailure(const std::string& path, const rocksdb::Status& status) {
  const std::string what = absl::StrCat("cannot write to the database in ", path, ": ", status.ToString());
  return IsWriteRefused(status) ? absl::ResourceExhaustedError(what) : absl::FailedPreconditionError(what);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const StoreOptions& options, DatabaseKind kind,
                                                         uint64_t lineage) {
  std::unique_ptr<Database> database(new Database(options, kind));
  absl::StatusOr<std::unique_ptr<DataDirectory>> directory = DataDirectory::Open(options.path);
  if (!directory.ok()) return directory.status();
  database->directory_ = *std::move(directory);
  const bool replica = kind == DatabaseKind::kReplica;
  if (replica && lineage == 0 && database->directory_->is_new()) {
    return absl::FailedPreconditionError(absl::StrCat(options.path, " holds no replica yet"));
  }
  database->UseTimeline(RandomNumber());
  if (absl::Status status = database->OpenDatabase(lineage); !status.ok()) return status;
  // A replica is ready once it has loaded a snapshot (ReplicaWriter::FinishLoad): what was loaded of one is not kept.
  if (!replica) {
    if (absl::Status status = database->directory_->MarkReady(); !status.ok()) return status;
  }
  database->opened_ = true;
  return database;
}

// Twice: to prove that all of it is there, and then to use it. A database that is refused is left as it was, so that a
// file that turns up again can be put back.
absl::Status Database::OpenDatabase(uint64_t lineage) {
  absl::MutexLock writing(&write_mutex_);
  if (!directory_->is_new() && !directory_->accepts_loss()) {
    if (absl::Status whole = OpenProved(lineage).status(); !whole.ok()) return whole;
  }
  absl::StatusOr<Handle> opened = OpenToWrite();
  if (!opened.ok()) return opened.status();
  if ((*opened)->read_only()) FailFurtherWrites(rocksdb::Status::NoSpace()).IgnoreError();
  Install(*std::move(opened));
  if (directory_->is_new()) {
    if (absl::Status made = InitialiseMeta(lineage); !made.ok()) return made;
    if (absl::Status noted = directory_->NoteHead(0); !noted.ok()) return noted;
  }
  absl::StatusOr<Meta> meta = ReadMeta(*writing_, lineage);
  if (!meta.ok()) return meta.status();
  UseMeta(*std::move(meta));
  if (directory_->accepts_loss()) return AcceptLoss();
  const auto noted = directory_->ReadHead();
  if (!noted.ok()) return noted.status();
  if (noted->has_value()) {
    noted_head_ = (*noted)->revision;
    if ((*noted)->at_micros > 0) noted_micros_ = (*noted)->at_micros;
  }
  if (absl::Status renewed = noted->has_value() ? absl::OkStatus() : RenewLineage(); !renewed.ok()) return renewed;
  return FlushRecovered();
}

absl::StatusOr<Database::Handle> Database::OpenProved(uint64_t lineage) const {
  static RetentionCutoffs unused;  // nothing is compacted where nothing is written
  absl::StatusOr<OpenedDatabase> opened =
      OpenReadOnly(*directory_, RocksDbOptions(options_, kind_), ColumnFamilyDescriptors(options_, kind_, &unused));
  if (!opened.ok()) return opened.status();
  Handle rocks = std::make_shared<const RocksHandle>(*std::move(opened));
  const absl::StatusOr<Meta> meta = ReadMeta(*rocks, lineage);
  absl::Status status = meta.status();
  if (status.ok()) status = CheckHead(meta->revision);
  if (status.ok()) status = CheckChanges(*rocks, *meta);
  if (!status.ok()) return status;
  return rocks;
}

absl::StatusOr<Database::Handle> Database::OpenToWrite() {
  rocksdb::DBOptions settings = RocksDbOptions(options_, kind_);
  settings.listeners.push_back(
      WatchBackgroundErrors([this](const rocksdb::Status& failed) { FailFurtherWrites(failed).IgnoreError(); }));
  absl::StatusOr<OpenedDatabase> opened =
      suppressd::OpenDatabase(*directory_, std::move(settings), ColumnFamilyDescriptors(options_, kind_, &cutoffs_));
  if (!opened.ok()) return opened.status();
  return std::make_shared<const RocksHandle>(*std::move(opened));
}

// A backup has no data directory; there, too, only another one helps.
absl::Status Database::Damaged(absl::string_view how) const {
  return directory_ != nullptr ? directory_->Damaged(directory_->database_path(), how) : DamagedBeyondUse(how);
}

absl::Status Database::DamagedBeyondUse(absl::string_view how) const {
  if (directory_ != nullptr) return directory_->DamagedBeyondUse(directory_->database_path(), how);
  return absl::DataLossError(absl::StrCat("the database in ", options_.path, " is damaged or incomplete (", how, ")"));
}

absl::StatusOr<DatabaseFacts> Database::Prove(const StoreOptions& options, const RocksHandle& rocks) {
  const Database held(options, DatabaseKind::kList);
  const absl::StatusOr<Meta> meta = held.ReadMeta(rocks, /*lineage=*/0);
  if (!meta.ok()) return meta.status();
  if (absl::Status whole = held.CheckChanges(rocks, *meta); !whole.ok()) return whole;
  std::string bytes;
  const auto add = [&bytes](const rocksdb::Slice& text) {
    bytes += RevisionKey(text.size());
    bytes.append(text.data(), text.size());
  };
  std::unique_ptr<rocksdb::Iterator> it(rocks.db()->NewIterator({}, rocks.family(kMeta)));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    add(it->key());
    add(it->value());
  }
  if (!it->status().ok()) return ReadFailure(it->status());
  DatabaseFacts facts;
  facts.lineage = meta->lineage;
  facts.revision = meta->revision;
  facts.log_time_micros = meta->log_time_micros;
  facts.meta_sha256.resize(SHA256_DIGEST_LENGTH);
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(facts.meta_sha256.data()));
  return facts;
}

absl::Status Database::CheckHead(uint64_t revision) const {
  const auto noted = directory_->ReadHead();
  if (!noted.ok()) return noted.status();
  // What this very run has acknowledged counts as well, when the database is opened again below it.
  const uint64_t known = std::max(noted->has_value() ? (*noted)->revision : 0, head_ == nullptr ? 0 : head_->head());
  if (known <= revision) return absl::OkStatus();
  return Damaged(absl::StrCat("it ends at revision ", revision, " but was at ", known));
}

// Every write leaves a change under its revision, in the same batch. What is in table files is there for all families
// alike (atomic_flush), and the manifest vouches for the files; so it is enough to look at what came from the logs.
absl::Status Database::CheckChanges(const RocksHandle& rocks, const Meta& meta) const {
  uint64_t expected = meta.oldest_change;
  rocksdb::ColumnFamilyMetaData files;
  rocks.db()->GetColumnFamilyMetaData(rocks.family(kChanges), &files);
  for (const rocksdb::LevelMetaData& level : files.levels) {
    for (const rocksdb::SstFileMetaData& file : level.files) {
      expected = std::max(expected, ParseRevisionKey(file.largestkey) + 1);
    }
  }
  std::unique_ptr<rocksdb::Iterator> it(rocks.db()->NewIterator({}, rocks.family(kChanges)));
  for (it->Seek(RevisionKey(expected)); it->Valid(); it->Next(), ++expected) {
    if (ParseRevisionKey(ToView(it->key())) != expected) break;
  }
  if (!it->status().ok()) return DamagedBeyondUse(it->status().ToString());
  if (!it->Valid() && expected > meta.revision) return absl::OkStatus();
  return Damaged(absl::StrCat("its log lacks revision ", expected, " of ", meta.revision));
}

// From here on the logs hold what this run writes and nothing else.
absl::Status Database::FlushRecovered() {
  if (!write_status().ok()) return absl::OkStatus();
  const rocksdb::Status status = rocks()->Flush(rocksdb::FlushOptions(), writing_->families());
  if (!status.ok()) FailFurtherWrites(status).IgnoreError();  // reads go on
  recovered_is_durable_ = status.ok();
  return absl::OkStatus();
}

// What is left is the list from now on, and nobody who knows another state is told that it is the same.
absl::Status Database::AcceptLoss() {
  const uint64_t head = head_->head();
  rocksdb::WriteBatch batch;
  ForgetChanges(head, &batch);
  absl::flat_hash_map<std::string, int64_t> domain_entries;
  rocksdb::Status status = CountDomainEntries(&domain_entries);
  for (const auto& [tenant, count] : domain_entries) {
    stored::TenantInfo info;
    info.set_domain_entries(count);
    if (status.ok()) {
      status = batch.Put(family(kMeta), absl::StrCat(kTenantPrefix, tenant), info.SerializeAsString());
    }
  }
  rocksdb::WriteOptions write;
  write.sync = true;
  if (status.ok()) status = rocks()->Write(write, &batch);
  if (!status.ok()) return WriteFailure(options_.path, status);
  {
    absl::MutexLock lock(&mutex_);
    any_domain_entries_ = !domain_entries.empty();
    domain_entries_ = std::move(domain_entries);
  }
  cutoffs_.oldest_change = head + 1;
  if (absl::Status renewed = RenewLineage(); !renewed.ok()) return renewed;
  if (absl::Status flushed = FlushRecovered(); !flushed.ok()) return flushed;
  return directory_->EndLoss();
}

rocksdb::Status Database::CountDomainEntries(absl::flat_hash_map<std::string, int64_t>* counts) const {
  std::unique_ptr<rocksdb::Iterator> it(rocks()->NewIterator({}, family(kEntries)));
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
absl::Status Database::RenewLineage() {
  if (!write_status().ok()) {
    return absl::ResourceExhaustedError(
        absl::StrCat("data directory ", options_.path, " has no HEAD, and no room to begin without one; make room"));
  }
  const uint64_t lineage = RandomNumber();
  rocksdb::WriteOptions write;
  write.sync = true;
  const rocksdb::Status status = rocks()->Put(write, family(kMeta), kLineageName, RevisionKey(lineage));
  if (!status.ok()) return WriteFailure(options_.path, status);
  lineage_ = lineage;
  noted_head_ = head_->head();
  return directory_->NoteHead(noted_head_);
}

absl::Status Database::InitialiseMeta(uint64_t lineage) {
  const bool replica = kind_ == DatabaseKind::kReplica;
  stored::LogSettings settings;
  settings.set_request_window_days(options_.request_window_days);
  settings.set_bounce_retention_days(options_.bounce_retention_days);
  settings.set_state_machine_version(kStateMachineVersion);
  rocksdb::WriteBatch batch;
  rocksdb::Status status = batch.Put(family(kMeta), kLineageName, RevisionKey(lineage != 0 ? lineage : RandomNumber()));
  if (status.ok()) status = batch.Put(family(kMeta), kRevisionName, RevisionKey(0));
  if (status.ok()) status = batch.Put(family(kMeta), kOldestChangeName, RevisionKey(1));
  if (status.ok()) status = batch.Put(family(kMeta), kNormaliserName, kNormaliser);
  if (status.ok()) status = batch.Put(family(kMeta), kSettingsName, settings.SerializeAsString());
  if (status.ok() && replica) status = batch.Put(family(kMeta), kReplicaName, "1");
  rocksdb::WriteOptions write;
  write.sync = true;
  if (status.ok()) status = rocks()->Write(write, &batch);
  return status.ok() ? absl::OkStatus() : WriteFailure(options_.path, status);
}

absl::StatusOr<Database::Meta> Database::ReadMeta(const RocksHandle& rocks, uint64_t lineage) const {
  const rocksdb::ReadOptions read;
  const auto stored_lineage = rocks.GetMeta(read, kLineageName);
  const auto revision = rocks.GetMeta(read, kRevisionName);
  const auto oldest = rocks.GetMeta(read, kOldestChangeName);
  const auto time = rocks.GetMeta(read, kLogTimeName);
  const auto normaliser = rocks.GetMeta(read, kNormaliserName);
  const auto replica = rocks.GetMeta(read, kReplicaName);
  const auto timelines = rocks.GetMeta(read, kTimelinesName);
  for (const auto* value : {&stored_lineage, &revision, &oldest, &time, &normaliser, &replica, &timelines}) {
    if (!value->ok()) return value->status();
  }
  if (*normaliser != kNormaliser || stored_lineage->empty() || revision->empty() || oldest->empty()) {
    return DamagedBeyondUse("it lacks its meta records");
  }
  Meta meta;
  meta.lineage = ParseRevisionKey(*stored_lineage);
  meta.revision = ParseRevisionKey(*revision);
  meta.oldest_change = ParseRevisionKey(*oldest);
  meta.log_time_micros = static_cast<int64_t>(ParseRevisionKey(*time));
  if (!meta.timelines.Decode(*timelines)) {
    return DamagedBeyondUse("its timelines are garbled");
  }
  if (absl::Status kind = CheckKind(*replica, meta.lineage, lineage); !kind.ok()) return kind;
  absl::StatusOr<stored::LogSettings> settings = ReadSettings(rocks);
  if (!settings.ok()) return settings.status();
  meta.settings = *std::move(settings);
  const std::string prefix = kTenantPrefix;
  std::unique_ptr<rocksdb::Iterator> it(rocks.db()->NewIterator(read, rocks.family(kMeta)));
  for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) {
    stored::TenantInfo info;
    if (!info.ParseFromArray(it->value().data(), static_cast<int>(it->value().size()))) {
      return ReadFailure(rocksdb::Status::Corruption());
    }
    meta.domain_entries[it->key().ToString().substr(prefix.size())] = info.domain_entries();
  }
  if (!it->status().ok()) return ReadFailure(it->status());
  return meta;
}

// Readers may be under way: what they look at is replaced in one step, and the head is not moved.
void Database::UseMeta(Meta meta) {
  if (head_ == nullptr) {
    lineage_ = meta.lineage;
    head_ = std::make_unique<HeadSignal>(meta.revision);
  }
  {
    absl::MutexLock timeline_lock(&timeline_mutex_);
    timelines_ = std::move(meta.timelines);
    const uint64_t current = timelines_.current();
    timeline_ = kind_ == DatabaseKind::kReplica || current == next_timeline_ ? current : 0;
  }
  cutoffs_.oldest_change = meta.oldest_change;
  {
    absl::MutexLock lock(&mutex_);
    settings_ = std::move(meta.settings);
    any_domain_entries_ = any_domain_entries_ || !meta.domain_entries.empty();
    domain_entries_ = std::move(meta.domain_entries);
  }
  MoveCutoffs(meta.log_time_micros);
}

// A list of before settings were in the log goes by the options it is opened with.
absl::StatusOr<stored::LogSettings> Database::ReadSettings(const RocksHandle& rocks) const {
  const absl::StatusOr<std::string> value = rocks.GetMeta({}, kSettingsName);
  if (!value.ok()) return value.status();
  stored::LogSettings settings;
  if (!settings.ParseFromString(*value)) {
    return DamagedBeyondUse("its settings are garbled");
  }
  if (settings.state_machine_version() > kStateMachineVersion) {
    return absl::FailedPreconditionError(absl::StrCat(options_.path, " was written by state machine ",
                                                      settings.state_machine_version(), "; this program knows up to ",
                                                      kStateMachineVersion, ": use a newer suppressd"));
  }
  if (settings.request_window_days() == 0) settings.set_request_window_days(options_.request_window_days);
  if (settings.bounce_retention_days() == 0) settings.set_bounce_retention_days(options_.bounce_retention_days);
  return settings;
}

absl::Status Database::CheckKind(absl::string_view replica, uint64_t held, uint64_t lineage) const {
  const bool wanted = kind_ == DatabaseKind::kReplica;
  if (wanted == replica.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        options_.path, wanted ? " holds data of its own and is no replica" : " is a replica and takes no reports"));
  }
  if (lineage == 0 || lineage == held) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(options_.path, wanted ? " is a replica of other data; make a new one" : " holds other data"));
}

}  // namespace suppressd
