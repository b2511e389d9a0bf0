#include "storage/log/serial_executor.h"

#include <utility>

namespace suppression {

SerialExecutor::SerialExecutor() : thread_([this] { Work(); }) {}

SerialExecutor::~SerialExecutor() {
  Close();
}

void SerialExecutor::Run(std::function<void()> work) {
  absl::MutexLock lock(&mutex_);
  if (!closed_) queue_.push_back(std::move(work));
}

void SerialExecutor::Close() {
  {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void SerialExecutor::Work() {
  std::vector<std::function<void()>> works;
  while (true) {
    works.clear();
    {
      absl::MutexLock lock(&mutex_, absl::Condition(this, &SerialExecutor::HasWork));
      if (queue_.empty()) return;  // closed and done
      works.swap(queue_);
    }
    for (const auto& work : works) work();
  }
}

}  // namespace suppression
