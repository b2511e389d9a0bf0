// Large answers that wait for their callers to read them: gRPC keeps each until it is sent, and a caller that does not
// read would keep it there.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"

namespace suppressd {

// All of them together.
inline constexpr size_t kUnreadAnswersMaxBytes = size_t{128} << 20;
// When there is no room for another, those that wait longer than this are taken back, the oldest first.
inline constexpr absl::Duration kUnreadGrace = absl::Seconds(1);

// Thread-safe.
class UnreadAnswers {
 public:
  explicit UnreadAnswers(size_t bytes_max = kUnreadAnswersMaxBytes) : bytes_max_(bytes_max) {}

  // Adds an answer; `cancel` ends its call, is called at most once and not after Remove. The id for Remove; 0: there is
  // no room.
  uint64_t Add(size_t bytes, std::function<void()> cancel, absl::Time now);
  // The answer was sent, or its call has ended.
  void Remove(uint64_t id);

 private:
  struct Answer {
    size_t bytes;
    absl::Time since;
    std::function<void()> cancel;
  };

  const size_t bytes_max_;
  absl::Mutex mutex_;
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, Answer> answers_ ABSL_GUARDED_BY(mutex_);  // in order of time
};

// The reactor of a call whose answer may be large. Deletes itself when gRPC is done with it.
class LargeAnswer final : public grpc::ServerUnaryReactor {
 public:
  LargeAnswer(UnreadAnswers* unread, grpc::CallbackServerContext* context, const google::protobuf::Message* response)
      : unread_(unread), context_(context), response_(response) {}

  // The answer is complete and is sent next. UNAVAILABLE (OVERLOADED): there is no room for it.
  absl::Status Hold();
  void OnDone() override;

 private:
  UnreadAnswers* const unread_;
  grpc::CallbackServerContext* const context_;
  const google::protobuf::Message* const response_;
  uint64_t id_ = 0;
};

}  // namespace suppressd
