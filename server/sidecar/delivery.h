// Delivers the outbox to the server, in the order in which reports were taken: several at a time, but never two about
// one address. A report leaves the outbox, and its local blocks end, once the replica holds what the server made of it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/backoff.h"
#include "common/heartbeat.h"
#include "common/steady_wait.h"
#include "server/sidecar/local_blocks.h"
#include "server/sidecar/replica.h"
#include "server/sidecar/upstream.h"
#include "storage/head_signal.h"
#include "storage/outbox.h"

namespace suppressd {

// Reports under way at once.
inline constexpr int kDeliveriesMax = 32;

struct DeliveryOptions {
  // Reports that were delivered before the sidecar was stopped, and the state of the server that holds each.
  std::map<uint64_t, RevisionToken> delivered = {};
  BackoffOptions backoff = {};
  std::function<double()> random;
};

// Thread-safe.
class Delivery {
 public:
  Delivery(Outbox* outbox, Upstream* upstream, Replica* replica, LocalBlocks* blocks, DeliveryOptions options);
  // Stops and joins.
  ~Delivery();

  void Start();
  void Stop();
  // There is something to deliver: ends a wait for that, but not one after a failure.
  void NoteAdded();
  // The server is back, or somebody waits: no need to wait any longer.
  void Kick();
  // How long its thread has been at what it delivers now.
  absl::Duration busy() const { return beat_.busy(); }
  // The replica stands at a new state: lets go what it holds.
  void ReplicaAdvanced();

  // Reports that wait for delivery.
  int64_t waiting() const;
  // Whether none waits. Not the same as a count of zero: while reports are removed it may be off by these.
  bool idle() const { return Oldest() == 0; }
  // When the oldest of them was taken, in microseconds since 1970; zero when there is none.
  int64_t oldest_micros() const;
  // Calls `then` once: with true as soon as all reports that are in the outbox now are delivered (at once when there is
  // none), with false at the deadline.
  void AwaitDelivered(absl::Time deadline, std::function<void(bool delivered)> then);
  // Waits until none waits for delivery, or for the deadline.
  void Flush(absl::Time deadline);

 private:
  // The number of the oldest report that is not delivered; zero: there is none.
  uint64_t Oldest() const;
  using Reports = std::vector<std::pair<uint64_t, stored::OutboxReport>>;
  // A delivered report, and the state of the server that holds it.
  struct Delivered {
    RevisionToken state;
    uint64_t served_lineage = 0;  // the replica's at that time
  };

  void Run();
  // Delivers what it can at once. True: there may be more; false: nothing waits; an error: wait before the next try.
  absl::StatusOr<bool> DeliverSome();
  // Those of `reports` that may be under way together, from the first on.
  static size_t Together(const Reports& reports);
  // Sends them and waits for all answers.
  std::vector<absl::Status> Send(const Reports& reports, std::vector<v1::DeliverReportResponse>* responses);
  absl::Status Settle(uint64_t number, const stored::OutboxReport& report, const absl::Status& status,
                      const v1::ReportBounceResponse& response);
  // Puts a report aside that the server will never take.
  absl::Status PutAside(uint64_t number, const stored::OutboxReport& report, const absl::Status& status);
  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stopping_ || kicked_ || added_; }
  bool IsKicked() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stopping_ || kicked_; }

  Outbox* const outbox_;
  Upstream* const upstream_;
  Replica* const replica_;
  LocalBlocks* const blocks_;
  const DeliveryOptions options_;
  Backoff backoff_;       // used by the thread
  int refusals_ = 0;      // of the same report, for errors that may pass
  uint64_t refused_ = 0;  // that report

  // Everything up to this number is delivered, or was refused.
  HeadSignal through_{0};
  mutable absl::Mutex mutex_;
  std::map<uint64_t, Delivered> delivered_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool kicked_ ABSL_GUARDED_BY(mutex_) = false;
  bool added_ ABSL_GUARDED_BY(mutex_) = false;
  SteadyWait woken_;
  Heartbeat beat_;
  std::thread thread_;
};

}  // namespace suppressd
