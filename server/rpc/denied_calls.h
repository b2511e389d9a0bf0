// Calls that no role of their caller allowed, on their way into the audit trail: equal ones are counted together and
// become one record each time they are flushed, so that who asks too much cannot fill the trail.
//
//   DeniedCalls denied(&log, clock, may_write);
//   denied.Add({"sender", "/suppressd.v1.SuppressionService/Suppress", "shop"});   // any thread, at once
//   denied.FlushIfDue();                                                            // once a second
//   denied.Flush();                                                                 // before the log closes
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "storage/log/commit_log.h"

namespace suppressd {

// Most kinds of calls that are counted apart between two flushes. Those of identities for which there is no room become
// one record without an actor.
inline constexpr size_t kDeniedKindsMax = 1'000;
// The same for one identity, so that none crowds out the others. What goes beyond becomes one record without a call.
inline constexpr size_t kDeniedKindsPerIdentityMax = 50;
inline constexpr absl::Duration kDeniedFlushInterval = absl::Seconds(10);

// Which calls are counted together.
struct DeniedKind {
  std::string identity;
  std::string method;  // "/suppressd.v1.SuppressionService/Suppress"
  std::string tenant;  // empty: none, several or all

  bool operator<(const DeniedKind& other) const {
    return std::tie(identity, method, tenant) < std::tie(other.identity, other.method, other.tenant);
  }
};

// Thread-safe.
class DeniedCalls {
 public:
  using Clock = std::function<absl::Time()>;

  // `may_write`: OK, or why no write is taken now; then counting goes on. The log must outlive the last flush, and
  // answers to it may come after this is gone.
  DeniedCalls(CommitLog* log, Clock clock, std::function<absl::Status()> may_write)
      : log_(log), clock_(std::move(clock)), may_write_(std::move(may_write)), last_flush_(clock_()) {}

  // Counts a call. Never waits for a disk.
  void Add(DeniedKind kind);
  // Flushes when the last time was 10 s ago or more, or the clock was set back.
  void FlushIfDue();
  // Appends a record for each kind, and forgets them. What the log does not take is counted again; where the log does
  // not know whether it took a record, its calls may be in the trail twice.
  void Flush();

 private:
  struct Count {
    int64_t calls = 0;
    absl::Time first;
    absl::Time last;
  };
  using Counts = std::map<DeniedKind, Count>;
  // Shared with answers of the log.
  struct State {
    absl::Mutex mutex;
    Counts counts ABSL_GUARDED_BY(mutex);
    std::map<std::string, size_t> kinds_of ABSL_GUARDED_BY(mutex);  // per identity
  };

  static void Merge(State* state, DeniedKind kind, const Count& count);
  static void MergeLocked(State* state, DeniedKind kind, const Count& count)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(state->mutex);

  CommitLog* const log_;
  const Clock clock_;
  const std::function<absl::Status()> may_write_;
  const std::shared_ptr<State> state_ = std::make_shared<State>();
  absl::Mutex flushing_;
  absl::Time last_flush_ ABSL_GUARDED_BY(flushing_);
};

}  // namespace suppressd
