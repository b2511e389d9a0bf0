// Where log lines end: a sink of spdlog over a file descriptor that may take nothing, for a while or forever (a pipe
// that nobody reads, a full disk).
#pragma once

#include <limits.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/steady_wait.h"
#include "spdlog/details/null_mutex.h"
#include "spdlog/sinks/base_sink.h"

namespace suppressd {

// A pipe that polls as writable takes this much without blocking, and in one piece, whoever else writes into it.
inline constexpr size_t kWriteBytesMax = PIPE_BUF;

// Writes text, in pieces of at most kWriteBytesMax, and waits before each until the descriptor takes more, at most
// `wait_max` (infinite: forever). Returns the bytes written: fewer than all when it took longer or was refused
// (EPIPE, ENOSPC, EIO and others). Whoever does not want SIGPIPE ignores or blocks it. Thread-safe.
size_t WriteWhenTaken(int fd, absl::string_view text, absl::Duration wait_max);

// For the one worker thread of an asynchronous logger. It waits until the descriptor takes a line, forever if need be:
// meanwhile the bounded queue before it drops the oldest lines, so that nobody else waits. Lines that the descriptor
// refuses are dropped too. Before the next line that can be written stands a line of level warning,
// {"event":"log_lines_dropped","count":"N"}: N since the last such line. After half a line, the next begins on a line
// of its own.
class LogSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  // `overruns` says how many lines the queue has dropped since it was made; called by any thread. The descriptor stays
  // the caller's.
  LogSink(int fd, std::function<int64_t()> overruns);

  // Lines that were not written, so far. Thread-safe.
  int64_t dropped() const { return refused_.load(std::memory_order_relaxed) + overruns_(); }

  // Waits until this many lines, all since the start, were written or dropped; false when it takes longer than
  // `timeout`. Thread-safe.
  bool AwaitHandled(int64_t lines, absl::Duration timeout) ABSL_LOCKS_EXCLUDED(handled_mutex_);

 protected:
  void sink_it_(const spdlog::details::log_msg& line) override ABSL_LOCKS_EXCLUDED(handled_mutex_);
  void flush_() override {}  // nothing is kept back

 private:
  bool TellDropped();
  bool WriteLine(const spdlog::details::log_msg& line);

  const int fd_;
  const std::function<int64_t()> overruns_;
  std::atomic<int64_t> refused_{0};  // by the descriptor
  int64_t told_ = 0;                 // of the dropped lines
  bool torn_ = false;                // what was written last ends amid a line
  absl::Mutex handled_mutex_;
  SteadyWait line_handled_;
  int64_t handled_ ABSL_GUARDED_BY(handled_mutex_) = 0;
};

}  // namespace suppressd
