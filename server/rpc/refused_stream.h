// A stream of answers that ends at once with an error.
#pragma once

#include "absl/status/status.h"
#include "grpcpp/support/server_callback.h"
#include "server/rpc/call_metrics.h"
#include "server/rpc/grpc_status.h"

namespace suppressd {

// Made with new: deletes itself.
template <typename Response>
class RefusedStream final : public grpc::ServerWriteReactor<Response> {
 public:
  explicit RefusedStream(const absl::Status& status) {
    const grpc::Status finished = ToGrpcStatus(status);
    CallRecord::Take().End(finished.error_code());
    this->Finish(finished);
  }
  void OnDone() override { delete this; }
};

}  // namespace suppressd
