// How a replica takes over what another store holds: see Store::Load, FinishLoad and Follow.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/error.h"
#include "storage/command_batch.h"
#include "storage/snapshot_loader.h"
#include "storage/store.h"

namespace suppression {
namespace {

// Revisions that bring a replica nothing (of other lists, or refused) are noted in its change log all the same, which
// has no gaps; at most so many in one batch.
constexpr int kEmptyChangesPerBatchMax = 10'000;

absl::Status Misuse(absl::string_view what) {
  return MakeError(absl::StatusCode::kInternal, v1::INTERNAL_ERROR, what);
}

absl::Status NotAReplica() {
  return Misuse("only a replica takes over entries");
}

}  // namespace

absl::Status Store::CheckLoading() const {
  if (!options_.replica) return NotAReplica();
  if (!directory_->is_new()) return Misuse("the replica holds a snapshot already");
  if (absl::Status status = write_status(); !status.ok()) return status;
  return load_status_;
}

absl::Status Store::Load(absl::Span<const stored::StoredEntry> entries) {
  if (absl::Status status = CheckLoading(); !status.ok()) return status;
  if (loader_ == nullptr) {
    loader_ =
        std::make_unique<SnapshotLoader>(db_.get(), families_[kEntries], families_[kByTime], directory_->load_path());
  }
  rocksdb::Status failed;
  for (const stored::StoredEntry& entry : entries) {
    load_status_ = loader_->Add(entry, &failed);
    if (!failed.ok()) return LatchWrites(failed);
    if (!load_status_.ok()) return load_status_;
  }
  return absl::OkStatus();
}

absl::Status Store::FinishLoad(uint64_t revision, int64_t at_micros) {
  if (absl::Status status = Load({}); !status.ok()) return status;
  if (rocksdb::Status failed = loader_->Finish(); !failed.ok()) return LatchWrites(failed);
  CommandBatch batch(*this);
  batch.SetRevision(revision);
  batch.PutMeta("oldest_change", RevisionKey(revision + 1));
  for (const auto& [tenant, count] : loader_->domain_entries()) batch.SetDomainEntries(tenant, count);
  loader_.reset();
  {
    absl::MutexLock trim_lock(&trim_mutex_);
    horizon_.oldest_change = revision + 1;  // only made greater: told before it is true, it does no harm
  }
  if (absl::Status status = Write(std::max(at_micros, horizon_.newest_command_micros.load()), &batch); !status.ok()) {
    return status;
  }
  // Only now is it a replica: until here a restart begins with nothing.
  if (load_status_ = directory_->MarkReady(); !load_status_.ok()) return load_status_;
  head_->Advance(revision);
  return absl::OkStatus();
}

absl::Status Store::Follow(absl::Span<const RevisionChange> changes) {
  if (!options_.replica) return NotAReplica();
  if (directory_->is_new()) return Misuse("a replica follows from a snapshot on");
  if (absl::Status status = write_status(); !status.ok()) return status;
  CommandBatch batch(*this);
  int64_t newest = horizon_.newest_command_micros.load();
  int empty = 0;
  const auto write = [&]() -> absl::Status {
    if (batch.last_revision() == head_->head()) return absl::OkStatus();
    absl::Status status = Write(newest, &batch);
    if (status.ok()) head_->Advance(batch.last_revision());
    return status;
  };
  for (const RevisionChange& next : changes) {
    if (next.revision <= batch.last_revision()) continue;  // applied before
    for (uint64_t between = batch.last_revision() + 1; between < next.revision; ++between) {
      RevisionChange nothing;
      nothing.revision = between;
      *nothing.change.mutable_at() = next.change.at();
      if (absl::Status status = batch.Install(nothing); !status.ok()) return status;
      if (++empty < kEmptyChangesPerBatchMax) continue;
      if (absl::Status status = write(); !status.ok()) return status;
      batch.Restart();
      empty = 0;
    }
    if (absl::Status status = batch.Install(next); !status.ok()) return status;
    newest = std::max(newest, ToMicros(next.change.at()));
  }
  return write();
}

absl::Status Store::CheckKind(absl::string_view replica) {
  if (options_.replica == replica.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(options_.path, options_.replica
                                                                         ? " holds data of its own and is no replica"
                                                                         : " is a replica and takes no reports"));
  }
  if (!options_.replica || options_.source_lineage == 0 || options_.source_lineage == lineage_) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(options_.path, " is a replica of other data; make a new one"));
}

}  // namespace suppression
