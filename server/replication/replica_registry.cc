#include "server/replication/replica_registry.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "storage/revision_token.h"
#include "storage/stored.h"

namespace suppressd {

ReplicaRegistry::Seen* ReplicaRegistry::Find(const std::string& id, absl::Time now) {
  const auto found = replicas_.find(id);
  if (found == replicas_.end()) return nullptr;
  found->second.last_seen = now;
  return &found->second;
}

ReplicaRegistry::Seen* ReplicaRegistry::FindOrAdd(const ReplicaName& name, absl::Time now) {
  if (!replicas_.contains(name.id) && !MakeRoom(now)) return nullptr;
  Seen& seen = replicas_[name.id];
  seen.last_seen = now;
  if (!name.version.empty()) seen.version = name.version;
  return &seen;
}

void ReplicaRegistry::ForgetOld(absl::Time now) {
  std::erase_if(replicas_, [now](const auto& replica) {
    const Seen& seen = replica.second;
    return seen.attached + seen.loading == 0 && seen.last_seen + kReplicaForgottenAfter <= now;
  });
}

bool ReplicaRegistry::MakeRoom(absl::Time now) {
  if (replicas_.size() < kReplicasMax) return true;
  ForgetOld(now);
  if (replicas_.size() < kReplicasMax) return true;
  auto oldest = replicas_.end();
  for (auto it = replicas_.begin(); it != replicas_.end(); ++it) {
    if (it->second.attached + it->second.loading > 0) continue;
    if (oldest == replicas_.end() || it->second.last_seen < oldest->second.last_seen) oldest = it;
  }
  if (oldest == replicas_.end()) return false;
  replicas_.erase(oldest);
  return true;
}

void ReplicaRegistry::Attach(const ReplicaName& name, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  if (Seen* seen = FindOrAdd(name, now)) ++seen->attached;
}

void ReplicaRegistry::BeginLoading(const ReplicaName& name, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  if (Seen* seen = FindOrAdd(name, now)) ++seen->loading;
}

void ReplicaRegistry::Detach(const std::string& id, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  if (Seen* seen = Find(id, now)) seen->attached = std::max(0, seen->attached - 1);
}

void ReplicaRegistry::EndLoading(const std::string& id, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  if (Seen* seen = Find(id, now)) seen->loading = std::max(0, seen->loading - 1);
}

void ReplicaRegistry::Sent(const std::string& id, uint64_t revision, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  if (Seen* seen = Find(id, now)) seen->sent = revision;
}

void ReplicaRegistry::Acknowledge(const ReplicaName& name, uint64_t revision, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  if (Seen* seen = FindOrAdd(name, now)) {
    seen->lineage = lineage_;
    seen->other_data = false;
    seen->acknowledged = revision;
  }
}

void ReplicaRegistry::RefuseLineage(const ReplicaName& name, uint64_t lineage, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  if (Seen* seen = FindOrAdd(name, now)) {
    seen->lineage = lineage;
    seen->other_data = true;
    seen->acknowledged.reset();
    seen->sent.reset();
  }
}

void ReplicaRegistry::Sweep(absl::Time now) {
  absl::MutexLock lock(&mutex_);
  ForgetOld(now);
}

v1::Replica ReplicaRegistry::Describe(const std::string& id, const Seen& seen, uint64_t head) const {
  v1::Replica replica;
  replica.set_id(id);
  replica.set_version(seen.version);
  if (seen.attached > 0) {
    replica.set_state(v1::Replica::ATTACHED);
  } else if (seen.loading > 0) {
    replica.set_state(v1::Replica::LOADING);
  } else {
    replica.set_state(seen.other_data ? v1::Replica::OTHER_LINEAGE : v1::Replica::AWAY);
  }
  if (seen.lineage != 0) replica.set_lineage(absl::StrCat(absl::Hex(seen.lineage, absl::kZeroPad16)));
  if (seen.acknowledged.has_value()) {
    replica.set_acknowledged_token(EncodeToken({lineage_, *seen.acknowledged}));
    const uint64_t lag = head - std::min(head, *seen.acknowledged);
    replica.set_lag_revision_count(static_cast<int64_t>(lag));
  }
  if (seen.sent.has_value()) replica.set_sent_token(EncodeToken({lineage_, *seen.sent}));
  *replica.mutable_last_seen_at() = FromMicros(absl::ToUnixMicros(seen.last_seen));
  return replica;
}

std::vector<v1::Replica> ReplicaRegistry::List(const std::string& after_id, int max, uint64_t head, bool* more) const {
  absl::MutexLock lock(&mutex_);
  std::vector<v1::Replica> page;
  auto it = after_id.empty() ? replicas_.begin() : replicas_.upper_bound(after_id);
  for (; it != replicas_.end() && static_cast<int>(page.size()) < max; ++it) {
    page.push_back(Describe(it->first, it->second, head));
  }
  *more = it != replicas_.end();
  return page;
}

}  // namespace suppressd
