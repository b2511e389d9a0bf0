// The change log as a stream. What is made of a change is up to the service that streams it.
//
// A change of very many entries is sent in parts: all but the last carry the token before it, so that a stream that is
// resumed in the middle gets the whole change again.
//
// A stream reads the change log in small steps, so a slow reader costs nothing but its place: when it takes nothing for
// 30 s it is cut, and it resumes with the last token it got.
#pragma once

#include <algorithm>
#include <atomic>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/error.h"
#include "server/base/steady_time.h"
#include "server/rpc/stream_call.h"
#include "storage/list_reader.h"
#include "storage/revision_token.h"

namespace suppressd {

// Revisions read from the change log at a time, and bytes, unless a single one is larger.
inline constexpr int kChangesPerRead = 256;
inline constexpr size_t kChangesPerReadMaxBytes = 1 << 20;
// Entries of one change go into several messages of about this size, unless a single one is larger: clients refuse
// messages over 4 MiB.
inline constexpr size_t kChangePartMaxBytes = 1 << 20;
// A stream that has caught up looks for changes no sooner than this after its last message: where one write follows the
// other, it sends several at a time.
inline constexpr absl::Duration kLookPause = absl::Milliseconds(10);
// Revisions that bring a stream nothing (of other lists, repeats, refusals) are told by a token alone, no sooner than
// this after its last message.
inline constexpr absl::Duration kTokenPause = absl::Milliseconds(100);

// One stream of changes. Response has committed_at and more_follows. The list must outlive it.
template <typename Response>
class ChangeStream : public StreamCall<Response> {
 protected:
  ChangeStream(StreamRegistry* registry, grpc::CallbackServerContext* context, const ListReader* list,
               const StreamTimes& times)
      : StreamCall<Response>(registry, context, times.slow_reader_max),
        list_(list),
        heartbeat_interval_(times.heartbeat_interval) {}

  // Adds the entries of a change, or of a part of it, to a response.
  virtual void AddEntries(stored::Change change, Response* response) = 0;
  // Sets the state that a message brings its reader to.
  virtual void SetState(const std::string& revision_token, Response* response) = 0;
  // The stream stands at this revision, and sends it now.
  virtual void Reached(uint64_t revision) {}
  // All that there was has been sent.
  virtual void CaughtUp() {}

  // Begins to stream what comes after a revision, first where it starts; only these lists, none: all.
  void Follow(uint64_t after, std::set<std::string> tenants) {
    after_ = told_ = after;
    tenants_ = std::move(tenants);
    this->RunOnPump([this] {
      if (this->Stopping()) return this->End(absl::OkStatus());
      if (list_->head().head() > after_ && !ReadOn()) return this->End(ended_);  // too old: nothing is sent
      MakeHeartbeat();
      SendAt();
    });
  }

  void Step() final {
    bool found = false;
    while (true) {
      if (this->Stopping()) return this->End(absl::OkStatus());
      found = NextFromLog();
      if (found || !ended_.ok()) break;
      if (list_->head().head() <= after_) break;
    }
    if (!ended_.ok()) return this->End(ended_);
    if (found) return SendAt();
    if (!TokenIsDue()) return Wait();
    MakeHeartbeat();
    SendAt();
  }

  void Woken(bool in_time) final {
    if (!in_time || list_->head().head() > after_ || this->Stopping() || SteadyPoint() < heartbeat_at_) return Step();
    MakeHeartbeat();
    SendAt();
  }

  void Closed() override {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
    list_->head().Cancel(head_call_id_);
  }

 private:
  // What was passed since the last message brought this stream nothing, but the reader may wait for the state.
  bool TokenIsDue() const { return after_ != told_ && SteadyPoint() >= sent_at_ + kTokenPause; }

  void MakeHeartbeat() {
    this->message_.Clear();
    SetState(EncodeToken({list_->lineage(), after_}), &this->message_);
  }

  // Makes message_ from the next change that concerns this stream. False: none among those read; or ended_ says why the
  // stream ends.
  bool NextFromLog() {
    if (pending_.empty() && !ReadOn()) return false;
    while (!pending_.empty()) {
      const stored::Change& next = pending_.front().change;
      if (!next.entries().empty() && (tenants_.empty() || tenants_.contains(next.tenant()))) {
        MakeMessage();
        return true;
      }
      Pass();
    }
    return false;
  }

  // Makes message_ from the first pending change, or from the next part of it. Only the last part moves the stream on.
  void MakeMessage() {
    stored::Change part;
    *part.mutable_at() = pending_.front().change.at();
    part.set_tenant(pending_.front().change.tenant());
    auto& entries = *pending_.front().change.mutable_entries();
    size_t bytes = 0;
    for (; sent_entries_ < entries.size(); ++sent_entries_) {
      bytes += entries[sent_entries_].ByteSizeLong();
      if (bytes > kChangePartMaxBytes && !part.entries().empty()) break;
      part.add_entries()->Swap(&entries[sent_entries_]);
    }
    const bool last = sent_entries_ == entries.size();
    if (last) Pass();
    this->message_.Clear();
    SetState(EncodeToken({list_->lineage(), after_}), &this->message_);
    this->message_.set_more_follows(!last);
    *this->message_.mutable_committed_at() = part.at();
    AddEntries(std::move(part), &this->message_);
  }

  // The stream is past the first pending change.
  void Pass() {
    after_ = pending_.front().revision;
    pending_.pop_front();
    sent_entries_ = 0;
  }

  bool ReadOn() {
    absl::StatusOr<std::vector<RevisionChange>> changes =
        list_->ReadChanges(after_, kChangesPerRead, kChangesPerReadMaxBytes);
    if (changes.ok()) {
      for (RevisionChange& change : *changes) pending_.push_back(std::move(change));
      return true;
    }
    ended_ = changes.status();
    if (ReasonOf(ended_) == v1::HISTORY_GONE) {
      ended_ = MakeError(absl::StatusCode::kOutOfRange, v1::HISTORY_GONE,
                         "the change log no longer reaches back to this token; read the list again", "after",
                         {{"oldest_token", EncodeToken({list_->lineage(), list_->oldest_start()})}});
    }
    return false;
  }

  void SendAt() {
    sent_at_ = SteadyPoint();
    told_ = after_;
    heartbeat_at_ = sent_at_ + heartbeat_interval_;
    Reached(after_);
    this->Send();
  }

  // Waits for the head to pass after_, at most until a heartbeat is due. The head is asked for one call at a time: one
  // that is still open from an earlier wait serves this one too.
  void Wait() {
    CaughtUp();
    if (SteadyPoint() < sent_at_ + kLookPause) return this->WaitUntil(std::min(sent_at_ + kLookPause, heartbeat_at_));
    const std::shared_ptr<ServedStream> self = this->shared_from_this();
    const uint64_t wanted = after_ + 1;  // once the wait began, another thread may go on with after_
    this->WaitUntil(after_ == told_ ? heartbeat_at_ : std::min(sent_at_ + kTokenPause, heartbeat_at_));
    if (head_asked_.exchange(true)) return;
    const uint64_t id = list_->head().CallAt(wanted, [this, weak = std::weak_ptr<ServedStream>(self)] {
      if (const std::shared_ptr<ServedStream> call = weak.lock()) HeadMoved();
    });
    absl::MutexLock lock(&mutex_);
    head_call_id_ = id;
    if (closed_) list_->head().Cancel(id);
  }

  void HeadMoved() {
    head_asked_ = false;
    this->WakeUp();
  }

  const ListReader* const list_;
  const absl::Duration heartbeat_interval_;
  // Used by the one event that drives the call.
  std::set<std::string> tenants_;
  uint64_t after_ = 0;
  uint64_t told_ = 0;  // the reader knows that it is there
  std::deque<RevisionChange> pending_;
  int sent_entries_ = 0;  // of the first of them
  absl::Status ended_;
  absl::Time sent_at_ = absl::InfinitePast();
  absl::Time heartbeat_at_ = SteadyPoint() + heartbeat_interval_;  // when a heartbeat is due, if nothing is sent before

  std::atomic<bool> head_asked_{false};
  absl::Mutex mutex_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t head_call_id_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace suppressd
