// The seam to the world beyond one machine: what orders commands. Nothing above or below may know which one runs.
//
//   log->Start(&applier);                       // delivers records from the applier's position on
//   log->Append(command, [](AppendResult result) { ... });
//
// On one machine: local_commit_log.h.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "storage/stored.h"

namespace suppressd {

// Which append a record comes from: tells a record that the log took twice from two records. Number zero: the log takes
// none twice.
struct LogId {
  // The program run that appended it; random.
  uint64_t writer = 0;
  // Counts its appends from 1 on; in the log they stand in this order.
  uint64_t number = 0;
};

// One record of the log.
struct LogRecord {
  // 1 for the first; without a gap.
  uint64_t position = 0;
  // When the log took it, in microseconds since 1970, by the log's clock.
  int64_t appended_at_micros = 0;
  LogId id;
  stored::Command command;
};

// Which log it is.
struct LogIdentity {
  // Random number made with the log: positions are comparable only within one lineage.
  uint64_t lineage = 0;
  // The run of the log (timelines.h): within one the same position is the same record. A log that several servers share
  // has one for all of them.
  uint64_t timeline = 0;
  // Version of what records mean.
  int format = 1;
};

// What applying some records gave.
struct Applied {
  // One for each record applied, in order; they are durable, and visible to reads.
  std::vector<stored::CommandResult> results;
  // OK: all were applied. Else why the next one was not: what it needs cannot be read, or it cannot be understood
  // (INTERNAL); nothing of it was done, and those after it were not tried. Or the disk refuses.
  absl::Status stopped;
  // The disk refuses (`stopped` is UNAVAILABLE, STORAGE_UNAVAILABLE), now and until storage has recovered.
  bool disk_refuses = false;
  // The disk refused to write these very records: some may be there once storage has recovered.
  bool may_be_there = false;
};

// Who the records are for. Called by the log, from one thread at a time.
class LogApplier {
 public:
  virtual ~LogApplier() = default;
  // The position of the last record applied.
  virtual uint64_t position() const = 0;
  // The log whose records it holds. Timeline zero: not known, or of another run.
  virtual LogIdentity identity() const = 0;
  // The records that follow are of this log. FAILED_PRECONDITION (LINEAGE_MISMATCH) when those held are of another.
  virtual absl::Status Begin(const LogIdentity& identity) = 0;
  // Applies records, the first at position() + 1, in one durable step.
  virtual Applied Apply(absl::Span<const LogRecord> records) = 0;
  // Lets those that wait for what was applied (HeadSignal) go on; after its callers were answered.
  virtual void WakeWaiting() = 0;
};

// What became of an append.
struct AppendResult {
  enum Outcome {
    // Applied: `result` tells how, also when the command was refused.
    kApplied,
    // It is not in the log and never will be: repeating it is safe, also as a new request. `status` says why:
    // UNAVAILABLE (OVERLOADED, STORAGE_UNAVAILABLE, SHUTTING_DOWN), INTERNAL (INTERNAL_ERROR: what it needs is
    // damaged).
    kNotAppended,
    // It may be in the log, now or later: repeat it with the same request id. `status`: UNAVAILABLE.
    kUnknown,
  };
  Outcome outcome = kUnknown;
  stored::CommandResult result;
  absl::Status status;

  static AppendResult Of(stored::CommandResult result) { return {kApplied, std::move(result), absl::OkStatus()}; }
  static AppendResult NotAppended(absl::Status why) { return {kNotAppended, {}, std::move(why)}; }
  static AppendResult Unknown(absl::Status why) { return {kUnknown, {}, std::move(why)}; }
  bool applied() const { return outcome == kApplied; }
};

// How a log is doing.
struct LogHealth {
  // Whether records can be appended.
  bool connected = false;
  // Records that are known to be in the log and are not applied here.
  uint64_t behind = 0;
  // OK, or why nothing is applied any more behind this position.
  absl::Status stopped;
  uint64_t position = 0;
};

// Orders commands and has them applied. Thread-safe.
class CommitLog {
 public:
  // Called once. On a thread of the log's executor, never on the one that applies; or on the caller's when the command
  // is refused at once.
  using Done = std::function<void(AppendResult)>;

  virtual ~CommitLog() = default;

  // Begins to deliver records, in order, once each, from behind the applier's position. Once, before the first Append.
  // Errors of LogApplier::Begin. The applier must outlive the log.
  virtual absl::Status Start(LogApplier* applier) = 0;
  // Appends a command; durable and visible to reads before `done` is called with kApplied.
  virtual void Append(stored::Command command, Done done) = 0;
  // `done` is called once everything that was appended anywhere before this call is applied here; or with why that is
  // not known: UNAVAILABLE.
  virtual void Barrier(std::function<void(absl::Status)> done) = 0;
  virtual LogHealth Health() const = 0;
  virtual LogIdentity Identity() const = 0;
  // Finishes what was appended as far as it can, refuses the rest, and has answered everyone when it returns.
  // Idempotent; called by the destructor.
  virtual void Close() = 0;
};

}  // namespace suppressd
