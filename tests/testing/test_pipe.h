// A pipe for tests of what is written into one: full, closed, or read slowly.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <string>

namespace suppressd {

class TestPipe {
 public:
  TestPipe() {
    // A process that is started gets an end only where it is given one.
    if (pipe2(ends_, O_CLOEXEC) != 0) ends_[0] = ends_[1] = -1;
  }
  ~TestPipe() {
    CloseReader();
    CloseWriter();
  }
  TestPipe(const TestPipe&) = delete;
  TestPipe& operator=(const TestPipe&) = delete;

  int writer() const { return ends_[1]; }
  void CloseReader() { Close(&ends_[0]); }
  void CloseWriter() { Close(&ends_[1]); }

  // Writes lines of "x" until nothing more goes in; what writes later blocks. Returns the bytes written.
  size_t Fill() const {
    const int flags = fcntl(writer(), F_GETFL);
    fcntl(writer(), F_SETFL, flags | O_NONBLOCK);
    const std::string line = std::string(1023, 'x') + "\n";
    size_t filled = 0;
    for (ssize_t n = 0; (n = write(writer(), line.data(), line.size())) > 0;) filled += static_cast<size_t>(n);
    fcntl(writer(), F_SETFL, flags);
    return filled;
  }

  // The next line without its end; waits for it, at most a minute. Empty when no whole line comes any more.
  std::string ReadLine() {
    while (rest_.find('\n') == std::string::npos) {
      pollfd readable{.fd = ends_[0], .events = POLLIN, .revents = 0};
      char text[4096];
      const ssize_t n = poll(&readable, 1, kWaitMaxMillis) > 0 ? read(ends_[0], text, sizeof(text)) : -1;
      if (n <= 0) return "";
      rest_.append(text, static_cast<size_t>(n));
    }
    const size_t end = rest_.find('\n');
    const std::string line = rest_.substr(0, end);
    rest_.erase(0, end + 1);
    return line;
  }

 private:
  static constexpr int kWaitMaxMillis = 60'000;  // only a test that hangs takes that long

  static void Close(int* fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
  }

  int ends_[2] = {-1, -1};
  std::string rest_;
};

}  // namespace suppressd
