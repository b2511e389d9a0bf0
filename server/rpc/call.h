// What surrounds every unary call: admission, size limit, deadline, error mapping. Handlers only do their own work.
#pragma once

#include <atomic>
#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/error.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "server/rpc/call_metrics.h"
#include "server/rpc/drain.h"
#include "server/rpc/grpc_status.h"
#include "server/rpc/unread_answers.h"
#include "storage/worker_pool.h"

namespace suppressd {

// Called once when a handler is done. Any thread.
using Done = std::function<void(absl::Status)>;

// How many calls of a kind may be in flight, while the service is not draining. Thread-safe.
class Admission {
 public:
  Admission(int in_flight_max, Drain* drain) : in_flight_max_(in_flight_max), drain_(drain) {}

  // Lets a call in (ERROR_REASON_UNSPECIFIED: it must Leave when it is done), or says why not: SHUTTING_DOWN,
  // OVERLOADED.
  v1::ErrorReason Enter() {
    if (!drain_->Enter()) return v1::SHUTTING_DOWN;
    if (in_flight_.fetch_add(1, std::memory_order_relaxed) < in_flight_max_) return v1::ERROR_REASON_UNSPECIFIED;
    Leave();
    return v1::OVERLOADED;
  }
  // Whether the next call would be refused, as far as can be said.
  bool full() const { return in_flight_.load(std::memory_order_relaxed) >= in_flight_max_; }
  void Leave() {
    in_flight_.fetch_sub(1, std::memory_order_relaxed);
    drain_->Leave();
  }

 private:
  const int in_flight_max_;
  Drain* const drain_;
  std::atomic<int> in_flight_{0};
};

// The deadline of a call; absl::InfiniteFuture() when it has none.
inline absl::Time DeadlineOf(const grpc::CallbackServerContext& context) {
  return absl::FromChrono(context.deadline());
}

// Runs one unary call. `handler` is void(Done); it is not started when the call is too large, too late or too many.
// `large`: the answer may be large, and counts until it is read.
template <typename Request, typename Handler>
grpc::ServerUnaryReactor* RunUnary(grpc::CallbackServerContext* context, const Request& request,
                                   size_t request_bytes_max, Admission* admission, const Handler& handler,
                                   LargeAnswer* large = nullptr) {
  const CallRecord record = CallRecord::Take();
  grpc::ServerUnaryReactor* reactor = large != nullptr ? large : context->DefaultReactor();
  absl::Status refused;
  if (request.ByteSizeLong() > request_bytes_max) {
    refused =
        MakeError(absl::StatusCode::kResourceExhausted, v1::MESSAGE_TOO_LARGE, "the request is over the size limit");
  } else if (context->IsCancelled()) {
    refused = MakeError(absl::StatusCode::kDeadlineExceeded, v1::DEADLINE_PASSED,
                        "the deadline passed before the work began");
  } else if (const v1::ErrorReason reason = admission->Enter(); reason != v1::ERROR_REASON_UNSPECIFIED) {
    refused = MakeError(absl::StatusCode::kUnavailable, reason,
                        reason == v1::OVERLOADED ? "too many calls are in flight" : "the server is shutting down");
  }
  const auto finish = [reactor, record](const absl::Status& status) {
    const grpc::Status finished = ToGrpcStatus(status);
    record.End(finished.error_code());
    reactor->Finish(finished);
  };
  if (!refused.ok()) {
    finish(refused);
    return reactor;
  }
  handler([finish, large, admission](absl::Status status) {
    admission->Leave();
    if (large != nullptr && status.ok()) status = large->Hold();
    finish(status);
  });
  return reactor;
}

// Runs work that takes long on a pool: `work` is called with `done`, unless the caller has gone away by the time that a
// thread is free.
inline void RunUnlessGone(WorkerPool* pool, std::function<bool()> gone, std::function<void(Done)> work, Done done) {
  pool->Run([gone = std::move(gone), work = std::move(work), done = std::move(done)] {
    if (!gone()) return work(done);
    done(MakeError(absl::StatusCode::kDeadlineExceeded, v1::DEADLINE_PASSED,
                   "the deadline passed before the work began"));
  });
}

}  // namespace suppressd
