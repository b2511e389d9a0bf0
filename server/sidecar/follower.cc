#include "server/sidecar/follower.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/error.h"
#include "common/from_grpc.h"
#include "server/base/log.h"
#include "server/sidecar/step_assembly.h"

namespace suppressd {
namespace {

// What the reader of the stream may be ahead of the writer.
constexpr size_t kQueuedChangesMax = 4'096;
constexpr size_t kQueuedBytesMax = 8 << 20;
// A connection that lasted this long makes the next wait short again.
constexpr absl::Duration kSettledAfter = absl::Seconds(10);
// How long a question for the head may take.
constexpr absl::Duration kHeadTimeout = absl::Seconds(5);

v1::Position PositionOf(const ReplicaView& view) {
  v1::Position position;
  position.set_revision_token(EncodeToken(view.state()));
  position.set_timeline(view.store->reader().timeline());
  return position;
}

v1::FollowRequest FollowRequest(const FollowedLists& lists, const ReplicaView& view) {
  v1::FollowRequest request;
  for (const std::string& tenant : lists.tenants) request.add_tenants(tenant);
  *request.mutable_after() = PositionOf(view);
  request.set_replica_id(lists.name.id);
  request.set_replica_version(lists.name.version);
  return request;
}

v1::AcknowledgeRequest AcknowledgeRequest(const FollowedLists& lists, const ReplicaView& view) {
  v1::AcknowledgeRequest request;
  request.set_replica_id(lists.name.id);
  request.set_replica_version(lists.name.version);
  *request.mutable_position() = PositionOf(view);
  return request;
}

}  // namespace

// Changes between the thread that reads the stream and the one that applies them.
class Follower::Changes {
 public:
  // Waits until there is room. False: nobody takes them any more.
  bool Put(RevisionChange change, size_t bytes) {
    const auto has_room = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
      return closed_ || (queue_.size() < kQueuedChangesMax && bytes_ < kQueuedBytesMax);
    };
    absl::MutexLock lock(&mutex_, absl::Condition(&has_room));
    if (closed_) return false;
    queue_.push_back(std::move(change));
    bytes_ += bytes;
    return true;
  }
  // Waits for changes and takes all that there are; none: the stream has ended.
  std::vector<RevisionChange> TakeAll() {
    const auto has_work = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return closed_ || !queue_.empty(); };
    absl::MutexLock lock(&mutex_, absl::Condition(&has_work));
    bytes_ = 0;
    return std::exchange(queue_, {});
  }
  // No more come, or none are taken.
  void Close() {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
  }

 private:
  absl::Mutex mutex_;
  std::vector<RevisionChange> queue_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

Follower::Follower(Upstream* upstream, Replica* replica, HeadTimes* heads, FollowerOptions options)
    : upstream_(upstream),
      replica_(replica),
      heads_(heads),
      options_(std::move(options)),
      load_(
          upstream, replica, options_.lists, [this](grpc::ClientContext* context) { return Blocks(context); },
          options_.clock),
      backoff_(options_.backoff, options_.random) {}

Follower::~Follower() {
  Stop();
}

void Follower::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Follower::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    if (blocking_ != nullptr) blocking_->TryCancel();
  }
  stopped_.Notify();
  if (thread_.joinable()) thread_.join();
  const auto answered = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return !asking_; };
  absl::MutexLock lock(&mutex_, absl::Condition(&answered));
}

bool Follower::Blocks(grpc::ClientContext* context) {
  absl::MutexLock lock(&mutex_);
  blocking_ = context;
  if (context == nullptr) return true;
  if (stopping_) blocking_ = nullptr;
  return !stopping_;
}

bool Follower::Wait(absl::Duration duration) {
  absl::MutexLock lock(&mutex_);
  stopped_.AwaitFor(&mutex_, duration, [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return stopping_; });
  return !stopping_;
}

bool Follower::stopping() const {
  absl::MutexLock lock(&mutex_);
  return stopping_;
}

void Follower::SetState(v1::Replica::State state) {
  absl::MutexLock lock(&mutex_);
  state_ = state;
}

v1::Replica::State Follower::state() const {
  absl::MutexLock lock(&mutex_);
  return outdated_ ? v1::Replica::OUTDATED : state_;
}

bool Follower::outdated() const {
  absl::MutexLock lock(&mutex_);
  return outdated_;
}

absl::Status Follower::last_error() const {
  absl::MutexLock lock(&mutex_);
  return last_error_;
}

void Follower::Run() {
  while (!stopping()) {
    const absl::Status ended = FollowOnce();
    if (stopping()) return;
    const bool outdated = ReasonOf(ended) == v1::REPLICA_OUTDATED;
    {
      absl::MutexLock lock(&mutex_);
      if (!ended.ok()) last_error_ = ended;
      outdated_ |= outdated;
      if (state_ != v1::Replica::OTHER_LINEAGE) state_ = v1::Replica::AWAY;
    }
    if (outdated && replica_->view() != nullptr) {
      replica_->Withdraw();
      options_.withdrawn();
    }
    if (ended.ok()) continue;
    // Each try takes a place among the server's snapshots.
    absl::Duration wait = backoff_.Next(RetryDelay(ended));
    if (outdated) wait += options_.outdated_pause;
    const bool is_disk = ReasonOf(ended) == v1::STORAGE_UNAVAILABLE;
    LogWarning(is_disk ? "replica_not_written" : "server_lost",
               {{"why", std::string(ended.message())}, {"retry_in", absl::FormatDuration(wait)}});
    if (!Wait(wait)) return;
  }
}

absl::Status Follower::FollowOnce() {
  std::shared_ptr<ReplicaView> view = replica_->view();
  if (view == nullptr || needs_snapshot_) {
    if (absl::Status status = TakeSnapshot(); !status.ok()) return status;
    view = replica_->view();
  }
  if (absl::Status refused = view->store->write_status(); !refused.ok()) {
    // It recovers by itself (StorageGuard), unless something is missing from it.
    needs_snapshot_ = view->store->is_damaged();
    return refused;
  }
  const absl::StatusOr<RevisionToken> head = HeadNow(*view);
  absl::Status ended = head.status();
  if (ended.ok() && (head->lineage != view->store->lineage() || head->revision < view->store->head().head())) {
    ended = MakeError(absl::StatusCode::kFailedPrecondition, v1::LINEAGE_MISMATCH, "the server holds older data");
  }
  if (ended.ok()) {
    const SteadyTime begun_at = options_.steady_clock();
    ended = Follow(view, head->revision);
    // A server that greets and hangs up is not worth a fresh start.
    if (options_.steady_clock() - begun_at >= kSettledAfter) backoff_.Reset();
  }
  const v1::ErrorReason reason = ReasonOf(ended);
  if (reason == v1::LINEAGE_MISMATCH || reason == v1::HISTORY_GONE) {
    needs_snapshot_ = true;
    if (reason == v1::LINEAGE_MISMATCH) SetState(v1::Replica::OTHER_LINEAGE);
    LogWarning("snapshot_needed", {{"why", std::string(ended.message())}});
    // A snapshot that would not help for long waits, as after every other failure.
    return IsUnreadableStep(ended) ? ended : absl::OkStatus();
  }
  return ended;
}

absl::Status Follower::TakeSnapshot() {
  SetState(v1::Replica::LOADING);
  absl::StatusOr<std::shared_ptr<ReplicaView>> loaded = load_.Run();
  if (!loaded.ok()) return loaded.status();
  const std::shared_ptr<ReplicaView> view = *loaded;
  if (absl::Status status = replica_->Adopt(*std::move(loaded)); !status.ok()) {
    Replica::Discard(view);
    return status;
  }
  needs_snapshot_ = false;
  {
    absl::MutexLock lock(&mutex_);
    outdated_ = false;
  }
  options_.advanced();
  return absl::OkStatus();
}

absl::StatusOr<RevisionToken> Follower::HeadNow(const ReplicaView& view) {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kHeadTimeout));
  upstream_->Prepare(&context);
  v1::AcknowledgeResponse response;
  const SteadyTime asked_at = options_.steady_clock();
  if (!Blocks(&context)) return absl::UnavailableError("stopping");
  const grpc::Status called =
      upstream_->replication()->Acknowledge(&context, AcknowledgeRequest(options_.lists, view), &response);
  Blocks(nullptr);
  if (!called.ok()) return UpstreamStatus(called);
  const absl::StatusOr<RevisionToken> head = DecodeToken(response.head_token(), "head_token");
  if (!head.ok()) return Unintelligible();
  heads_->Seen(*head, asked_at);
  return *head;
}

absl::Status Follower::Follow(const std::shared_ptr<ReplicaView>& view, uint64_t head) {
  grpc::ClientContext context;
  if (!Blocks(&context)) return absl::UnavailableError("stopping");
  {
    absl::MutexLock lock(&mutex_);
    streaming_ = true;
    heard_at_ = options_.steady_clock();
    state_ = v1::Replica::ATTACHED;
    last_error_ = absl::OkStatus();
  }
  LogInfo("following", {{"revision", std::to_string(view->store->head().head())}});
  Changes changes;
  absl::Status ended;
  std::thread reader([&] { ReadStream(*view, &context, &changes, &ended); });
  absl::Status applied;
  bool was_behind = true;
  Applied(*view, head, &was_behind);
  while (applied.ok()) {
    const std::vector<RevisionChange> batch = changes.TakeAll();
    if (batch.empty()) break;
    {
      const Heartbeat::Work work(&beat_);
      applied = view->store->writer().Follow(batch);
    }
    Applied(*view, head, &was_behind);
  }
  if (!applied.ok()) {
    context.TryCancel();
    changes.Close();
  }
  reader.join();
  absl::MutexLock lock(&mutex_);
  streaming_ = false;
  blocking_ = nullptr;
  return applied.ok() ? ended : applied;
}

void Follower::Applied(const ReplicaView& view, uint64_t head, bool* was_behind) {
  options_.advanced();
  if (!*was_behind || view.store->head().head() < head) return;
  *was_behind = false;
  options_.caught_up();
}

void Follower::ReadStream(const ReplicaView& view, grpc::ClientContext* context, Changes* changes,
                          absl::Status* ended) {
  upstream_->Prepare(context);
  const auto reader = upstream_->replication()->Follow(context, FollowRequest(options_.lists, view));
  v1::FollowResponse message;
  StepAssembly assembly(view.store->lineage());
  absl::Status read;
  while (read.ok() && reader->Read(&message)) {
    {
      absl::MutexLock lock(&mutex_);
      heard_at_ = options_.steady_clock();
    }
    absl::StatusOr<std::optional<RevisionChange>> step = assembly.Add(&message);
    read = step.status();
    if (read.ok() && step->has_value() && !changes->Put(**std::move(step), assembly.bytes())) break;
  }
  if (!read.ok()) context->TryCancel();
  const grpc::Status finished = reader->Finish();
  // OK: the server drains; CANCELLED: it cut a slow reader, or silence was cut here.
  *ended = !read.ok()      ? read
           : finished.ok() ? absl::UnavailableError("the server ended the stream")
                           : UpstreamStatus(finished);
  changes->Close();
}

void Follower::Tick() {
  {
    absl::MutexLock lock(&mutex_);
    if (streaming_ && options_.steady_clock() - heard_at_ > kSilenceMax) blocking_->TryCancel();
    if (asking_ || stopping_ || state_ == v1::Replica::LOADING) return;
    asking_ = true;
  }
  AskOnce({});
}

void Follower::AskHead(HeadCallback then) {
  {
    absl::MutexLock lock(&mutex_);
    if (asking_) {
      asked_.push_back(std::move(then));
      return;
    }
    asking_ = true;
  }
  std::vector<HeadCallback> callbacks;
  callbacks.push_back(std::move(then));
  AskOnce(std::move(callbacks));
}

void Follower::AskOnce(std::vector<HeadCallback> callbacks) {
  struct Question {
    v1::AcknowledgeRequest request;
    v1::AcknowledgeResponse response;
  };
  const std::shared_ptr<ReplicaView> view = replica_->view();
  const auto question = std::make_shared<Question>();
  if (view != nullptr) question->request = AcknowledgeRequest(options_.lists, *view);
  const SteadyTime asked_at = options_.steady_clock();
  const auto answer = [this, question, asked_at, callbacks = std::move(callbacks)](const absl::Status& status) {
    const absl::StatusOr<RevisionToken> head = status.ok() ? DecodeToken(question->response.head_token(), "head_token")
                                                           : absl::StatusOr<RevisionToken>(status);
    if (head.ok()) heads_->Seen(*head, asked_at);
    for (const HeadCallback& callback : callbacks) callback(head);
    std::vector<HeadCallback> next;
    {
      absl::MutexLock lock(&mutex_);
      next.swap(asked_);
      if (next.empty() || stopping_) asking_ = false;
    }
    if (next.empty()) return;
    if (!stopping()) return AskOnce(std::move(next));
    for (const HeadCallback& callback : next) callback(absl::UnavailableError("stopping"));
  };
  if (view == nullptr) {
    return answer(MakeError(absl::StatusCode::kUnavailable, v1::REPLICA_NOT_READY, "the sidecar has no replica yet"));
  }
  upstream_->Pass(&Upstream::Replication::async_interface::Acknowledge, &question->request, &question->response,
                  absl::Now() + kHeadTimeout, answer);
}

}  // namespace suppressd
