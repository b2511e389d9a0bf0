#include "storage/replica_writer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "storage/database.h"
#include "storage/entry.h"
#include "storage/entry_batch.h"
#include "storage/snapshot_loader.h"
#include "storage/time_index.h"

namespace suppressd {
namespace {

// Revisions that bring a replica nothing (of other lists, or refused) are noted in its change log all the same, which
// has no gaps; at most so many in one batch.
constexpr int kEmptyChangesPerBatchMax = 10'000;

absl::Status Misuse(absl::string_view what) {
  return MakeError(absl::StatusCode::kInternal, v1::INTERNAL_ERROR, what);
}

// The record that a replica's newest state is what that run of its source told; zero: not known.
void PutTimeline(uint64_t timeline, EntryBatch* batch) {
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

}  // namespace

ReplicaWriter::ReplicaWriter(Database* database) : database_(database) {}

ReplicaWriter::~ReplicaWriter() = default;

bool ReplicaWriter::loaded() const {
  return !database_->directory().is_new();
}

absl::Status ReplicaWriter::CheckLoading() const {
  if (loaded()) return Misuse("the replica holds a snapshot already");
  if (absl::Status status = database_->write_status(); !status.ok()) return status;
  return load_status_;
}

absl::Status ReplicaWriter::Load(absl::Span<const stored::StoredEntry> entries) {
  if (absl::Status status = CheckLoading(); !status.ok()) return status;
  if (loader_ == nullptr) {
    loader_ = std::make_unique<SnapshotLoader>(database_->rocks(), database_->family(kEntries),
                                               database_->family(kByTime), database_->directory().load_path());
  }
  rocksdb::Status failed;
  for (const stored::StoredEntry& entry : entries) {
    load_status_ = loader_->Add(entry, &failed);
    if (!failed.ok()) return database_->FailFurtherWrites(failed);
    if (!load_status_.ok()) return load_status_;
  }
  return absl::OkStatus();
}

absl::Status ReplicaWriter::FinishLoad(uint64_t revision, int64_t at_micros, uint64_t timeline) {
  if (absl::Status status = Load({}); !status.ok()) return status;
  if (rocksdb::Status failed = loader_->Finish(); !failed.ok()) return database_->FailFurtherWrites(failed);
  EntryBatch batch(database_);
  batch.PutMeta(kOldestChangeName, RevisionKey(revision + 1));
  PutTimeline(timeline, &batch);
  for (const auto& [tenant, count] : loader_->domain_entries()) batch.SetDomainEntries(tenant, count);
  loader_.reset();
  database_->StartChangesAt(revision + 1);  // only made greater: published before the write, it does no harm
  const int64_t log_time = std::max(at_micros, database_->log_time());
  if (absl::Status status = database_->Commit(revision, log_time, &batch); !status.ok()) return status;
  // Only now is it a replica: until here a restart begins with nothing.
  if (load_status_ = database_->directory().MarkReady(); !load_status_.ok()) return load_status_;
  database_->TakeTimeline(timeline);
  database_->head().Advance(revision);
  return absl::OkStatus();
}

// Changes on their way to disk.
class ReplicaWriter::Following {
 public:
  explicit Following(Database* database)
      : database_(database),
        batch_(database),
        revision_(database->head().head()),
        log_time_(database->log_time()),
        timeline_(database->timeline()) {}

  uint64_t revision() const { return revision_; }

  // What comes from now on was told by this run.
  absl::Status SetTimeline(uint64_t timeline) {
    if (timeline == timeline_) return absl::OkStatus();
    absl::Status status = Write();
    timeline_ = timeline;
    return status;
  }

  // Notes the revisions before this one, which brought nothing.
  absl::Status Skip(uint64_t next, const google::protobuf::Timestamp& at) {
    while (revision_ + 1 < next) {
      if (absl::Status status = Install(Nothing(revision_ + 1, at)); !status.ok()) return status;
      if (++empty_ < kEmptyChangesPerBatchMax) continue;
      if (absl::Status status = Write(); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // Takes over the entries of the next change, unless those held are as new. INTERNAL when an entry held cannot be
  // read: then the batch must not be written.
  absl::Status Install(const RevisionChange& next) {
    for (const stored::StoredEntry& entry : next.change.entries()) {
      if (absl::Status status = InstallEntry(entry); !status.ok()) return status;
    }
    revision_ = next.revision;
    log_time_ = std::max(log_time_, ToMicros(next.change.at()));
    batch_.Put(kChanges, RevisionKey(revision_), next.change.SerializeAsString());
    return absl::OkStatus();
  }

  // Makes durable and visible what was taken over.
  absl::Status Write() {
    if (revision_ == database_->head().head() && timeline_ == database_->timeline()) return absl::OkStatus();
    if (timeline_ != database_->timeline()) PutTimeline(timeline_, &batch_);
    if (absl::Status status = database_->Commit(revision_, log_time_, &batch_); !status.ok()) return status;
    database_->TakeTimeline(timeline_);
    database_->head().Advance(revision_);
    batch_.Clear();
    empty_ = 0;
    return absl::OkStatus();
  }

 private:
  absl::Status InstallEntry(const stored::StoredEntry& entry) {
    EntryName name;
    if (!NameOf(entry.suppression(), &name)) return ReadFailure(rocksdb::Status::Corruption());
    if (absl::Status status = batch_.Load(name); !status.ok()) return status;
    EntryBatch::Loaded* loaded = batch_.Find(name);
    if (loaded->existed && loaded->entry.revision() >= entry.revision()) return absl::OkStatus();
    if (loaded->existed) SpellOutIndex(&loaded->entry);
    if (entry.erased()) {
      batch_.Erase(name, entry.revision(), loaded);
      return absl::OkStatus();
    }
    *loaded->entry.mutable_suppression() = entry.suppression();
    batch_.Write(name, entry.revision(), loaded);
    return absl::OkStatus();
  }

  Database* const database_;
  EntryBatch batch_;
  uint64_t revision_;
  int64_t log_time_;
  uint64_t timeline_;
  int empty_ = 0;
};

absl::Status ReplicaWriter::Follow(absl::Span<const RevisionChange> changes) {
  if (!loaded()) return Misuse("a replica follows from a snapshot on");
  if (absl::Status status = database_->write_status(); !status.ok()) return status;
  absl::MutexLock writing(&database_->write_mutex());
  if (absl::Status status = database_->write_status(); !status.ok()) return status;
  Following following(database_);
  for (const RevisionChange& next : changes) {
    if (next.revision < following.revision()) continue;  // applied before
    if (absl::Status status = following.SetTimeline(next.timeline); !status.ok()) return status;
    if (next.revision == following.revision()) continue;
    absl::Status status = following.Skip(next.revision, next.change.at());
    if (status.ok()) status = following.Install(next);
    if (!status.ok()) return status;
  }
  return following.Write();
}

}  // namespace suppressd
