#include "storage/backup.h"

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "rocksdb/utilities/backup_engine.h"
#include "storage/backup_proof.h"
#include "storage/database.h"
#include "storage/stoppable_files.h"

namespace suppressd {
namespace {

absl::Status Refused(v1::ErrorReason reason, absl::string_view why) {
  return MakeError(absl::StatusCode::kUnavailable, reason, why);
}

// As the API tells of it: what is damaged is INTERNAL_ERROR, everything else may pass.
absl::Status WithReason(const absl::Status& status) {
  if (status.ok() || ReasonOf(status) != v1::ERROR_REASON_UNSPECIFIED) return status;
  const bool damage = absl::IsDataLoss(status) || absl::IsInternal(status);
  return MakeError(damage ? absl::StatusCode::kInternal : absl::StatusCode::kUnavailable,
                   damage ? v1::INTERNAL_ERROR : v1::STORAGE_UNAVAILABLE, status.message());
}

bool Contains(const std::vector<BackupNote>& notes, uint32_t id) {
  return std::any_of(notes.begin(), notes.end(), [id](const BackupNote& note) { return note.id == id; });
}

// A directory of backups, held alone, and RocksDB's engine over it. For one thread.
class Writing {
 public:
  static absl::StatusOr<std::unique_ptr<Writing>> Open(const std::string& path, rocksdb::Env* env,
                                                       rocksdb::Env* store_env) {
    absl::StatusOr<std::unique_ptr<BackupDirectory>> directory =
        BackupDirectory::Open(path, BackupDirectory::Use::kWrite);
    if (!directory.ok()) return directory.status();
    rocksdb::BackupEngine* engine = nullptr;
    const rocksdb::IOStatus opened =
        rocksdb::BackupEngine::Open(EngineOptions((*directory)->path(), env), store_env, &engine);
    if (!opened.ok()) return absl::UnavailableError(absl::StrCat("cannot use ", path, ": ", opened.ToString()));
    return std::unique_ptr<Writing>(new Writing(*std::move(directory), engine));
  }

  absl::StatusOr<std::vector<BackupNote>> ReadNotes() const { return directory_->ReadNotes(); }
  absl::Status WriteNote(const BackupNote& note) const { return directory_->WriteNote(note); }

  // Makes a backup, which does not count before its note is written. Returns its number.
  absl::StatusOr<uint32_t> Copy(const RocksHandle& rocks, bool flush) {
    rocksdb::CreateBackupOptions options;
    options.flush_before_backup = flush;
    options.decrease_background_thread_cpu_priority = true;
    options.background_thread_cpu_priority = rocksdb::CpuPriority::kLow;
    rocksdb::BackupID id = 0;
    const rocksdb::IOStatus status = engine_->CreateNewBackup(options, rocks.db(), &id);
    if (status.ok()) return id;
    if (IsDamage(status)) return absl::DataLossError("the database, or a file of an earlier backup, is damaged");
    return absl::UnavailableError(absl::StrCat("a backup cannot be written: ", status.ToString()));
  }

  absl::StatusOr<DatabaseFacts> Prove(uint32_t id) const { return ProveBackup(*engine_, id); }

  int64_t SizeBytes(uint32_t id) const {
    rocksdb::BackupInfo info;
    return engine_->GetBackupInfo(id, &info).ok() ? static_cast<int64_t>(info.size) : 0;
  }

  // Deletes what has no note, and files that no backup uses.
  absl::Status DeleteIncomplete() {
    const absl::StatusOr<std::vector<BackupNote>> notes = ReadNotes();
    if (!notes.ok()) return notes.status();
    std::vector<rocksdb::BackupInfo> readable;
    std::vector<rocksdb::BackupID> ids;
    engine_->GetBackupInfo(&readable);
    engine_->GetCorruptedBackups(&ids);
    for (const rocksdb::BackupInfo& info : readable) ids.push_back(info.backup_id);
    for (const uint32_t id : ids) {
      if (Contains(*notes, id)) continue;
      if (absl::Status deleted = Delete(id); !deleted.ok()) return deleted;
    }
    const rocksdb::IOStatus collected = engine_->GarbageCollect();
    return collected.ok() ? absl::OkStatus() : absl::UnavailableError(collected.ToString());
  }

  // Deletes backups of which a file is not what it was: they can never be restored, and new backups would share the
  // file. What cannot be read now is left.
  absl::Status DeleteDamaged() {
    const absl::StatusOr<std::vector<BackupNote>> notes = ReadNotes();
    if (!notes.ok()) return notes.status();
    for (const BackupNote& note : *notes) {
      if (!absl::IsDataLoss(VerifyBackup(*engine_, note.id))) continue;
      if (absl::Status deleted = Delete(note.id); !deleted.ok()) return deleted;
    }
    return DeleteIncomplete();
  }

  // Deletes what is past its time, but the newest; returns how many.
  absl::StatusOr<int> Prune(const BackupOptions& options, int64_t now_micros) {
    const absl::StatusOr<std::vector<BackupNote>> notes = ReadNotes();
    if (!notes.ok()) return notes.status();
    const int64_t oldest_micros = now_micros - options.keep_days * kMicrosPerDay;
    int deleted_count = 0;
    for (size_t i = 1; i < notes->size(); ++i) {
      const BackupNote& note = (*notes)[i];
      if (i < static_cast<size_t>(options.keep_count) && note.created_micros >= oldest_micros) continue;
      if (absl::Status deleted = Delete(note.id); !deleted.ok()) return deleted;
      ++deleted_count;
    }
    return deleted_count;
  }

 private:
  Writing(std::unique_ptr<BackupDirectory> directory, rocksdb::BackupEngine* engine)
      : directory_(std::move(directory)), engine_(engine) {}

  // The note goes first: what is left of the rest is no backup.
  absl::Status Delete(uint32_t id) {
    if (absl::Status removed = directory_->RemoveNote(id); !removed.ok()) return removed;
    const rocksdb::IOStatus deleted = engine_->DeleteBackup(id);
    if (deleted.ok() || deleted.IsNotFound()) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat("backup ", id, " cannot be deleted: ", deleted.ToString()));
  }

  const std::unique_ptr<BackupDirectory> directory_;
  const std::unique_ptr<rocksdb::BackupEngine> engine_;
};

// Makes one backup and proves it. `copying` is true while the database is held open.
absl::StatusOr<BackupNote> Make(Database* database, int64_t now_micros, std::atomic<bool>* copying, Writing* writing) {
  const uint64_t acknowledged = database->head().head();
  absl::StatusOr<uint32_t> id;
  {
    const std::shared_ptr<const RocksHandle> rocks = database->Use();
    *copying = true;
    const absl::Cleanup copied = [copying] { *copying = false; };
    if (rocks->read_only()) return absl::UnavailableError("the database is being opened again");
    // Flushed, what is new is a table file that later backups share; as a log each would copy it again. But while
    // writes are refused for want of room, nothing is added to the store's disk.
    id = writing->Copy(*rocks, /*flush=*/database->write_status().ok());
  }
  if (!id.ok()) return id.status();
  const absl::StatusOr<DatabaseFacts> facts = writing->Prove(*id);
  if (!facts.ok()) return facts.status();
  if (facts->lineage != database->lineage() || facts->revision < acknowledged) {
    return absl::InternalError(
        absl::StrCat("backup ", *id, " ends at revision ", facts->revision, ", but the list was at ", acknowledged));
  }
  BackupNote note;
  note.id = *id;
  note.created_micros = now_micros;
  note.state = {.lineage = facts->lineage, .revision = facts->revision};
  note.log_time_micros = facts->log_time_micros;
  note.size_bytes = writing->SizeBytes(*id);
  note.meta_sha256 = facts->meta_sha256;
  if (absl::Status noted = writing->WriteNote(note); !noted.ok()) return noted;
  return note;
}

std::shared_ptr<rocksdb::FileSystem> FilesOf(rocksdb::Env* env) {
  return env == nullptr ? rocksdb::FileSystem::Default() : env->GetFileSystem();
}

}  // namespace

Backups::Backups(Database* database, const BackupOptions& options)
    : database_(database),
      options_(options),
      env_(rocksdb::NewCompositeEnv(std::make_shared<StoppableFiles>(
          FilesOf(options.env), [this] { return stopping_ || (copying_ && !database_->trouble().ok()); }))) {}

absl::Status Backups::MayGoOn() const {
  if (stopping_) return Refused(v1::SHUTTING_DOWN, "the server is shutting down");
  return database_->trouble();
}

absl::StatusOr<CreatedBackup> Backups::Create(int64_t now_micros) {
  if (creating_.exchange(true)) return Refused(v1::OVERLOADED, "another backup is being made; try again later");
  const absl::Cleanup done = [this] { creating_ = false; };
  absl::StatusOr<CreatedBackup> made = CreateAlone(now_micros);
  if (made.ok()) return made;
  ++failures_;
  const absl::Status goes_on = MayGoOn();
  return goes_on.ok() ? WithReason(made.status()) : goes_on;
}

absl::StatusOr<CreatedBackup> Backups::CreateAlone(int64_t now_micros) {
  if (absl::Status status = MayGoOn(); !status.ok()) return status;
  const std::lock_guard<std::mutex> alone(directory_mutex_);
  rocksdb::Env* const store_env = database_->Use()->db()->GetEnv();
  absl::StatusOr<std::unique_ptr<Writing>> writing = Writing::Open(options_.path, env_.get(), store_env);
  if (!writing.ok()) return writing.status();
  if (absl::Status clean = (*writing)->DeleteIncomplete(); !clean.ok()) return clean;
  absl::StatusOr<BackupNote> note = Make(database_, now_micros, &copying_, writing->get());
  if (absl::IsDataLoss(note.status())) {
    // A file that earlier backups share may be damaged: it would be taken for good each time.
    if (absl::Status clean = (*writing)->DeleteDamaged(); !clean.ok()) return clean;
    note = Make(database_, now_micros, &copying_, writing->get());
  }
  if (!note.ok()) {
    (*writing)->DeleteIncomplete().IgnoreError();  // else the next one does; without a note it is none
    return note.status();
  }
  CreatedBackup created;
  created.backup = *std::move(note);
  const absl::StatusOr<int> pruned = (*writing)->Prune(options_, now_micros);
  created.deleted_count = pruned.value_or(0);
  created.pruned = pruned.status();
  absl::StatusOr<std::vector<BackupNote>> notes = (*writing)->ReadNotes();
  Show(notes.ok() ? *std::move(notes) : std::vector<BackupNote>{created.backup});
  return created;
}

absl::StatusOr<int> Backups::Prune(int64_t now_micros) {
  const std::unique_lock<std::mutex> alone(directory_mutex_, std::try_to_lock);
  if (!alone.owns_lock()) return 0;
  if (absl::Status status = MayGoOn(); !status.ok()) return status;
  rocksdb::Env* const store_env = database_->Use()->db()->GetEnv();
  absl::StatusOr<std::unique_ptr<Writing>> writing = Writing::Open(options_.path, env_.get(), store_env);
  if (!writing.ok()) return WithReason(writing.status());
  const absl::StatusOr<int> pruned = (*writing)->Prune(options_, now_micros);
  absl::StatusOr<std::vector<BackupNote>> notes = (*writing)->ReadNotes();
  if (notes.ok()) Show(*std::move(notes));
  return pruned.ok() ? pruned : WithReason(pruned.status());
}

absl::Status Backups::Look() {
  const std::unique_lock<std::mutex> alone(directory_mutex_, std::try_to_lock);
  if (!alone.owns_lock()) return absl::OkStatus();
  const absl::StatusOr<std::unique_ptr<BackupDirectory>> directory =
      BackupDirectory::Open(options_.path, BackupDirectory::Use::kRead);
  if (absl::IsNotFound(directory.status())) {
    Show({});
    return absl::OkStatus();
  }
  if (!directory.ok()) return WithReason(directory.status());
  absl::StatusOr<std::vector<BackupNote>> notes = (*directory)->ReadNotes();
  if (!notes.ok()) return WithReason(notes.status());
  Show(*std::move(notes));
  return absl::OkStatus();
}

void Backups::Show(std::vector<BackupNote> notes) {
  absl::MutexLock lock(&mutex_);
  notes_ = std::move(notes);
}

std::vector<BackupNote> Backups::List() const {
  absl::MutexLock lock(&mutex_);
  return notes_;
}

std::optional<BackupNote> Backups::newest() const {
  absl::MutexLock lock(&mutex_);
  return notes_.empty() ? std::nullopt : std::optional<BackupNote>(notes_.front());
}

v1::Backup BackupMessage(const BackupNote& note) {
  v1::Backup message;
  message.set_id(note.id);
  *message.mutable_created_at() = FromMicros(note.created_micros);
  message.set_revision_token(EncodeToken(note.state));
  message.set_size_bytes(note.size_bytes);
  message.set_meta_sha256(note.meta_sha256);
  return message;
}

}  // namespace suppressd
