// The seam to the world beyond one machine: what orders commands. Nothing above or below may know which one runs.
#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "storage/stored.h"

namespace suppression {

// Orders commands and applies them. Thread-safe.
class CommitLog {
 public:
  // Called once with the result of the command, or with why it was not applied: UNAVAILABLE with OVERLOADED,
  // STORAGE_UNAVAILABLE or SHUTTING_DOWN. After STORAGE_UNAVAILABLE the command may still turn out to be applied when
  // the store is opened anew: repeat it with the same request id.
  using Done = std::function<void(absl::StatusOr<stored::CommandResult>)>;

  virtual ~CommitLog() = default;

  // Appends a command; durable and visible to reads before `done` is called with OK. `done` runs on the log's thread,
  // or on the caller's when the command is refused at once; it must be quick.
  virtual void Append(stored::Command command, Done done) = 0;

  // Finishes what was appended, refuses the rest. Idempotent; called by the destructor.
  virtual void Close() = 0;
};

}  // namespace suppression
