// A server process: started, told to read its files again by SIGHUP, looked after once a second, and stopped in order
// by SIGTERM or SIGINT.
#pragma once

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/app/options.h"

namespace suppressd {

// Names that the health service tells of, beside "" for the process.
inline constexpr char kServiceHealth[] = "suppressd.v1.SuppressionService";
inline constexpr char kReplicationHealth[] = "suppressd.v1.ReplicationService";
inline constexpr char kWriteHealth[] = "suppressd.v1.SuppressionService/write";

// Called by one thread.
class Daemon {
 public:
  virtual ~Daemon() = default;
  // Reads policy and rules again; logs the outcome of each.
  virtual void Reload() = 0;
  // Called about once a second. An error, one clear sentence, ends the process.
  virtual absl::Status Tick() = 0;
  // Stops, taking at most about this long for what is in flight.
  virtual void Stop(absl::Duration timeout) = 0;
};

// Runs a daemon until it is told to stop. The key of address hashes in the log is read, or made, first. `start` gives
// nothing when there is nothing to run (--check_config). Returns the exit code: 0 after an orderly stop, 1 when it
// could not start or go on (one line on stderr says why).
int RunDaemon(const ServerOptions& options, const std::function<absl::StatusOr<std::unique_ptr<Daemon>>()>& start);

// Evenly from [0, 1). Thread-safe.
double RandomFraction();

}  // namespace suppressd
