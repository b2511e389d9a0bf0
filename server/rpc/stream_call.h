// What every stream to a caller does, whatever it sends: one message under way at a time, a cut when the reader takes
// nothing for too long, an orderly end.
//
// A stream is driven by one event at a time: its beginning, the end of a write, or the end of a wait, all on the one
// thread of its registry's pump. A drain and a cancellation only end a wait.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "server/base/steady_time.h"
#include "server/rpc/call_metrics.h"
#include "server/rpc/grpc_status.h"
#include "server/rpc/stream_registry.h"

namespace suppressd {

// A reader that takes nothing for this long is cut.
inline constexpr absl::Duration kSlowReaderMax = absl::Seconds(30);
// A heartbeat is sent when nothing else was for this long.
inline constexpr absl::Duration kHeartbeatInterval = absl::Seconds(10);

// These times for one kind of stream; tests shorten them.
struct StreamTimes {
  absl::Duration slow_reader_max = kSlowReaderMax;
  absl::Duration heartbeat_interval = kHeartbeatInterval;
};

// One stream. Kept alive by its registry, to which it must be added at once.
template <typename Response>
class StreamCall : public grpc::ServerWriteReactor<Response>, public ServedStream {
 public:
  // Ends the stream with this status. No message may be under way. Further ends do nothing.
  void End(const absl::Status& status) { FinishOnce(ToGrpcStatus(status)); }

  void Stop() final {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    EndWait();
  }
  void Cut() final {
    absl::MutexLock lock(&mutex_);
    if (!done_) context_->TryCancel();
  }

  void OnWriteDone(bool ok) final {
    {
      absl::MutexLock lock(&mutex_);
      pump_->Cancel(std::exchange(write_timer_, 0));
    }
    if (!ok) return FinishOnce(grpc::Status::CANCELLED);  // nobody is told: the call is over
    RunOnPump([this] { Step(); });
  }
  void OnCancel() final { Stop(); }
  void OnDone() final {
    {
      absl::MutexLock lock(&mutex_);
      done_ = true;
      waiting_ = false;
      // They hold this call.
      pump_->Cancel(std::exchange(wait_timer_, 0));
      pump_->Cancel(std::exchange(write_timer_, 0));
    }
    Closed();
    registry_->Remove(this);  // may delete this
  }

 protected:
  StreamCall(StreamRegistry* registry, grpc::CallbackServerContext* context, absl::Duration slow_reader_max)
      : registry_(registry), pump_(&registry->pump()), context_(context), slow_reader_max_(slow_reader_max) {}

  // What to do now: Send, WaitUntil or End, once. Called when a message was taken.
  virtual void Step() = 0;
  // A wait has ended: at its time, or before it (`in_time` is false) because of WakeUp or Stop.
  virtual void Woken(bool in_time) { Step(); }
  // The stream has ended; no event follows.
  virtual void Closed() {}

  // Whether to end the stream with OK in place of sending more.
  bool Stopping() {
    absl::MutexLock lock(&mutex_);
    return stopping_ || context_->IsCancelled();
  }

  // Sends message_, which must stay as it is until the next Step. (gRPC's buffer hint, by which several messages would
  // go together, leaves the last of them unsent now and then in 1.51.)
  void Send() {
    {
      absl::MutexLock lock(&mutex_);
      write_timer_ = pump_->RunAt(SteadyPoint() + slow_reader_max_, [this, self = shared_from_this()] { Cut(); });
    }
    this->StartWrite(&message_);
  }

  // Waits. No more than one wait at a time.
  void WaitUntil(absl::Time time) {
    absl::MutexLock lock(&mutex_);
    waiting_ = true;
    wait_timer_ = pump_->RunAt(time, [this, self = shared_from_this(), wait = ++waits_] {
      {
        absl::MutexLock timer_lock(&mutex_);
        if (!waiting_ || wait != waits_) return;  // it was ended before
        waiting_ = false;
      }
      Woken(true);
    });
    if (stopping_) EndWait();
  }

  // Ends a wait, if there is one. Any thread.
  void WakeUp() {
    absl::MutexLock lock(&mutex_);
    EndWait();
  }

  void RunOnPump(std::function<void()> event) {
    pump_->Run([self = shared_from_this(), event = std::move(event)] { event(); });
  }

  Response message_;

 private:
  void EndWait() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!std::exchange(waiting_, false)) return;
    pump_->Cancel(std::exchange(wait_timer_, 0));
    RunOnPump([this] { Woken(false); });
  }

  void FinishOnce(const grpc::Status& status) {
    {
      absl::MutexLock lock(&mutex_);
      if (std::exchange(finished_, true)) return;
    }
    record_.End(status.error_code());
    this->Finish(status);
  }

  StreamRegistry* const registry_;
  StreamPump* const pump_;
  grpc::CallbackServerContext* const context_;
  const absl::Duration slow_reader_max_;
  const CallRecord record_ = CallRecord::Take();

  absl::Mutex mutex_;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool waiting_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t waits_ ABSL_GUARDED_BY(mutex_) = 0;  // so far
  uint64_t wait_timer_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t write_timer_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace suppressd
