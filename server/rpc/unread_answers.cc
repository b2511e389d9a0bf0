#include "server/rpc/unread_answers.h"

#include <vector>

#include "common/error.h"
#include "server/base/steady_time.h"

namespace suppressd {

uint64_t UnreadAnswers::Add(size_t bytes, std::function<void()> cancel, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  while (bytes_ + bytes > bytes_max_ && !answers_.empty()) {
    const auto oldest = answers_.begin();
    if (now - oldest->second.since < kUnreadGrace) return 0;
    // Under the lock: Remove, which the end of the call waits for, comes after it.
    oldest->second.cancel();
    bytes_ -= oldest->second.bytes;
    answers_.erase(oldest);
  }
  bytes_ += bytes;
  const uint64_t id = next_id_++;
  answers_.emplace(id, Answer{bytes, now, std::move(cancel)});
  return id;
}

void UnreadAnswers::Remove(uint64_t id) {
  absl::MutexLock lock(&mutex_);
  const auto found = answers_.find(id);
  if (found == answers_.end()) return;
  bytes_ -= found->second.bytes;
  answers_.erase(found);
}

absl::Status LargeAnswer::Hold() {
  id_ = unread_->Add(
      response_->ByteSizeLong(), [context = context_] { context->TryCancel(); }, SteadyPoint());
  if (id_ != 0) return absl::OkStatus();
  return MakeError(absl::StatusCode::kUnavailable, v1::OVERLOADED, "too many answers wait to be read");
}

void LargeAnswer::OnDone() {
  unread_->Remove(id_);
  delete this;
}

}  // namespace suppressd
