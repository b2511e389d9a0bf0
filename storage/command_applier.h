// The write side of a list: applies the records of a log (log/commit_log.h), in order, by the state machine.
//
// The state is a function of the records alone, whatever batches they come in: every record, a repeat or one that is
// refused too, takes one revision, which is its position in the log; the only time is log time,
// max(log time before + 1 us, min(the command's time, the time it was appended + kClockBoundMicros)).
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "storage/log/commit_log.h"
#include "storage/stored.h"

namespace suppressd {

class Database;

// A command's time counts at most this much beyond the time at which it was appended.
inline constexpr int64_t kClockBoundMicros = 10 * 60 * kMicrosPerSecond;
// Of so many writers (LogId) the newest number is remembered, of those that wrote last.
inline constexpr int kLogWritersMax = 256;

// For one thread at a time (the log's), but where it says otherwise.
class CommandApplier final : public LogApplier {
 public:
  // The database must outlive it.
  explicit CommandApplier(Database* database) : database_(database) {}

  // The head: revision and position are the same.
  uint64_t position() const override;
  LogIdentity identity() const override;
  absl::Status Begin(const LogIdentity& identity) override;
  Applied Apply(absl::Span<const LogRecord> records) override;
  void WakeWaiting() override;

  // What applying a command now would give; nothing is changed. Any thread; writes wait for it. Errors of Apply.
  absl::StatusOr<stored::CommandResult> Preview(const stored::Command& command) const;
  // What decides results, as of the newest record.
  stored::LogSettings settings() const;

 private:
  Database* const database_;
};

}  // namespace suppressd
