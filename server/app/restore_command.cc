#include "server/app/restore_command.h"

#include <sys/stat.h>

#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "server/base/log.h"
#include "storage/restore.h"

namespace suppressd {
namespace {

// What is restored is for its owner alone, whatever umask we were started with.
constexpr mode_t kUmask = 0077;

int Fail(const absl::Status& status) {
  PrintError(status.message());
  return 1;
}

std::string TimeOf(int64_t micros) {
  return absl::FormatTime(absl::RFC3339_sec, absl::FromUnixMicros(micros), absl::UTCTimeZone());
}

}  // namespace

int RunRestore(const RestoreOptions& options) {
  umask(kUmask);
  const absl::StatusOr<RestoredBackup> restored =
      RestoreBackup({.from = options.from, .data_dir = options.data_dir, .backup_id = options.backup_id});
  if (!restored.ok()) return Fail(restored.status());
  const BackupNote& backup = restored->backup;
  std::cout << "backup " << backup.id << "\ncreated_at " << TimeOf(backup.created_micros) << "\nnewest_record_at "
            << TimeOf(backup.log_time_micros) << "\nrevision " << restored->state.revision << "\nmeta_sha256 "
            << absl::BytesToHexString(backup.meta_sha256) << "\nlineage "
            << absl::StrCat(absl::Hex(restored->state.lineage, absl::kZeroPad16)) << "\nnext_revision "
            << restored->state.revision + 1 << "\n";
  return std::cout.flush() ? 0 : Fail(absl::DataLossError("the backup is restored, but standard output is closed"));
}

int RunListBackups(const RestoreOptions& options) {
  const absl::StatusOr<std::vector<BackupNote>> notes = ListBackups(options.from);
  if (!notes.ok()) return Fail(notes.status());
  constexpr char kRow[] = "%-8s  %-20s  %-12s  %-14s  %s\n";
  std::cout << absl::StrFormat(kRow, "ID", "CREATED", "REVISION", "BYTES", "META SHA-256");
  for (const BackupNote& note : *notes) {
    std::cout << absl::StrFormat(kRow, absl::StrCat(note.id), TimeOf(note.created_micros),
                                 absl::StrCat(note.state.revision), absl::StrCat(note.size_bytes),
                                 absl::BytesToHexString(note.meta_sha256));
  }
  return 0;
}

}  // namespace suppressd
