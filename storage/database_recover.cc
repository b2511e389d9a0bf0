// How a database that the disk refused is opened again below those who read it.
//
//   broken ─► stand-in: read only, proved complete ─► open to write ─► flush, one synced write ─► writes
//     └ readers go on here until the stand-in is there     └ and here until this is
//
// Each takes the place of the one before in one step, and the one before is closed behind its last reader: RocksDB
// opens a directory for writing only once. When a step fails the readers stay where they are.
#include <algorithm>
#include <utility>

#include "common/error.h"
#include "rocksdb/convenience.h"
#include "storage/database.h"
#include "storage/random_number.h"

namespace suppressd {
namespace {

// How long readers of a handle that was replaced are waited for; then the next try waits for them.
constexpr absl::Duration kReadersWaitMax = absl::Seconds(10);
constexpr absl::Duration kReadersWaitStep = absl::Milliseconds(100);

absl::Status NotYet(absl::string_view why) {
  return MakeError(absl::StatusCode::kUnavailable, v1::STORAGE_UNAVAILABLE, why);
}

}  // namespace

void Database::Install(Handle rocks) {
  writing_ = rocks.get();
  {
    absl::MutexLock lock(&rocks_mutex_);
    if (rocks_ != nullptr) closing_ = rocks_->closed();
    rocks_.swap(rocks);
  }
  rocks.reset();  // the one before: closed here, unless somebody reads it
}

absl::Status Database::AwaitReaders() {
  for (absl::Duration waited; closing_ != nullptr && !closing_->AwaitFor(kReadersWaitStep);
       waited += kReadersWaitStep) {
    if (absl::Status status = CheckNotEnding(); !status.ok()) return status;
    if (waited >= kReadersWaitMax) {
      return NotYet("the database cannot be opened again yet: reads that began before are under way");
    }
  }
  return CheckNotEnding();
}

absl::Status Database::CheckNotEnding() const {
  return ending_ ? NotYet("the process ends") : absl::OkStatus();
}

absl::Status Database::ReadThroughStandIn() {
  if (absl::Status status = AwaitReaders(); !status.ok()) return status;
  if (stands_in_) return absl::OkStatus();  // nobody has written since
  // What is broken must not mend itself, nor delete files, while it is looked at. It is still read.
  if (!writing_->read_only()) rocksdb::CancelAllBackgroundWork(writing_->db(), /*wait=*/true);
  absl::StatusOr<Handle> proved = OpenProved(lineage_);
  if (!proved.ok()) return proved.status();
  const absl::StatusOr<Meta> meta = ReadMeta(**proved, lineage_);
  if (!meta.ok()) return meta.status();
  shown_revision_ = std::max(shown_revision_, meta->revision);
  Install(*std::move(proved));
  stands_in_ = true;
  return AwaitReaders();
}

// What the stand-in has shown beyond what was acknowledged may be gone after all: who was told of it, and of a run of
// this program, must not take another state for it.
void Database::DistrustShown(uint64_t revision) {
  if (kind_ != DatabaseKind::kList || revision >= shown_revision_) return;
  absl::MutexLock lock(&timeline_mutex_);
  next_timeline_ = RandomNumber();
}

// What was written without being acknowledged may have turned up: it counts from now on, as after a restart. Its caller
// was told to repeat it, and a repeat is known by its request id.
absl::Status Database::WriteAgain() {
  uint64_t failures_before = 0;
  {
    absl::MutexLock lock(&mutex_);
    failures_before = failures_;
  }
  absl::StatusOr<Handle> opened = OpenToWrite();
  if (!opened.ok()) return opened.status();
  const RocksHandle& rocks = **opened;
  if (rocks.read_only()) return NotYet("the disk still refuses writes");
  stands_in_ = false;  // files that it reads may be deleted from here on
  // Readers of the stand-in open table files by name.
  rocksdb::Status written = rocks.db()->DisableFileDeletions();
  absl::StatusOr<Meta> meta = ReadMeta(rocks, lineage_);
  if (!meta.ok()) return meta.status();
  if (absl::Status complete = CheckHead(meta->revision); !complete.ok()) return complete;
  if (written.ok()) written = rocks.db()->Flush(rocksdb::FlushOptions(), rocks.families());
  rocksdb::WriteOptions write;
  write.sync = true;
  if (written.ok()) {
    written = rocks.db()->Put(write, rocks.family(kMeta), kLineageName, RevisionKey(lineage_));  // as it was
  }
  if (!written.ok()) return NotYet("the disk still refuses writes");
  const uint64_t revision = meta->revision;
  DistrustShown(revision);
  UseMeta(*std::move(meta));
  Install(*std::move(opened));
  head_->Publish(revision);
  AwaitReaders().IgnoreError();  // a read that takes longer may miss a file, and fail
  rocks.db()->EnableFileDeletions(/*force=*/false).PermitUncheckedError();
  recovered_is_durable_ = true;
  shown_revision_ = 0;
  absl::MutexLock lock(&mutex_);
  if (failures_ != failures_before) return NotYet("the disk refused writes again");
  trouble_ = absl::OkStatus();
  return absl::OkStatus();
}

absl::Status Database::Recover() {
  if (trouble().ok()) return absl::OkStatus();
  {
    absl::MutexLock writing(&write_mutex_);
    if (directory_->is_new()) return NotYet("a replica that was not loaded begins again");
    absl::Status status = ReadThroughStandIn();
    if (status.ok()) status = WriteAgain();
    damaged_ = absl::IsDataLoss(status);
    if (!status.ok()) return status;
  }
  head_->Wake();
  return absl::OkStatus();
}

}  // namespace suppressd
