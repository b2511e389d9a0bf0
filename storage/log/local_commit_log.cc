#include "storage/log/local_commit_log.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "common/error.h"
#include "storage/random_number.h"

namespace suppressd {
namespace {

absl::Status ShuttingDown() {
  return MakeError(absl::StatusCode::kUnavailable, v1::SHUTTING_DOWN, "the server is shutting down");
}

}  // namespace

LocalCommitLog::~LocalCommitLog() {
  Close();
}

absl::Status LocalCommitLog::Start(LogApplier* applier) {
  identity_ = {.lineage = applier->identity().lineage, .timeline = RandomNumber()};
  if (absl::Status begun = applier->Begin(identity_); !begun.ok()) return begun;
  applier_ = applier;
  {
    absl::MutexLock lock(&mutex_);
    closed_ = false;
  }
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

void LocalCommitLog::Append(stored::Command command, Done done) {
  absl::Status refused;
  if (unanswered_.fetch_add(1) >= kUnansweredMax) {
    refused = MakeError(absl::StatusCode::kUnavailable, v1::OVERLOADED, "the queue of writes is full");
  } else {
    absl::MutexLock lock(&mutex_);
    if (closed_) {
      refused = ShuttingDown();
    } else if (!stuck_.ok()) {
      refused = stuck_;
    } else {
      queue_.push_back({std::move(command), std::move(done), nullptr});
      return;
    }
  }
  unanswered_.fetch_sub(1);
  done(AppendResult::NotAppended(std::move(refused)));
}

void LocalCommitLog::Barrier(std::function<void(absl::Status)> done) {
  {
    absl::MutexLock lock(&mutex_);
    if (!closed_) {
      queue_.push_back({{}, nullptr, std::move(done)});
      return;
    }
  }
  done(ShuttingDown());
}

LogHealth LocalCommitLog::Health() const {
  LogHealth health;
  if (applier_ != nullptr) health.position = applier_->position();
  absl::MutexLock lock(&mutex_);
  health.stopped = stuck_.ok() ? failed_ : stuck_;
  health.connected = !closed_ && health.stopped.ok();
  health.behind = queue_.size();
  return health;
}

void LocalCommitLog::Close() {
  {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
  }
  if (thread_.joinable()) thread_.join();
  answering_.Close();
  waking_.Close();
}

LocalCommitLog::Counts LocalCommitLog::counts() const {
  absl::MutexLock lock(&mutex_);
  return counts_;
}

std::vector<NamedWork> LocalCommitLog::work() const {
  return {{"commit log", &times_, nullptr},
          {"answers to writes", &answering_.times(), [this] { return answering_.busy(); }},
          {"waiting for a revision", &waking_.times(), [this] { return waking_.busy(); }}};
}

void LocalCommitLog::Run() {
  std::vector<Item> items;
  while (true) {
    items.clear();
    {
      absl::MutexLock lock(&mutex_, absl::Condition(this, &LocalCommitLog::HasWork));
      if (queue_.empty()) return;  // closed and drained
      // What stays in the queue can be answered while these are written: a barrier, too, is taken out by itself.
      const auto is_barrier = [](const Item& item) { return item.done == nullptr; };
      const auto barrier = std::find_if(queue_.begin(), queue_.end(), is_barrier);
      const size_t before = std::max<size_t>(barrier - queue_.begin(), 1);
      const size_t count = std::min({queue_.size(), kBatchMax, before});
      items.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(queue_.begin() + count));
      queue_.erase(queue_.begin(), queue_.begin() + count);
    }
    const WorkClock::time_point begun = WorkClock::now();
    for (const Item& item : items) times_.queued.Record(absl::FromChrono(begun - item.since));
    if (items.front().done != nullptr) {
      ApplyItems(absl::MakeSpan(items));
    } else {
      answering_.Run(
          [done = std::move(items.front().barrier), stopped = applier_->Apply({}).stopped] { done(stopped); });
    }
  }
}

void LocalCommitLog::ApplyItems(absl::Span<Item> items) {
  while (!items.empty()) {
    Answers answers;
    items.remove_prefix(ApplyBatch(items, &answers));
    Answer(std::move(answers));
  }
}

size_t LocalCommitLog::ApplyBatch(absl::Span<Item> items, Answers* answers) {
  const size_t count = std::min(kBatchMax, items.size());
  std::vector<LogRecord> records(count);
  Dones dones(count);
  for (size_t i = 0; i < count; ++i) {
    records[i].command = std::move(items[i].command);
    // The only clock is that of the server that made the command, which watches it itself (server/app/clock_guard.h).
    records[i].appended_at_micros = ToMicros(records[i].command.at());
    dones[i] = std::move(items[i].done);
  }
  BeginBatch(std::move(dones));
  const WorkClock::time_point begun = WorkClock::now();
  Applied applied = ApplyInPlace(&records);
  times_.worked.Record(TimeSince(begun));
  dones = EndBatch(applied);
  const size_t done = applied.results.size();
  const bool given_up = dones.empty();
  for (size_t i = 0; i < done && !given_up; ++i) {
    answers->emplace_back(std::move(dones[i]), AppendResult::Of(std::move(applied.results[i])));
  }
  if (applied.stopped.ok()) return done;
  if (given_up) return count;
  if (!applied.disk_refuses) {
    // Nobody else holds this record: it is taken back, and the log goes on without it.
    answers->emplace_back(std::move(dones[done]), AppendResult::NotAppended(applied.stopped));
    for (size_t i = done + 1; i < count; ++i) {
      items[i].command = std::move(records[i].command);
      items[i].done = std::move(dones[i]);
    }
    return done + 1;
  }
  for (size_t i = done; i < count; ++i) {
    answers->emplace_back(std::move(dones[i]), applied.may_be_there ? AppendResult::Unknown(applied.stopped)
                                                                    : AppendResult::NotAppended(applied.stopped));
  }
  return count;
}

// When storage recovers, what was written without being acknowledged may turn up, and the position moves on: a batch
// that was numbered just before that is numbered again.
Applied LocalCommitLog::ApplyInPlace(std::vector<LogRecord>* records) {
  while (true) {
    const uint64_t position = applier_->position();
    for (size_t i = 0; i < records->size(); ++i) (*records)[i].position = position + 1 + i;
    Applied applied = applier_->Apply(*records);
    const bool was_moved = applied.results.empty() && !applied.stopped.ok() && applier_->position() != position;
    if (!was_moved || applied.disk_refuses) return applied;
  }
}

void LocalCommitLog::BeginBatch(Dones waiting) {
  absl::MutexLock lock(&mutex_);
  writing_.Begin();
  in_batch_ = std::move(waiting);
}

LocalCommitLog::Dones LocalCommitLog::EndBatch(const Applied& applied) {
  absl::MutexLock lock(&mutex_);
  writing_.End();
  stuck_ = absl::OkStatus();
  counts_.commands += applied.results.size();
  counts_.batches += applied.results.empty() ? 0 : 1;
  failed_ = applied.disk_refuses ? applied.stopped : absl::OkStatus();
  return std::exchange(in_batch_, {});
}

absl::Status LocalCommitLog::GiveUpStuck(absl::Time now) {
  Answers answers;
  std::vector<Item> barriers;
  absl::Status stuck;
  {
    absl::MutexLock lock(&mutex_);
    if (!writing_.IsStuck(now)) return absl::OkStatus();
    stuck_ = stuck = MakeError(absl::StatusCode::kUnavailable, v1::STORAGE_UNAVAILABLE,
                               "the disk does not answer; writes are taken again once it does");
    for (Done& done : std::exchange(in_batch_, {})) answers.emplace_back(std::move(done), AppendResult::Unknown(stuck));
    for (Item& item : std::exchange(queue_, {})) {
      if (item.done == nullptr) {
        barriers.push_back(std::move(item));
      } else {
        answers.emplace_back(std::move(item.done), AppendResult::NotAppended(stuck));
      }
    }
  }
  for (Item& item : barriers) answering_.Run([done = std::move(item.barrier), stuck] { done(stuck); });
  if (!answers.empty()) Answer(std::move(answers));
  return stuck;
}

void LocalCommitLog::Answer(Answers answers) {
  const auto shared = std::make_shared<Answers>(std::move(answers));
  answering_.Run([this, shared] {
    for (auto& [done, result] : *shared) {
      done(std::move(result));
      unanswered_.fetch_sub(1);
    }
    WakeLater();
  });
}

void LocalCommitLog::WakeLater() {
  if (wake_pending_.exchange(true)) return;
  waking_.Run([this] {
    wake_pending_ = false;
    applier_->WakeWaiting();
  });
}

}  // namespace suppressd
