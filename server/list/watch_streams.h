// Watch: the change log for whoever wants it.
#pragma once

#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "server/rpc/stream_registry.h"
#include "storage/list_reader.h"
#include "suppressd/v1/suppression_service.pb.h"

namespace suppressd {

// The watches of one list. Thread-safe. The list must outlive it.
class WatchStreams {
 public:
  // At most so many at once: the next is UNAVAILABLE (OVERLOADED).
  WatchStreams(const ListReader* list, int watches_max) : list_(list), streams_("watches", watches_max) {}

  // Begins one; the reactor deletes itself.
  grpc::ServerWriteReactor<v1::WatchResponse>* Start(grpc::CallbackServerContext* context,
                                                     const v1::WatchRequest& request);
  // Ends all with OK, and refuses those that come later.
  void Drain() { streams_.Drain(); }
  // How many have not ended.
  int size() const { return streams_.size(); }
  // How long their thread has been at what it runs now.
  absl::Duration busy() { return streams_.pump().busy(); }

 private:
  const ListReader* const list_;
  StreamRegistry streams_;
};

}  // namespace suppressd
