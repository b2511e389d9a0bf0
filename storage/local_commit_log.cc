#include "storage/local_commit_log.h"

#include <algorithm>
#include <iterator>

#include "protos/error.h"

namespace suppression {

LocalCommitLog::LocalCommitLog(Store* store) : store_(store), thread_([this] { Run(); }) {}

LocalCommitLog::~LocalCommitLog() {
  Close();
}

void LocalCommitLog::Append(stored::Command command, Done done) {
  absl::Status refused;
  {
    absl::MutexLock lock(&mutex_);
    if (closed_) {
      refused = MakeError(absl::StatusCode::kUnavailable, v1::SHUTTING_DOWN, "the server is shutting down");
    } else if (commands_.size() >= kQueueMax) {
      refused = MakeError(absl::StatusCode::kUnavailable, v1::OVERLOADED, "the queue of writes is full");
    } else {
      commands_.push_back(std::move(command));
      callers_.push_back(std::move(done));
    }
  }
  if (!refused.ok()) done(refused);
}

void LocalCommitLog::Close() {
  {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

LocalCommitLog::Counts LocalCommitLog::counts() const {
  absl::MutexLock lock(&mutex_);
  return counts_;
}

void LocalCommitLog::Run() {
  std::vector<stored::Command> commands;
  std::vector<Done> callers;
  while (true) {
    commands.clear();
    callers.clear();
    {
      absl::MutexLock lock(&mutex_, absl::Condition(this, &LocalCommitLog::HasWork));
      if (commands_.empty()) return;  // closed and drained
      commands.swap(commands_);
      callers.swap(callers_);
    }
    for (size_t begin = 0; begin < commands.size(); begin += kBatchMax) {
      const size_t count = std::min(kBatchMax, commands.size() - begin);
      absl::StatusOr<std::vector<stored::CommandResult>> results =
          store_->Apply(absl::MakeConstSpan(commands).subspan(begin, count));
      {
        absl::MutexLock lock(&mutex_);
        counts_.commands += count;
        ++counts_.batches;
      }
      for (size_t i = 0; i < count; ++i) {
        if (results.ok()) {
          callers[begin + i](std::move((*results)[i]));
        } else {
          callers[begin + i](results.status());
        }
      }
    }
  }
}

}  // namespace suppression
