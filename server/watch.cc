#include "server/watch.h"

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/time/clock.h"
#include "grpcpp/alarm.h"
#include "protos/error.h"
#include "server/field_checks.h"
#include "server/grpc_status.h"
#include "server/requests.h"
#include "server/service.h"
#include "storage/entry.h"
#include "storage/revision_token.h"

namespace suppression {

// One watch. It is driven by one event at a time: the end of a write, or the alarm it waits with. A change of the head,
// a drain and a cancellation only cancel that alarm, so that all work happens on gRPC's threads.
class WatchCall : public grpc::ServerWriteReactor<v1::WatchResponse>, public std::enable_shared_from_this<WatchCall> {
 public:
  WatchCall(WatchRegistry* registry, grpc::CallbackServerContext* context)
      : registry_(registry), store_(registry->store_), context_(context) {}

  // Begins to stream. Called once, after the call was registered.
  void Begin(const v1::WatchRequest& request) {
    if (absl::Status status = Read(request); !status.ok()) return End(status);
    Step();
  }

  // Ends the stream with this status, now.
  void End(const absl::Status& status) {
    {
      absl::MutexLock lock(&mutex_);
      if (std::exchange(finished_, true)) return;
    }
    Finish(ToGrpcStatus(status));
  }

  // Ends the stream with OK as soon as nothing is under way.
  void Stop() {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    if (alarm_ != nullptr && waiting_) alarm_->Cancel();
  }

  void OnWriteDone(bool ok) override {
    {
      absl::MutexLock lock(&mutex_);
      if (write_alarm_ != nullptr) write_alarm_->Cancel();
    }
    if (!ok) return End(absl::CancelledError());
    Step();
  }

  void OnCancel() override { Stop(); }

  void OnDone() override {
    std::unique_ptr<grpc::Alarm> alarm, write_alarm;  // their callbacks hold this call
    {
      absl::MutexLock lock(&mutex_);
      done_ = true;
      store_->head().Cancel(head_call_id_);
      alarm = std::move(alarm_);
      write_alarm = std::move(write_alarm_);
      waiting_ = false;
    }
    registry_->Remove(this);  // may delete this
  }

 private:
  absl::Status Read(const v1::WatchRequest& request) {
    if (request.tenants_size() > kWatchTenantsMax) {
      return InvalidArgument(v1::FIELD_TOO_LONG, "tenants holds more than 100 names", "tenants");
    }
    for (const std::string& name : request.tenants()) {
      absl::StatusOr<std::string> tenant = TenantOf(name);
      if (!tenant.ok()) return tenant.status();
      tenants_.insert(*std::move(tenant));
    }
    after_ = store_->head().head();
    if (request.after().empty()) return absl::OkStatus();
    const absl::StatusOr<RevisionToken> token = DecodeToken(request.after(), store_->lineage(), "after");
    if (!token.ok()) return token.status();
    after_ = token->revision;
    return absl::OkStatus();
  }

  // Sends the next change, or waits for one.
  void Step() {
    v1::WatchResponse* next = nullptr;
    while (true) {
      if (Stopping()) return End(absl::OkStatus());
      next = NextFromLog();
      if (next != nullptr || !ended_.ok()) break;
      if (store_->head().head() <= after_) break;
    }
    if (!ended_.ok()) return End(ended_);
    if (next == nullptr) return Wait();
    Send();
  }

  bool Stopping() {
    absl::MutexLock lock(&mutex_);
    return stopping_ || context_->IsCancelled();
  }

  // Makes message_ from the next change that concerns this watch. Null: none among those read; or ended_ says why the
  // stream ends.
  v1::WatchResponse* NextFromLog() {
    if (pending_.empty()) {
      absl::StatusOr<std::vector<RevisionChange>> changes = store_->ReadChanges(after_, kChangesPerRead);
      if (!changes.ok()) {
        ended_ = changes.status();
        if (ReasonOf(ended_) == v1::HISTORY_GONE) {
          ended_ = MakeError(absl::StatusCode::kOutOfRange, v1::HISTORY_GONE,
                             "the change log no longer reaches back to this token; read the list anew", "after",
                             {{"oldest_token", EncodeToken({store_->lineage(), store_->oldest_start()})}});
        }
        return nullptr;
      }
      for (RevisionChange& change : *changes) pending_.push_back(std::move(change));
    }
    while (!pending_.empty()) {
      RevisionChange next = std::move(pending_.front());
      pending_.pop_front();
      after_ = next.revision;
      if (next.change.entries().empty()) continue;
      if (!tenants_.empty() && !tenants_.contains(next.change.tenant())) continue;
      message_.Clear();
      message_.set_token(EncodeToken({store_->lineage(), after_}));
      *message_.mutable_committed_at() = next.change.at();
      for (stored::StoredEntry& entry : *next.change.mutable_entries()) {
        SetStatesAt(ToMicros(next.change.at()), entry.mutable_suppression());
        *message_.add_suppressions() = std::move(*entry.mutable_suppression());
      }
      return &message_;
    }
    return nullptr;
  }

  void Send() {
    heartbeat_at_ = absl::Now() + kHeartbeatInterval;
    {
      absl::MutexLock lock(&mutex_);
      write_alarm_ = std::make_unique<grpc::Alarm>();
      write_alarm_->Set(absl::ToChronoTime(absl::Now() + kSlowReaderMax), [self = shared_from_this()](bool slow) {
        absl::MutexLock alarm_lock(&self->mutex_);
        if (slow && !self->done_) self->context_->TryCancel();
      });
    }
    StartWrite(&message_);
  }

  // Waits for the head to pass after_, at most until a heartbeat is due. The head is asked for one call at a time: one
  // that is still open from an earlier wait serves this one too.
  void Wait() {
    const std::shared_ptr<WatchCall> self = shared_from_this();
    const uint64_t wanted = after_ + 1;  // once the alarm is set, another thread may go on with after_
    {
      absl::MutexLock lock(&mutex_);
      waiting_ = true;
      alarm_ = std::make_unique<grpc::Alarm>();
      alarm_->Set(absl::ToChronoTime(heartbeat_at_), [self](bool heartbeat) { self->Wake(heartbeat); });
      if (stopping_) alarm_->Cancel();
      if (std::exchange(head_asked_, true)) return;
    }
    const uint64_t id = store_->head().CallAt(wanted, [weak = weak_from_this()] {
      if (const std::shared_ptr<WatchCall> call = weak.lock()) call->HeadMoved();
    });
    absl::MutexLock lock(&mutex_);
    head_call_id_ = id;
    if (done_) store_->head().Cancel(id);
  }

  void HeadMoved() {
    absl::MutexLock lock(&mutex_);
    head_asked_ = false;
    if (waiting_) alarm_->Cancel();
  }

  void Wake(bool heartbeat) {
    {
      absl::MutexLock lock(&mutex_);
      waiting_ = false;
    }
    if (!heartbeat || store_->head().head() > after_ || Stopping()) return Step();
    message_.Clear();
    message_.set_token(EncodeToken({store_->lineage(), after_}));
    Send();
  }

  WatchRegistry* const registry_;
  Store* const store_;
  grpc::CallbackServerContext* const context_;
  // Used by the one event that drives the call.
  absl::flat_hash_set<std::string> tenants_;
  uint64_t after_ = 0;
  std::deque<RevisionChange> pending_;
  v1::WatchResponse message_;
  absl::Status ended_;
  absl::Time heartbeat_at_ = absl::Now() + kHeartbeatInterval;  // when a heartbeat is due, if nothing is sent before

  absl::Mutex mutex_;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool waiting_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<grpc::Alarm> alarm_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::Alarm> write_alarm_ ABSL_GUARDED_BY(mutex_);
  bool head_asked_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t head_call_id_ ABSL_GUARDED_BY(mutex_) = 0;
};

grpc::ServerWriteReactor<v1::WatchResponse>* WatchRegistry::Start(grpc::CallbackServerContext* context,
                                                                  const v1::WatchRequest& request) {
  auto call = std::make_shared<WatchCall>(this, context);
  absl::Status refused;
  {
    absl::MutexLock lock(&mutex_);
    if (draining_) {
      refused = MakeError(absl::StatusCode::kUnavailable, v1::SHUTTING_DOWN, "the server is shutting down");
    } else if (static_cast<int>(calls_.size()) >= watches_max_) {
      refused = MakeError(absl::StatusCode::kUnavailable, v1::OVERLOADED, "too many watches");
    }
    calls_.insert(call);
  }
  if (refused.ok()) {
    call->Begin(request);
  } else {
    call->End(refused);
  }
  return call.get();
}

void WatchRegistry::Drain() {
  std::vector<std::shared_ptr<WatchCall>> calls;
  {
    absl::MutexLock lock(&mutex_);
    draining_ = true;
    calls.assign(calls_.begin(), calls_.end());
  }
  for (const std::shared_ptr<WatchCall>& call : calls) call->Stop();
}

void WatchRegistry::Remove(WatchCall* call) {
  std::shared_ptr<WatchCall> removed = call->shared_from_this();  // let go outside the lock
  absl::MutexLock lock(&mutex_);
  calls_.erase(removed);
}

grpc::ServerWriteReactor<v1::WatchResponse>* SuppressionService::Watch(grpc::CallbackServerContext* context,
                                                                       const v1::WatchRequest* request) {
  return watches_.Start(context, *request);
}

}  // namespace suppression
