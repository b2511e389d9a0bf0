// What a Client talks through. Applications see it only to replace it in tests: give Client a
// MockConnection (suppressd/mocks/mock_connection.h) or an implementation of your own.
#pragma once

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "suppressd/types.h"

namespace suppressd {
inline namespace client_v1 {

// Stops a Watch from another thread. Copies share one state. Thread-safe. Cancelling is final.
class Cancellation {
 public:
  Cancellation();

  // Ends whatever uses this handle or a copy of it. Returns at once.
  void Cancel() const;
  bool cancelled() const;

  // Waits for Cancel(), at most `duration`; returns cancelled().
  bool WaitFor(absl::Duration duration) const;

  // Runs `callback` at Cancel(), on the cancelling thread; at once when cancelled already. One
  // callback at a time; nullptr takes it back, after which it neither runs nor is running.
  void OnCancel(std::function<void()> callback) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// How one call is made.
struct CallOptions {
  // How long the call may take in all. Client sets ClientOptions::deadline where this is not
  // positive, and one hour where it is more.
  absl::Duration timeout = absl::ZeroDuration();
};

// Gets one step of a Watch; false ends the Watch.
using OnStep = std::function<bool(const WatchStep& step)>;

// One method per call of the API. A Client fills in tenant and timeout before it calls.
// Implementations must be thread-safe. Errors as in client.h.
class Connection {
 public:
  virtual ~Connection() = default;

  virtual absl::StatusOr<CheckResult> IsSuppressed(const CheckRequest& request, const CallOptions& call) = 0;
  virtual absl::StatusOr<BatchResult> BatchIsSuppressed(const BatchRequest& request, const CallOptions& call) = 0;
  virtual absl::StatusOr<ReportResult> ReportBounce(const ReportRequest& request, const CallOptions& call) = 0;
  virtual absl::StatusOr<Page> ListSuppressions(const ListRequest& request, const CallOptions& call) = 0;
  virtual absl::StatusOr<Counts> CountSuppressions(const CountRequest& request, const CallOptions& call) = 0;
  virtual absl::StatusOr<Details> GetBounceDetails(const DetailsRequest& request, const CallOptions& call) = 0;
  virtual absl::StatusOr<ReactivateResult> Reactivate(const ReactivateRequest& request, const CallOptions& call) = 0;
  virtual absl::StatusOr<SuppressResult> Suppress(const SuppressRequest& request, const CallOptions& call) = 0;

  // Blocks. Every step, heartbeats too, goes to `on_step` on the calling thread. OK: on_step
  // said stop. CANCELLED: `cancellation`. UNAVAILABLE also when the server ended or cut the stream.
  virtual absl::Status Watch(const WatchRequest& request, const OnStep& on_step, const Cancellation& cancellation) = 0;
};

}  // namespace client_v1
}  // namespace suppressd
