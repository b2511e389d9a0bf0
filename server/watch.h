// Watch: the change log as a stream.
//
// Each watch has at most one message under way and reads the change log in small steps, so a slow reader costs nothing
// but its place: when it takes nothing for 30 s it is cut, and it resumes with the last token it got.
#pragma once

#include <memory>
#include <set>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "storage/store.h"
#include "suppression/v1/suppression_service.pb.h"

namespace suppression {

// A heartbeat is sent when nothing changed for this long.
inline constexpr absl::Duration kHeartbeatInterval = absl::Seconds(10);
// A reader that takes nothing for this long is cut.
inline constexpr absl::Duration kSlowReaderMax = absl::Seconds(30);
// Revisions read from the change log at a time.
inline constexpr int kChangesPerRead = 256;
// Most tenants of one watch.
inline constexpr int kWatchTenantsMax = 100;

class WatchCall;

// All watches under way. Thread-safe.
class WatchRegistry {
 public:
  // The store must outlive every watch.
  WatchRegistry(Store* store, int watches_max) : store_(store), watches_max_(watches_max) {}

  // Starts a watch. The reactor ends at once with INVALID_TENANT, INVALID_TOKEN, LINEAGE_MISMATCH, HISTORY_GONE or
  // OVERLOADED where that is due.
  grpc::ServerWriteReactor<v1::WatchResponse>* Start(grpc::CallbackServerContext* context,
                                                     const v1::WatchRequest& request);

  // Ends every watch with OK, also those that start later.
  void Drain();

 private:
  friend class WatchCall;
  void Remove(WatchCall* call);

  Store* const store_;
  const int watches_max_;
  absl::Mutex mutex_;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<std::shared_ptr<WatchCall>> calls_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace suppression
