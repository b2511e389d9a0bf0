#include "server/replication/held_snapshots.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/error.h"
#include "server/rpc/grpc_status.h"

namespace suppressd {

absl::Time HeldSnapshots::EndOf(const Held& held) const {
  return std::min(held.used_at + options_.hold, held.taken_at + kSnapshotAgeMax);
}

void HeldSnapshots::Use(Held* held, absl::Time now) const {
  held->used_at = now;
  held->pin.Move(held->pinned_revision, absl::ToUnixMicros(EndOf(*held)));
}

absl::Status HeldSnapshots::Overloaded() const {
  return WithRetryAfter(MakeError(absl::StatusCode::kUnavailable, v1::OVERLOADED, "too many snapshots"),
                        kSnapshotRetryMin + (kSnapshotRetryMax - kSnapshotRetryMin) * options_.random());
}

absl::Status HeldSnapshots::MakeRoom(const std::string& replica_id, std::shared_ptr<ServedStream>* replaced) {
  if (const auto found = held_.find(replica_id); found != held_.end()) {
    *replaced = found->second.reader.lock();
    held_.erase(found);
  }
  if (held_.size() >= kPinnedReplicasMax) return Overloaded();
  while (alive_.load() >= options_.snapshots_max) {
    auto oldest = held_.end();
    for (auto it = held_.begin(); it != held_.end(); ++it) {
      if (it->second.snapshot == nullptr || it->second.read_by != nullptr) continue;
      if (oldest == held_.end() || it->second.used_at < oldest->second.used_at) oldest = it;
    }
    if (oldest == held_.end()) return Overloaded();
    oldest->second.snapshot.reset();  // its pin stays: the replica may have got all of it
  }
  ++alive_;  // taken here, so that no other call takes the room
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Snapshot>> HeldSnapshots::Begin(const std::string& replica_id,
                                                                     const std::set<std::string>& tenants,
                                                                     const std::shared_ptr<ServedStream>& reader,
                                                                     absl::Time now) {
  std::shared_ptr<ServedStream> replaced;
  absl::Status room;
  {
    absl::MutexLock lock(&mutex_);
    room = MakeRoom(replica_id, &replaced);
  }
  if (replaced != nullptr) replaced->Cut();
  if (!room.ok()) return room;
  Held held;
  held.taken_at = held.used_at = now;
  absl::StatusOr<std::unique_ptr<Snapshot>> taken = list_->TakeSnapshot(&held.pin, absl::ToUnixMicros(EndOf(held)));
  if (!taken.ok()) {
    --alive_;
    return taken.status();
  }
  held.snapshot = std::shared_ptr<const Snapshot>(taken->release(), [this](const Snapshot* snapshot) {
    delete snapshot;
    --alive_;
  });
  held.pinned_revision = held.snapshot->revision();
  held.tenants = tenants;
  held.reader = reader;
  held.read_by = reader.get();
  std::shared_ptr<const Snapshot> snapshot = held.snapshot;
  absl::MutexLock lock(&mutex_);
  held_[replica_id] = std::move(held);
  return snapshot;
}

absl::StatusOr<std::shared_ptr<const Snapshot>> HeldSnapshots::Resume(const std::string& replica_id, uint64_t revision,
                                                                      const std::set<std::string>& tenants,
                                                                      const std::shared_ptr<ServedStream>& reader,
                                                                      absl::Time now) {
  std::shared_ptr<ServedStream> replaced;
  std::shared_ptr<const Snapshot> snapshot;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = held_.find(replica_id);
    if (found == held_.end() || found->second.snapshot == nullptr || found->second.snapshot->revision() != revision ||
        EndOf(found->second) <= now) {
      return MakeError(absl::StatusCode::kFailedPrecondition, v1::SNAPSHOT_GONE,
                       "this snapshot is not held any more; start a new one", "revision_token");
    }
    Held& held = found->second;
    if (held.tenants != tenants) {
      return InvalidArgument(v1::INVALID_FIELD, "the snapshot to be resumed is of other lists", "tenants");
    }
    replaced = held.reader.lock();
    held.reader = reader;
    held.read_by = reader.get();
    Use(&held, now);
    snapshot = held.snapshot;
  }
  if (replaced != nullptr) replaced->Cut();
  return snapshot;
}

void HeldSnapshots::Reads(const std::string& replica_id, const ServedStream* reader, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  const auto found = held_.find(replica_id);
  if (found == held_.end() || found->second.read_by != reader) return;
  Use(&found->second, now);
}

void HeldSnapshots::Leave(const std::string& replica_id, const ServedStream* reader, absl::Time now) {
  Reads(replica_id, reader, now);
  absl::MutexLock lock(&mutex_);
  const auto found = held_.find(replica_id);
  if (found == held_.end() || found->second.read_by != reader) return;
  found->second.reader.reset();
  found->second.read_by = nullptr;
}

bool HeldSnapshots::Attach(const std::string& replica_id, uint64_t revision, absl::Time now) {
  std::shared_ptr<const Snapshot> released;  // outside the lock
  absl::MutexLock lock(&mutex_);
  const auto found = held_.find(replica_id);
  if (found == held_.end()) return false;
  Held& held = found->second;
  if (held.snapshot != nullptr) {
    if (held.snapshot->revision() > revision) return false;  // an older state than the snapshot that it loads
    released = std::exchange(held.snapshot, nullptr);
    held.reader.reset();
    held.read_by = nullptr;
  }
  held.pinned_revision = revision;
  Use(&held, now);
  return true;
}

void HeldSnapshots::KeepPin(const std::string& replica_id, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  const auto found = held_.find(replica_id);
  if (found != held_.end() && found->second.snapshot == nullptr) Use(&found->second, now);
}

void HeldSnapshots::Unpin(const std::string& replica_id) {
  absl::MutexLock lock(&mutex_);
  const auto found = held_.find(replica_id);
  if (found != held_.end() && found->second.snapshot == nullptr) held_.erase(found);
}

void HeldSnapshots::Sweep(absl::Time now) {
  std::vector<Held> old;
  {
    absl::MutexLock lock(&mutex_);
    for (auto it = held_.begin(); it != held_.end();) {
      if (EndOf(it->second) > now) {
        ++it;
        continue;
      }
      old.push_back(std::move(it->second));
      it = held_.erase(it);
    }
  }
  for (const Held& held : old) {
    if (const std::shared_ptr<ServedStream> reader = held.reader.lock()) reader->Stop();
  }
}

}  // namespace suppressd
