// How a replica takes over what another store holds: see Store::Load, FinishLoad and Follow.
#include <algorithm>
#include <utility>
#include <vector>

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

bool SameEntry(const stored::StoredEntry& a, const stored::StoredEntry& b) {
  return a.revision() == b.revision() && a.suppression().tenant() == b.suppression().tenant() &&
         a.suppression().address() == b.suppression().address();
}

// Whether these are some entries of a change that is not complete yet.
bool IsPart(const RevisionChange& next) {
  return !next.change.entries().empty() && next.change.entries(0).revision() > next.revision;
}

// Keeps the entries of a part, unless its change was applied before.
void KeepPart(const RevisionChange& part, uint64_t applied, std::vector<stored::StoredEntry>* kept) {
  const auto& entries = part.change.entries();
  if (entries[0].revision() <= applied) return;
  // Of another change, or the first part again, because the stream was resumed.
  if (!kept->empty() && (kept->front().revision() != entries[0].revision() || SameEntry(kept->front(), entries[0]))) {
    kept->clear();
  }
  kept->insert(kept->end(), entries.begin(), entries.end());
}

// The record that a replica's newest state is what that run of its source told; zero: not known.
void PutTimeline(uint64_t timeline, CommandBatch* batch) {
  Timelines told;
  if (timeline != 0) told.Begin(timeline, 0);
  batch->PutMeta(kTimelinesName, told.Encode());
}

RevisionChange Nothing(uint64_t revision, const google::protobuf::Timestamp& at) {
  RevisionChange nothing;
  nothing.revision = revision;
  *nothing.change.mutable_at() = at;
  return nothing;
}

// A change with the parts of it that came before.
RevisionChange WithParts(const RevisionChange& last, std::vector<stored::StoredEntry>* kept) {
  RevisionChange whole;
  whole.revision = last.revision;
  *whole.change.mutable_at() = last.change.at();
  whole.change.set_tenant(last.change.tenant());
  for (stored::StoredEntry& entry : *kept) {
    if (entry.revision() == last.revision) *whole.change.add_entries() = std::move(entry);
  }
  whole.change.mutable_entries()->MergeFrom(last.change.entries());
  kept->clear();
  return whole;
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

absl::Status Store::FinishLoad(uint64_t revision, int64_t at_micros, uint64_t timeline) {
  if (absl::Status status = Load({}); !status.ok()) return status;
  if (rocksdb::Status failed = loader_->Finish(); !failed.ok()) return LatchWrites(failed);
  CommandBatch batch(*this);
  batch.SetRevision(revision);
  batch.PutMeta(kOldestChangeName, RevisionKey(revision + 1));
  PutTimeline(timeline, &batch);
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
  timeline_ = timeline;
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
  uint64_t timeline = timeline_.load();
  const auto write = [&]() -> absl::Status {
    if (batch.last_revision() == head_->head() && timeline == timeline_.load()) return absl::OkStatus();
    if (timeline != timeline_.load()) PutTimeline(timeline, &batch);
    absl::Status status = Write(newest, &batch);
    if (!status.ok()) return status;
    timeline_ = timeline;
    head_->Advance(batch.last_revision());
    return absl::OkStatus();
  };
  for (const RevisionChange& next : changes) {
    const bool is_part = IsPart(next);
    if (next.timeline != parts_timeline_) parts_.clear();  // another run may have another change of that revision
    parts_timeline_ = next.timeline;
    if (is_part) KeepPart(next, batch.last_revision(), &parts_);
    if (next.revision < batch.last_revision()) continue;  // applied before
    if (next.timeline != timeline) {
      // What came before was told by another run.
      if (absl::Status status = write(); !status.ok()) return status;
      batch.Restart();
      timeline = next.timeline;
    }
    if (next.revision == batch.last_revision()) continue;
    for (uint64_t between = batch.last_revision() + 1; between < next.revision; ++between) {
      if (absl::Status status = batch.Install(Nothing(between, next.change.at())); !status.ok()) return status;
      if (++empty < kEmptyChangesPerBatchMax) continue;
      if (absl::Status status = write(); !status.ok()) return status;
      batch.Restart();
      empty = 0;
    }
    absl::Status status = is_part          ? batch.Install(Nothing(next.revision, next.change.at()))
                          : parts_.empty() ? batch.Install(next)
                                           : batch.Install(WithParts(next, &parts_));
    if (!status.ok()) return status;
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
