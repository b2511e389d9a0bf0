#include "storage/restore.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rocksdb/utilities/backup_engine.h"
#include "storage/backup_proof.h"
#include "storage/data_directory.h"
#include "storage/store.h"

namespace suppressd {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<BackupNote> Find(const std::vector<BackupNote>& notes, const RestoreRequest& request) {
  if (notes.empty()) {
    return absl::NotFoundError(absl::StrCat("backup directory ", request.from, " holds no complete backup"));
  }
  if (request.backup_id == 0) return notes.front();
  for (const BackupNote& note : notes) {
    if (note.id == request.backup_id) return note;
  }
  return absl::NotFoundError(
      absl::StrCat("backup directory ", request.from, " holds no complete backup ", request.backup_id));
}

absl::Status Sync(const std::string& path, int flags) {
  const int fd = open(path.c_str(), flags | O_RDONLY | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  const int error = fsync(fd) == 0 ? 0 : errno;
  close(fd);
  return error == 0 ? absl::OkStatus() : absl::ErrnoToStatus(error, absl::StrCat("cannot sync ", path));
}

// The database, its directory, and the ways to both.
absl::Status SyncAll(const std::string& data_dir, const std::string& database) {
  std::error_code error;
  fs::directory_iterator file(database, error);
  for (; !error && file != fs::directory_iterator(); file.increment(error)) {
    if (absl::Status synced = Sync(file->path(), 0); !synced.ok()) return synced;
  }
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot read ", database));
  const std::string parent = fs::weakly_canonical(data_dir, error).parent_path();
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot read ", data_dir));
  for (const std::string& directory : {database, data_dir, parent}) {
    if (absl::Status synced = Sync(directory, O_DIRECTORY); !synced.ok()) return synced;
  }
  return absl::OkStatus();
}

// Copies a backup into a directory that was made for it, and proves that it is what the note says.
absl::Status Fill(const rocksdb::BackupEngineReadOnly& engine, const BackupNote& note, const std::string& path,
                  rocksdb::Env* env, DataDirectory* directory) {
  if (absl::Status made = MakePrivateDirectory(directory->database_path()); !made.ok()) return made;
  // Checks each file against its checksum once more.
  const rocksdb::IOStatus copied = engine.RestoreDBFromBackup(rocksdb::RestoreOptions(), note.id,
                                                              directory->database_path(), directory->database_path());
  if (!copied.ok()) return BackupFailure(note.id, copied);
  if (absl::Status synced = SyncAll(path, directory->database_path()); !synced.ok()) return synced;
  const absl::StatusOr<DatabaseFacts> facts = ProveDatabase(directory->database_path(), env, TableCheck::kNone);
  if (!facts.ok()) return facts.status();
  if (facts->lineage == note.state.lineage && facts->revision == note.state.revision &&
      facts->meta_sha256 == note.meta_sha256) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat("backup ", note.id, " is damaged: it holds other data than its note says"));
}

// Opens the list as a server would: proved once more, and, since there is no note of the head, under a new lineage.
absl::StatusOr<RevisionToken> BeginLineage(const RestoreRequest& request) {
  StoreOptions options;
  options.path = request.data_dir;
  options.env = request.env;
  const absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(options);
  if (!store.ok()) return store.status();
  if (absl::Status writes = (*store)->write_status(); !writes.ok()) return writes;
  return RevisionToken{.lineage = (*store)->lineage(), .revision = (*store)->head().head()};
}

}  // namespace

absl::StatusOr<RestoredBackup> RestoreBackup(const RestoreRequest& request) {
  const absl::StatusOr<std::unique_ptr<BackupDirectory>> from =
      BackupDirectory::Open(request.from, BackupDirectory::Use::kRead);
  if (!from.ok()) return from.status();
  const absl::StatusOr<std::vector<BackupNote>> notes = (*from)->ReadNotes();
  if (!notes.ok()) return notes.status();
  const absl::StatusOr<BackupNote> note = Find(*notes, request);
  if (!note.ok()) return note.status();
  rocksdb::Env* const env = request.env != nullptr ? request.env : rocksdb::Env::Default();
  rocksdb::BackupEngineReadOnly* opened = nullptr;
  const rocksdb::IOStatus status =
      rocksdb::BackupEngineReadOnly::Open(EngineOptions((*from)->path(), env), env, &opened);
  const std::unique_ptr<rocksdb::BackupEngineReadOnly> engine(opened);
  if (!status.ok()) return absl::UnavailableError(absl::StrCat("cannot read ", request.from, ": ", status.ToString()));
  {
    absl::StatusOr<std::unique_ptr<DataDirectory>> directory = DataDirectory::MakeForRestore(request.data_dir);
    if (!directory.ok()) return directory.status();
    absl::Status filled = VerifyBackup(*engine, note->id);
    if (filled.ok()) filled = Fill(*engine, *note, request.data_dir, env, directory->get());
    if (filled.ok()) filled = (*directory)->MarkReady();
    if (!filled.ok()) {
      (*directory)->DropRestored();
      return filled;
    }
  }
  // Killed here, the next start does the same.
  const absl::StatusOr<RevisionToken> state = BeginLineage(request);
  if (!state.ok()) return state.status();
  return RestoredBackup{.backup = *note, .state = *state};
}

absl::StatusOr<std::vector<BackupNote>> ListBackups(const std::string& from) {
  const absl::StatusOr<std::unique_ptr<BackupDirectory>> directory =
      BackupDirectory::Open(from, BackupDirectory::Use::kRead);
  if (!directory.ok()) return directory.status();
  return (*directory)->ReadNotes();
}

}  // namespace suppressd
