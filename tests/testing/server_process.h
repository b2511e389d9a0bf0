// The real suppressd as a process of its own.
#pragma once

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

extern char** environ;

namespace suppressd {

// What a process gets beside its arguments.
struct ProcessSettings {
  int stderr_fd = STDERR_FILENO;
  std::vector<std::string> environment = {};  // NAME=VALUE, added to what the test has
};

class ServerProcess {
 public:
  // Starts `suppressd serve`, or another command of it, with these arguments and waits until it serves. Check started()
  // before use.
  ServerProcess(const std::string& port_file, std::vector<std::string> arguments, const std::string& command = "serve",
                ProcessSettings settings = {}) {
    std::remove(port_file.c_str());
    arguments.insert(arguments.begin(), {SUPPRESSD_BINARY, command});
    arguments.push_back("--port_file=" + port_file);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    std::vector<char*> environment;
    for (std::string& variable : settings.environment) environment.push_back(variable.data());
    for (char** variable = environ; *variable != nullptr; ++variable) environment.push_back(*variable);
    environment.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, settings.stderr_fd, STDERR_FILENO);
    const int refused = posix_spawn(&pid_, SUPPRESSD_BINARY, &actions, nullptr, argv.data(), environment.data());
    posix_spawn_file_actions_destroy(&actions);
    if (refused != 0) return;
    // The port file appears when it serves; should it exit instead, there is nothing to wait for.
    int status = 0;
    while (waitpid(pid_, &status, WNOHANG) == 0) {
      std::ifstream file(port_file);
      if (std::getline(file, address_)) return;
      Pause();
    }
    pid_ = -1;
    exit_code_ = ExitCode(status);
  }
  ~ServerProcess() { End(SIGKILL); }

  pid_t pid() const { return pid_; }
  bool started() const { return pid_ > 0 && !address_.empty(); }
  const std::string& address() const { return address_; }
  // Of a process that ended before it served; -1 when a signal ended it.
  int exit_code() const { return exit_code_; }

  // Sends a signal, waits for the end and returns the exit code; -1 when a signal ended it.
  int End(int signal) {
    if (pid_ <= 0) return -1;
    kill(pid_, signal);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return ExitCode(status);
  }
  // The same, but does not wait for ever: -1 also when it goes on for longer than `wait_max`.
  int EndWithin(int signal, std::chrono::seconds wait_max) {
    if (pid_ <= 0) return -1;
    kill(pid_, signal);
    const auto deadline = std::chrono::steady_clock::now() + wait_max;
    int status = 0;
    while (waitpid(pid_, &status, WNOHANG) == 0) {
      if (std::chrono::steady_clock::now() > deadline) return -1;
      Pause();
    }
    pid_ = -1;
    return ExitCode(status);
  }

 private:
  static int ExitCode(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }
  // Between two looks at a condition.
  static void Pause() {
    const timespec interval{.tv_sec = 0, .tv_nsec = 2'000'000};
    nanosleep(&interval, nullptr);
  }

  pid_t pid_ = -1;
  int exit_code_ = -1;
  std::string address_;
};

}  // namespace suppressd
