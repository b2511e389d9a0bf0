#include "storage/command_applier.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "storage/command_batch.h"
#include "storage/database.h"

namespace suppressd {

uint64_t CommandApplier::position() const {
  return database_->head().head();
}

LogIdentity CommandApplier::identity() const {
  return {.lineage = database_->lineage()};
}

stored::LogSettings CommandApplier::settings() const {
  return database_->settings();
}

absl::Status CommandApplier::Begin(const LogIdentity& identity) {
  if (identity.lineage != database_->lineage()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, v1::LINEAGE_MISMATCH,
                     "the data directory holds what another log said");
  }
  database_->UseTimeline(identity.timeline);
  return absl::OkStatus();
}

Applied CommandApplier::Apply(absl::Span<const LogRecord> records) {
  Applied applied;
  // Before the lock, too: a database that is being opened again must not keep callers waiting.
  if (absl::Status refused = database_->write_status(); !refused.ok()) return {{}, refused, true, false};
  absl::MutexLock writing(&database_->write_mutex());
  if (absl::Status refused = database_->write_status(); !refused.ok()) return {{}, refused, true, false};
  CommandBatch batch(database_);
  applied.results.reserve(records.size());
  for (const LogRecord& record : records) {
    if (record.position != batch.revision() + 1) {
      applied.stopped = MakeError(absl::StatusCode::kInternal, v1::INTERNAL_ERROR,
                                  absl::StrCat("position ", record.position, " follows ", batch.revision()));
      break;
    }
    absl::StatusOr<stored::CommandResult> result = batch.Add(record);
    if (!result.ok()) {
      applied.stopped = result.status();
      break;
    }
    applied.results.push_back(*std::move(result));
  }
  if (applied.results.empty()) return applied;
  database_->UseSettings(batch.settings());
  if (absl::Status status = database_->Commit(batch.revision(), batch.log_time(), batch.Finish()); !status.ok()) {
    return {{}, status, true, true};
  }
  database_->head().Publish(batch.revision());
  return applied;
}

absl::StatusOr<stored::CommandResult> CommandApplier::Preview(const stored::Command& command) const {
  absl::MutexLock writing(&database_->write_mutex());
  CommandBatch batch(database_);
  const LogRecord record{batch.revision() + 1, ToMicros(command.at()), {}, command};
  return batch.Add(record);
}

void CommandApplier::WakeWaiting() {
  database_->head().Wake();
}

}  // namespace suppressd
