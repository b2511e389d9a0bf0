// Taking a snapshot from the server into a new replica: chunk by chunk, each checked, resumed where the stream broke
// off, and in the end compared with what was stored.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/client_context.h"
#include "server/replication/replication.h"
#include "server/sidecar/replica.h"
#include "server/sidecar/upstream.h"

namespace suppressd {

// Who follows the server, and what.
struct FollowedLists {
  ReplicaName name;
  std::vector<std::string> tenants;  // empty: all
};

// Used by one thread.
class SnapshotLoad {
 public:
  // Tells a context that blocks to whoever may cancel it; null: it no longer blocks. False: do not begin.
  using Blocks = std::function<bool(grpc::ClientContext*)>;

  SnapshotLoad(Upstream* upstream, Replica* replica, FollowedLists lists, Blocks blocks,
               std::function<absl::Time()> clock)
      : upstream_(upstream),
        replica_(replica),
        lists_(std::move(lists)),
        blocks_(std::move(blocks)),
        clock_(std::move(clock)) {}
  ~SnapshotLoad() { Reset(); }

  // Takes a snapshot, or the rest of the one that broke off in an earlier call, and returns the replica, loaded and
  // verified. UNAVAILABLE: call again, later. DATA_LOSS: what came was damaged, or what was stored is; the load begins
  // again with the next call, as after every other error.
  absl::StatusOr<std::shared_ptr<ReplicaView>> Run();

 private:
  absl::Status Read();
  absl::Status Take(const v1::SnapshotResponse& chunk);
  // Whether what is stored is what was sent.
  absl::Status Verify() const;
  void Reset();

  Upstream* const upstream_;
  Replica* const replica_;
  const FollowedLists lists_;
  const Blocks blocks_;
  const std::function<absl::Time()> clock_;

  // The load under way; without view_ there is none.
  std::shared_ptr<ReplicaView> view_;
  std::string token_;
  uint64_t timeline_ = 0;
  std::string resume_key_;
  int64_t entries_ = 0;
  uint32_t checksum_ = 0;  // over the canonical bytes of all entries
  absl::Time begun_at_;
  bool last_ = false;
};

}  // namespace suppressd
