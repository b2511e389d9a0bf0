#include "server/rpc/await_revision.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/error.h"
#include "grpcpp/alarm.h"
#include "storage/revision_token.h"

namespace suppressd {
namespace {

constexpr absl::Duration kAnswerMarginMin = absl::Milliseconds(10);
constexpr absl::Duration kAnswerMarginMax = absl::Milliseconds(500);

// One wait. The alarm is what continues the call, on a gRPC thread: at the deadline, or earlier when the head cancels
// it.
class Wait : public std::enable_shared_from_this<Wait> {
 public:
  Wait(HeadSignal* head, uint64_t revision, std::function<void(bool)> then)
      : head_(head), revision_(revision), then_(std::move(then)) {}

  void Start(absl::Time deadline) {
    {
      absl::MutexLock lock(&mutex_);
      alarm_ = std::make_unique<grpc::Alarm>();
      alarm_->Set(absl::ToChronoTime(deadline), [self = shared_from_this()](bool) { self->Finish(); });
    }
    const uint64_t id = head_->CallAt(revision_, [self = shared_from_this()] { self->Reached(); });
    absl::MutexLock lock(&mutex_);
    head_call_id_ = id;
    if (alarm_ == nullptr) head_->Cancel(id);
  }

 private:
  void Reached() {
    absl::MutexLock lock(&mutex_);
    if (alarm_ != nullptr) alarm_->Cancel();
  }

  void Finish() {
    std::unique_ptr<grpc::Alarm> alarm;  // released at the end: it holds the callback that holds this
    {
      absl::MutexLock lock(&mutex_);
      alarm = std::move(alarm_);
      head_->Cancel(head_call_id_);
    }
    then_(head_->head() >= revision_);
  }

  HeadSignal* const head_;
  const uint64_t revision_;
  const std::function<void(bool)> then_;
  absl::Mutex mutex_;
  std::unique_ptr<grpc::Alarm> alarm_ ABSL_GUARDED_BY(mutex_);  // null: finished
  uint64_t head_call_id_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace

absl::Time GiveUpAt(absl::Time now, absl::Time deadline, absl::Duration wait_max) {
  const absl::Duration margin = std::clamp((deadline - now) / 10, kAnswerMarginMin, kAnswerMarginMax);
  return std::min(deadline - margin, now + wait_max);
}

void AwaitHead(HeadSignal* head, uint64_t revision, absl::Time deadline, std::function<void(bool reached)> then) {
  if (head->head() >= revision) return then(true);
  std::make_shared<Wait>(head, revision, std::move(then))->Start(deadline);
}

void AwaitRevision(const ListReader* list, const std::string& token, absl::Time deadline,
                   std::function<void(absl::Status)> then) {
  if (token.empty()) return then(absl::OkStatus());
  const absl::StatusOr<RevisionToken> wanted = DecodeToken(token, list->lineage(), "at_least");
  if (!wanted.ok()) return then(wanted.status());
  AwaitHead(&list->head(), wanted->revision, deadline, [then = std::move(then)](bool reached) {
    then(reached ? absl::OkStatus()
                 : MakeError(absl::StatusCode::kUnavailable, v1::REVISION_NOT_REACHED,
                             "the state of the token was not reached in time", "at_least"));
  });
}

}  // namespace suppressd
