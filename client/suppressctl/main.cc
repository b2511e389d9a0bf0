#include <unistd.h>

#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "client/suppressctl/commands.h"

namespace {

constexpr int kExitBySignal = 128;  // plus the signal, as shells tell it

// The first process of a container is ended by no signal that it does not handle.
void EndBySignalAsFirstProcess() {
  if (getpid() != 1) return;
  for (const int number : {SIGINT, SIGTERM}) std::signal(number, [](int received) { _exit(kExitBySignal + received); });
}

}  // namespace

int main(int argc, char** argv) {
  EndBySignalAsFirstProcess();
  suppressd::suppressctl::Session session(std::cin, std::cout, std::cerr);
  session.SetTerminal(isatty(STDERR_FILENO) == 1);
  return suppressd::suppressctl::Run(std::vector<std::string>(argv + 1, argv + argc), session);
}
