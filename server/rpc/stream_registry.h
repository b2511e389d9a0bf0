// Streams of one kind that are under way: how many there may be, and how they end when the server drains.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "server/rpc/stream_pump.h"

namespace suppressd {

// A stream as its registry sees it. Thread-safe.
class ServedStream : public std::enable_shared_from_this<ServedStream> {
 public:
  virtual ~ServedStream() = default;
  // Ends the stream with OK as soon as no message is under way.
  virtual void Stop() = 0;
  // Ends the stream with CANCELLED, now.
  virtual void Cut() = 0;
};

// Thread-safe. Keeps each stream alive until it is removed.
class StreamRegistry {
 public:
  // `what` names the streams in the error, as in "too many watches".
  StreamRegistry(std::string what, int streams_max) : what_(std::move(what)), streams_max_(streams_max) {}

  // Adds a stream. UNAVAILABLE with SHUTTING_DOWN or OVERLOADED: it was added all the same, because it lives until it
  // is removed, but must end with this status.
  absl::Status Add(std::shared_ptr<ServedStream> stream);
  // Lets go of a stream that is done.
  void Remove(ServedStream* stream);
  // Stops every stream, and refuses those that come later.
  void Drain();
  // How many there are, those that were refused and are not done included.
  int size() const;
  // What drives them.
  StreamPump& pump() { return pump_; }

 private:
  const std::string what_;
  const int streams_max_;
  mutable absl::Mutex mutex_;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<std::shared_ptr<ServedStream>> streams_ ABSL_GUARDED_BY(mutex_);
  StreamPump pump_;  // last: what it still runs may use the registry
};

}  // namespace suppressd
