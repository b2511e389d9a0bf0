#include "server/rpc/stream_registry.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error.h"

namespace suppressd {

absl::Status StreamRegistry::Add(std::shared_ptr<ServedStream> stream) {
  absl::MutexLock lock(&mutex_);
  absl::Status refused;
  if (draining_) {
    refused = MakeError(absl::StatusCode::kUnavailable, v1::SHUTTING_DOWN, "the server is shutting down");
  } else if (static_cast<int>(streams_.size()) >= streams_max_) {
    refused = MakeError(absl::StatusCode::kUnavailable, v1::OVERLOADED, absl::StrCat("too many ", what_));
  }
  streams_.insert(std::move(stream));
  return refused;
}

void StreamRegistry::Remove(ServedStream* stream) {
  const std::shared_ptr<ServedStream> removed = stream->shared_from_this();  // released outside the lock
  absl::MutexLock lock(&mutex_);
  streams_.erase(removed);
}

void StreamRegistry::Drain() {
  std::vector<std::shared_ptr<ServedStream>> streams;
  {
    absl::MutexLock lock(&mutex_);
    draining_ = true;
    streams.assign(streams_.begin(), streams_.end());
  }
  for (const std::shared_ptr<ServedStream>& stream : streams) stream->Stop();
}

int StreamRegistry::size() const {
  absl::MutexLock lock(&mutex_);
  return static_cast<int>(streams_.size());
}

}  // namespace suppressd
