#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/steady_wait.h"
#include "suppressd/connection.h"

namespace suppressd {
inline namespace client_v1 {

struct Cancellation::State {
  absl::Mutex mutex;
  SteadyWait woken;
  bool cancelled ABSL_GUARDED_BY(mutex) = false;
  std::function<void()> callback ABSL_GUARDED_BY(mutex);
};

Cancellation::Cancellation() : state_(std::make_shared<State>()) {}

void Cancellation::Cancel() const {
  // The callback runs under the lock: once OnCancel(nullptr) has returned it is not running any more.
  absl::MutexLock lock(&state_->mutex);
  if (state_->cancelled) return;
  state_->cancelled = true;
  state_->woken.Notify();
  if (state_->callback) state_->callback();
}

bool Cancellation::cancelled() const {
  absl::MutexLock lock(&state_->mutex);
  return state_->cancelled;
}

bool Cancellation::WaitFor(absl::Duration duration) const {
  State& state = *state_;
  absl::MutexLock lock(&state.mutex);
  state.woken.AwaitFor(&state.mutex, duration, [&state]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return state.cancelled; });
  return state.cancelled;
}

void Cancellation::OnCancel(std::function<void()> callback) const {
  absl::MutexLock lock(&state_->mutex);
  state_->callback = std::move(callback);
  if (state_->cancelled && state_->callback) state_->callback();
}

}  // namespace client_v1
}  // namespace suppressd
