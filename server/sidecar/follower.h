// The replication path of a sidecar: a snapshot where there is no replica, then every change, forever, over whatever
// happens to the connection and the server.
//
//   connect ─► no replica, or one of other data, or too old ─► SnapshotLoad ─► Replica::Adopt
//      ▲                                                                         │
//      └── wait (Backoff) ◄── the stream ended ◄── Follow ─► ReplicaWriter::Follow ◄──────┘
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/backoff.h"
#include "common/heartbeat.h"
#include "common/steady_wait.h"
#include "server/sidecar/head_times.h"
#include "server/sidecar/replica.h"
#include "server/sidecar/snapshot_load.h"
#include "server/sidecar/upstream.h"

namespace suppressd {

// A stream of changes that brought nothing, not even a heartbeat (every 10 s), for this long is given up.
inline constexpr absl::Duration kSilenceMax = absl::Seconds(30);

struct FollowerOptions {
  FollowedLists lists;
  BackoffOptions backoff = {};
  std::function<absl::Time()> clock;
  SteadyClock steady_clock;  // for ages
  std::function<double()> random;
  // Called, on the follower's thread, when the replica stands at a new state, and when another replica is served.
  std::function<void()> advanced = [] {};
  // Called, on the follower's thread, when the replica is served and has reached the head that the server had when the
  // connection was made.
  std::function<void()> caught_up = [] {};
  // Between tries while the server sends what this program is too old to read.
  absl::Duration outdated_pause = absl::Seconds(10);
  // Called, on the follower's thread, when no replica is served any more (REPLICA_OUTDATED).
  std::function<void()> withdrawn = [] {};
};

// Thread-safe.
class Follower {
 public:
  Follower(Upstream* upstream, Replica* replica, HeadTimes* heads, FollowerOptions options);
  // Stops and joins.
  ~Follower();

  void Start();
  // Ends what is under way; returns when the thread has ended. Idempotent.
  void Stop();

  // Asks the server for its head, unless it is being asked already, for HeadTimes. Cuts a stream that fell silent.
  // Called about once a second.
  void Tick();
  // How long its thread has been applying the changes that came together.
  absl::Duration busy() const { return beat_.busy(); }
  // Calls `then` once, on any thread, with the server's head as it is now or later; UNAVAILABLE when there is no answer
  // within 10 s. Calls that come together share one question.
  void AskHead(std::function<void(absl::StatusOr<RevisionToken>)> then);

  // Whether the server sends what this program is too old to read (REPLICA_OUTDATED). It stays so until a snapshot was
  // taken.
  bool outdated() const;
  // What it is doing, and why the last attempt to follow the server ended (OK: it did not).
  v1::Replica::State state() const;
  absl::Status last_error() const;

 private:
  class Changes;
  using HeadCallback = std::function<void(absl::StatusOr<RevisionToken>)>;

  void Run();
  // One connection: returns why it ended. OK: begin again at once.
  absl::Status FollowOnce();
  absl::Status TakeSnapshot();
  // The head of the server, by a call that blocks.
  absl::StatusOr<RevisionToken> HeadNow(const ReplicaView& view);
  absl::Status Follow(const std::shared_ptr<ReplicaView>& view, uint64_t head);
  // Reads the stream into `changes` until it ends.
  void ReadStream(const ReplicaView& view, grpc::ClientContext* context, Changes* changes, absl::Status* ended);
  void Applied(const ReplicaView& view, uint64_t head, bool* was_behind);
  void AskOnce(std::vector<HeadCallback> callbacks);

  bool Blocks(grpc::ClientContext* context);
  // Waits; false: told to stop.
  bool Wait(absl::Duration duration);
  bool stopping() const;
  void SetState(v1::Replica::State state);

  Upstream* const upstream_;
  Replica* const replica_;
  HeadTimes* const heads_;
  const FollowerOptions options_;
  SnapshotLoad load_;
  Backoff backoff_;              // used by the thread
  bool needs_snapshot_ = false;  // the same

  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  SteadyWait stopped_;
  v1::Replica::State state_ ABSL_GUARDED_BY(mutex_) = v1::Replica::AWAY;
  bool outdated_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status last_error_ ABSL_GUARDED_BY(mutex_);
  grpc::ClientContext* blocking_ ABSL_GUARDED_BY(mutex_) = nullptr;  // what the thread waits for
  bool streaming_ ABSL_GUARDED_BY(mutex_) = false;
  SteadyTime heard_at_ ABSL_GUARDED_BY(mutex_);  // the last message of the stream
  bool asking_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<HeadCallback> asked_ ABSL_GUARDED_BY(mutex_);  // for the question after the one under way
  Heartbeat beat_;
  std::thread thread_;
};

}  // namespace suppressd
