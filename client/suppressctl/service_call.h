// One call of a generated stub, tried again like those of a Client.
#pragma once

#include <chrono>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/internal/retry.h"
#include "client/internal/utf8.h"
#include "common/from_grpc.h"
#include "common/secure_channel.h"
#include "grpcpp/client_context.h"

namespace suppressd::suppressctl {

// Ends within `timeout`, retries included. Errors are those of the service; INVALID_ARGUMENT (INVALID_FIELD) for a text
// that is not UTF-8. Thread-safe.
template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> CallService(SecureChannel* channel, const RetryOptions& retry, Stub* stub,
                                     grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                     const Request& request, absl::Duration timeout) {
  if (absl::Status status = client_internal::CheckUtf8(request); !status.ok()) return status;
  return client_internal::Retry<Response>(
      retry, client_internal::SystemRetryEnvironment(), timeout,
      [&](const CallOptions& call) -> absl::StatusOr<Response> {
        grpc::ClientContext context;
        context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(call.timeout));
        channel->AddToken(&context);
        Response response;
        const grpc::Status status = (stub->*method)(&context, request, &response);
        if (!status.ok()) return FromGrpc(status);
        return response;
      });
}

}  // namespace suppressd::suppressctl
