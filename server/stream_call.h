// What every stream to a caller does, whatever it sends: one message under way at a time, a cut when the reader takes
// nothing for too long, an orderly end.
//
// A stream is driven by one event at a time: its beginning, the end of a write, or the end of a wait. A drain and a
// cancellation only end a wait, so all work happens where those events come: on gRPC's threads.
#pragma once

#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/alarm.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "server/grpc_status.h"
#include "server/stream_registry.h"

namespace suppression {

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
    if (waiting_) wait_alarm_->Cancel();
  }
  void Cut() final {
    absl::MutexLock lock(&mutex_);
    if (!done_) context_->TryCancel();
  }

  void OnWriteDone(bool ok) final {
    {
      absl::MutexLock lock(&mutex_);
      if (write_alarm_ != nullptr) write_alarm_->Cancel();
    }
    if (!ok) return FinishOnce(grpc::Status::CANCELLED);  // nobody is told: the call is over
    Step();
  }
  void OnCancel() final { Stop(); }
  void OnDone() final {
    std::unique_ptr<grpc::Alarm> wait_alarm, write_alarm;  // their callbacks hold this call
    {
      absl::MutexLock lock(&mutex_);
      done_ = true;
      wait_alarm = std::move(wait_alarm_);
      write_alarm = std::move(write_alarm_);
      waiting_ = false;
    }
    Closed();
    registry_->Remove(this);  // may delete this
  }

 protected:
  StreamCall(StreamRegistry* registry, grpc::CallbackServerContext* context, absl::Duration slow_reader_max)
      : registry_(registry), context_(context), slow_reader_max_(slow_reader_max) {}

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

  // Sends message_, which must stay as it is until the next Step.
  void Send() {
    {
      absl::MutexLock lock(&mutex_);
      write_alarm_ = std::make_unique<grpc::Alarm>();
      write_alarm_->Set(absl::ToChronoTime(absl::Now() + slow_reader_max_),
                        [this, self = shared_from_this()](bool slow) {
                          if (slow) Cut();
                        });
    }
    this->StartWrite(&message_);
  }

  // Waits. Woken may come, on another thread, before this returns.
  void WaitUntil(absl::Time time) {
    absl::MutexLock lock(&mutex_);
    waiting_ = true;
    wait_alarm_ = std::make_unique<grpc::Alarm>();
    wait_alarm_->Set(absl::ToChronoTime(time), [this, self = shared_from_this()](bool in_time) {
      {
        absl::MutexLock alarm_lock(&mutex_);
        waiting_ = false;
      }
      Woken(in_time);
    });
    if (stopping_) wait_alarm_->Cancel();
  }

  // Ends a wait, if there is one. Any thread.
  void WakeUp() {
    absl::MutexLock lock(&mutex_);
    if (waiting_) wait_alarm_->Cancel();
  }

  Response message_;

 private:
  void FinishOnce(const grpc::Status& status) {
    {
      absl::MutexLock lock(&mutex_);
      if (std::exchange(finished_, true)) return;
    }
    this->Finish(status);
  }

  StreamRegistry* const registry_;
  grpc::CallbackServerContext* const context_;
  const absl::Duration slow_reader_max_;

  absl::Mutex mutex_;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool waiting_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<grpc::Alarm> wait_alarm_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::Alarm> write_alarm_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace suppression
