// What the server took from this sidecar and the replica does not show yet: it suppresses here at once, whatever
// happens to the server meanwhile. In memory.
#pragma once

#include <cstdint>
#include <map>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/sidecar/local_blocks.h"
#include "server/sidecar/replica.h"
#include "suppressd/v1/suppression_service.pb.h"

namespace suppressd {

// So many writes may wait for the replica; then reports go into the outbox, and Suppress is refused.
inline constexpr size_t kForwardedMax = 100'000;

// Thread-safe.
class Forwarded {
 public:
  // Both must outlive it.
  Forwarded(Replica* replica, LocalBlocks* blocks) : replica_(replica), blocks_(blocks) {}

  // The server has taken this report and answered so: what it suppresses is suppressed here from now on.
  void Taken(const v1::ReportBounceRequest& request, const v1::ReportBounceResponse& response, absl::Time now);
  // The same for an address or domain that was suppressed by hand.
  void Taken(const v1::SuppressResponse& response);
  // The replica stands at a new state: forgets what it holds.
  void ReplicaAdvanced();
  // No more writes may be forwarded until the replica has come on.
  bool full() const;

 private:
  using Blocks = google::protobuf::RepeatedPtrField<stored::LocalBlock>;
  struct Write {
    uint64_t number = 0;          // among the blocks
    uint64_t lineage = 0;         // of the state that holds it
    uint64_t served_lineage = 0;  // the replica's at that time
  };
  void Add(const Blocks& blocks, const std::string& token);

  Replica* const replica_;
  LocalBlocks* const blocks_;
  mutable absl::Mutex mutex_;
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = kForwardedFirst;
  std::multimap<uint64_t, Write> writes_ ABSL_GUARDED_BY(mutex_);  // by revision
  uint64_t seen_lineage_ ABSL_GUARDED_BY(mutex_) = 0;              // of the replica, when it was last looked at
};

}  // namespace suppressd
