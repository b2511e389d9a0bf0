// The real suppressd as a process of its own.
#pragma once

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

extern char** environ;

namespace suppression {

class ServerProcess {
 public:
  // Starts `suppressd serve`, or another command of it, with these arguments and waits until it serves. Check started()
  // before use.
  ServerProcess(const std::string& port_file, std::vector<std::string> arguments,
                const std::string& command = "serve") {
    std::remove(port_file.c_str());
    arguments.insert(arguments.begin(), {SUPPRESSD_BINARY, command});
    arguments.push_back("--port_file=" + port_file);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    if (posix_spawn(&pid_, SUPPRESSD_BINARY, nullptr, nullptr, argv.data(), environ) != 0) return;
    // The port file appears when it serves; should it exit instead, there is nothing to wait for.
    while (waitpid(pid_, nullptr, WNOHANG) == 0) {
      std::ifstream file(port_file);
      if (std::getline(file, address_)) return;
      const timespec interval{.tv_sec = 0, .tv_nsec = 2'000'000};
      nanosleep(&interval, nullptr);
    }
    pid_ = -1;
  }
  ~ServerProcess() { End(SIGKILL); }

  pid_t pid() const { return pid_; }
  bool started() const { return pid_ > 0 && !address_.empty(); }
  const std::string& address() const { return address_; }

  // Sends a signal, waits for the end and returns the exit code; -1 when a signal ended it.
  int End(int signal) {
    if (pid_ <= 0) return -1;
    kill(pid_, signal);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
  std::string address_;
};

}  // namespace suppression
