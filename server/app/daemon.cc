#include "server/app/daemon.h"

#include <sys/stat.h>

#include <array>
#include <csignal>
#include <ctime>
#include <iostream>
#include <random>
#include <string>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "server/base/free_memory.h"
#include "server/base/log.h"
#include "server/gate/socket_gate.h"

namespace suppressd {
namespace {

constexpr int kTickSeconds = 1;
// What the data directory holds is for its owner alone, whatever umask we were started with.
constexpr mode_t kUmask = 0077;
// Ends a start with wrong options, policy, rules or log key, as a wrong command line does: starting again does not
// help.
constexpr int kExitWrongSettings = 2;

sigset_t ServedSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  return signals;
}

// What the gate turned away since it was last asked.
void LogCuts() {
  const std::array<int64_t, kCutReasons> cuts = SocketGate::Get().TakeCuts();
  for (int i = 0; i < kCutReasons; ++i) {
    if (cuts[i] == 0) continue;
    LogWarning("connections_cut",
               {{"reason", std::string(CutReasonName(static_cast<CutReason>(i)))}, {"count", std::to_string(cuts[i])}});
  }
}

int Refuse(const absl::Status& status) {
  PrintError(status.message());
  return 1;
}

// Takes the key of address hashes from its file, or makes one.
absl::Status TakeLogKey(const ServerOptions& options) {
  absl::StatusOr<LogKey> key = options.log_key_file.empty() ? LogKey::Random() : LogKey::FromFile(options.log_key_file);
  if (!key.ok()) return key.status();
  SetLogKey(*std::move(key));
  return absl::OkStatus();
}

// Ends a start that failed, with one line that says why. Returns the exit code.
int RefuseStart(const absl::Status& status) {
  const int code = Refuse(status);
  return absl::IsInvalidArgument(status) ? kExitWrongSettings : code;
}

// Serves until it is told to stop, or cannot go on.
int ServeUntilTold(Daemon* daemon, const sigset_t& signals, absl::Duration drain_timeout) {
  const timespec interval{.tv_sec = kTickSeconds, .tv_nsec = 0};
  FreeMemory free_memory;
  absl::Status running;
  while (running.ok()) {
    const int signal = sigtimedwait(&signals, nullptr, &interval);
    if (signal == SIGHUP) daemon->Reload();
    if (signal == SIGTERM || signal == SIGINT) break;
    running = daemon->Tick();
    free_memory.Tick();
    LogCuts();
  }
  LogInfo("stopping");
  daemon->Stop(running.ok() ? drain_timeout : absl::ZeroDuration());
  LogInfo("stopped");
  return running.ok() ? 0 : Refuse(running);
}

}  // namespace

double RandomFraction() {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

int RunDaemon(const ServerOptions& options, const std::function<absl::StatusOr<std::unique_ptr<Daemon>>()>& start) {
  SetLogLevel(options.log_level);
  // Debian's Abseil is built with a search for cycles among locks, at every lock.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  umask(kUmask);
  // Blocked before any thread is made but the log's, which takes none, so that only ServeUntilTold receives them.
  const sigset_t signals = ServedSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // whoever reads the log may go away; the service stays
  if (const absl::Status status = TakeLogKey(options); !status.ok()) return RefuseStart(status);
  absl::StatusOr<std::unique_ptr<Daemon>> daemon = start();
  if (!daemon.ok()) return RefuseStart(daemon.status());
  if (*daemon == nullptr) {
    std::cout << "the configuration is fine\n";
    return 0;
  }
  // Not before, so that a start that fails says why in one line.
  LogInfo(options.log_key_file.empty() ? "log_key_made" : "log_key_read", {{"log_key_id", LogKeyId()}});
  const int code = ServeUntilTold(daemon->get(), signals, absl::Seconds(options.drain_timeout_seconds));
  daemon->reset();  // may have something to say, too
  FlushLog(kLogFlushMax);
  return code;
}

}  // namespace suppressd
