// The replicas that were seen, for whoever operates the server. It knows what they said and what was sent to them;
// nothing depends on it. There is no clock in here: the time is a parameter.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "suppressd/v1/replication.pb.h"

namespace suppressd {

// Most replicas remembered. One more takes the place of the one that was seen longest ago and is not attached; when all
// are, it is not remembered.
inline constexpr size_t kReplicasMax = 10'000;
// A replica that is not attached is forgotten after this time.
inline constexpr absl::Duration kReplicaForgottenAfter = absl::Hours(24);

// Who calls.
struct ReplicaName {
  std::string id;
  std::string version;
};

// Thread-safe.
class ReplicaRegistry {
 public:
  // The lineage of the server's data, which revisions below are of.
  explicit ReplicaRegistry(uint64_t lineage) : lineage_(lineage) {}

  // A stream to the replica begins: Follow, or a snapshot.
  void Attach(const ReplicaName& name, absl::Time now);
  void BeginLoading(const ReplicaName& name, absl::Time now);
  // It has ended.
  void Detach(const std::string& id, absl::Time now);
  void EndLoading(const std::string& id, absl::Time now);
  // Everything up to this revision was sent to it.
  void Sent(const std::string& id, uint64_t revision, absl::Time now);
  // It says that it has stored everything up to this revision.
  void Acknowledge(const ReplicaName& name, uint64_t revision, absl::Time now);
  // It came with data of another lineage, or of this one that the server does not have.
  void RefuseLineage(const ReplicaName& name, uint64_t lineage, absl::Time now);

  // Forgets whom nobody has seen for too long.
  void Sweep(absl::Time now);

  // Replicas by id behind `after_id`, at most `max`; what they lack of `head`. `more` tells whether others follow.
  std::vector<v1::Replica> List(const std::string& after_id, int max, uint64_t head, bool* more) const;

 private:
  struct Seen {
    std::string version;
    int attached = 0;  // more than one while a connection that was lost is not noticed yet
    int loading = 0;
    uint64_t lineage = 0;     // zero: none known
    bool other_data = false;  // it came with data that is not the server's
    std::optional<uint64_t> acknowledged;
    std::optional<uint64_t> sent;
    absl::Time last_seen;
  };

  // The replica, seen now; null when it is not remembered.
  Seen* Find(const std::string& id, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Seen* FindOrAdd(const ReplicaName& name, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool MakeRoom(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ForgetOld(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  v1::Replica Describe(const std::string& id, const Seen& seen, uint64_t head) const;

  const uint64_t lineage_;
  mutable absl::Mutex mutex_;
  std::map<std::string, Seen> replicas_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace suppressd
