#include "storage/replica_writer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "protos/error.h"
#include "storage/database.h"
#include "storage/entry_batch.h"
#include "storage/snapshot_loader.h"
#include "storage/time_index.h"

namespace suppression {
namespace {

// Revisions that bring a replica nothing (of other lists, or refused) are noted in its change log all the same, which
// has no gaps; at most so many in one batch.
constexpr int kEmptyChangesPerBatchMax = 10'000;

absl::Status Misuse(absl::string_view what) {
  return MakeError(absl::StatusCode::kInternal, v1::INTERNAL_ERROR, what);
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
    const v1::Suppression& suppression = entry.suppression();
    const size_t at = suppression.address().rfind('@');
    if (at == std::string::npos) return ReadFailure(rocksdb::Status::Corruption());
    const absl::string_view address = suppression.address();
    const EntryName name{suppression.tenant(), address.substr(at + 1), address.substr(0, at)};
    if (absl::Status status = batch_.Load(name); !status.ok()) return status;
    EntryBatch::Loaded* loaded = batch_.Find(name);
    if (loaded->existed && loaded->entry.revision() >= entry.revision()) return absl::OkStatus();
    if (loaded->existed) SpellOutIndex(&loaded->entry);
    *loaded->entry.mutable_suppression() = suppression;
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
  Following following(database_);
  for (const RevisionChange& next : changes) {
    const bool is_part = IsPart(next);
    if (next.timeline != parts_timeline_) parts_.clear();  // another run may have another change of that revision
    parts_timeline_ = next.timeline;
    if (is_part) KeepPart(next, following.revision(), &parts_);
    if (next.revision < following.revision()) continue;  // applied before
    if (absl::Status status = following.SetTimeline(next.timeline); !status.ok()) return status;
    if (next.revision == following.revision()) continue;
    absl::Status status = following.Skip(next.revision, next.change.at());
    if (status.ok()) {
      status = following.Install(is_part          ? Nothing(next.revision, next.change.at())
                                 : parts_.empty() ? next
                                                  : WithParts(next, &parts_));
    }
    if (!status.ok()) return status;
  }
  return following.Write();
}

}  // namespace suppression
