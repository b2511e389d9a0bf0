#include "storage/log/local_commit_log.h"

#include <algorithm>
#include <chrono>
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
    if (!closed_) {
      queue_.push_back({std::move(command), std::move(done), nullptr});
      return;
    }
    refused = ShuttingDown();
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
  health.stopped = failed_;
  health.connected = !closed_ && failed_.ok();
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

void LocalCommitLog::Run() {
  std::vector<Item> items;
  while (true) {
    items.clear();
    {
      absl::MutexLock lock(&mutex_, absl::Condition(this, &LocalCommitLog::HasWork));
      if (queue_.empty()) return;  // closed and drained
      items.swap(queue_);
    }
    absl::Span<Item> rest = absl::MakeSpan(items);
    while (!rest.empty()) {
      const auto barrier =
          std::find_if(rest.begin(), rest.end(), [](const Item& item) { return item.done == nullptr; });
      ApplyItems(rest.first(barrier - rest.begin()));
      rest.remove_prefix(barrier - rest.begin());
      if (rest.empty()) break;
      answering_.Run([done = std::move(rest[0].barrier), stopped = Health().stopped] { done(stopped); });
      rest.remove_prefix(1);
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
  for (size_t i = 0; i < count; ++i) {
    records[i].position = applier_->position() + 1 + i;
    records[i].command = std::move(items[i].command);
    // The only clock is that of the server that made the command, which watches it itself (server/app/clock_guard.h).
    records[i].appended_at_micros = ToMicros(records[i].command.at());
  }
  const auto began = std::chrono::steady_clock::now();
  Applied applied = [&] {
    const Heartbeat::Work work(&beat_);
    return applier_->Apply(records);
  }();
  batch_seconds_.Record(absl::FromChrono(std::chrono::steady_clock::now() - began));
  const size_t done = applied.results.size();
  {
    absl::MutexLock lock(&mutex_);
    counts_.commands += done;
    counts_.batches += done > 0 ? 1 : 0;
    if (!applied.stopped.ok() && applied.disk_refuses) failed_ = applied.stopped;
  }
  for (size_t i = 0; i < done; ++i) {
    answers->emplace_back(std::move(items[i].done), AppendResult::Of(std::move(applied.results[i])));
  }
  if (applied.stopped.ok()) return done;
  if (!applied.disk_refuses) {
    // Nobody else holds this record: it is taken back, and the log goes on without it.
    answers->emplace_back(std::move(items[done].done), AppendResult::NotAppended(applied.stopped));
    for (size_t i = done + 1; i < count; ++i) items[i].command = std::move(records[i].command);
    return done + 1;
  }
  for (size_t i = done; i < count; ++i) {
    answers->emplace_back(std::move(items[i].done), applied.may_be_there ? AppendResult::Unknown(applied.stopped)
                                                                         : AppendResult::NotAppended(applied.stopped));
  }
  return count;
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
