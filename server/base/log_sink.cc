#include "server/base/log_sink.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace suppressd {
namespace {

// False when it takes longer. True also where a write will be refused: the write says why.
bool AwaitTaken(int fd, int timeout_millis) {
  pollfd wanted{.fd = fd, .events = POLLOUT, .revents = 0};
  int ready = 0;
  do {
    ready = poll(&wanted, 1, timeout_millis);
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

}  // namespace

size_t WriteWhenTaken(int fd, absl::string_view text, absl::Duration wait_max) {
  const int timeout_millis =
      wait_max == absl::InfiniteDuration() ? -1 : static_cast<int>(absl::ToInt64Milliseconds(wait_max));
  size_t written = 0;
  while (written < text.size() && AwaitTaken(fd, timeout_millis)) {
    const absl::string_view piece = text.substr(written, kWriteBytesMax);
    const ssize_t taken = write(fd, piece.data(), piece.size());
    if (taken > 0) {
      written += static_cast<size_t>(taken);
    } else if (taken == 0 || (errno != EINTR && errno != EAGAIN)) {
      break;
    }
  }
  return written;
}

LogSink::LogSink(int fd, std::function<int64_t()> overruns) : fd_(fd), overruns_(std::move(overruns)) {}

bool LogSink::AwaitHandled(int64_t lines, absl::Duration timeout) {
  // An overrun comes with a newer line, so each change ends in a line that passes through here and wakes this.
  const auto handled = [&] {
    handled_mutex_.AssertReaderHeld();
    return handled_ + overruns_() >= lines;
  };
  absl::MutexLock lock(&handled_mutex_);
  return line_handled_.AwaitFor(&handled_mutex_, timeout, handled);
}

void LogSink::sink_it_(const spdlog::details::log_msg& line) {
  if (!TellDropped() || !WriteLine(line)) ++refused_;
  absl::MutexLock lock(&handled_mutex_);
  ++handled_;
  line_handled_.Notify();
}

// False when there is something to tell that could not be written.
bool LogSink::TellDropped() {
  const int64_t dropped = refused_ + overruns_();
  if (dropped == told_) return true;
  const std::string told = absl::StrCat("\"event\":\"log_lines_dropped\",\"count\":\"", dropped - told_, "\"");
  if (!WriteLine({"", spdlog::level::warn, told})) return false;
  told_ = dropped;
  return true;
}

bool LogSink::WriteLine(const spdlog::details::log_msg& line) {
  spdlog::memory_buf_t text;
  if (torn_) text.push_back('\n');
  formatter_->format(line, text);
  const size_t written = WriteWhenTaken(fd_, {text.data(), text.size()}, absl::InfiniteDuration());
  if (written > 0) torn_ = text[written - 1] != '\n';
  return written == text.size();
}

}  // namespace suppressd
