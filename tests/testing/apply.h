// Applies commands to a list as the log of a single machine does, without the log.
#pragma once

#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/store.h"

namespace suppressd {

// One result per command, in order; INTERNAL_ERROR as its error_reason for a command that needs what is damaged. Fails
// when the disk refuses.
inline absl::StatusOr<std::vector<stored::CommandResult>> ApplyTo(Store& store,
                                                                  const std::vector<stored::Command>& commands) {
  std::vector<stored::CommandResult> results;
  while (results.size() < commands.size()) {
    std::vector<LogRecord> records;
    for (size_t i = results.size(); i < commands.size(); ++i) {
      LogRecord& record = records.emplace_back();
      record.position = store.applier().position() + records.size();
      record.appended_at_micros = ToMicros(commands[i].at());
      record.command = commands[i];
    }
    Applied applied = store.applier().Apply(records);
    for (stored::CommandResult& result : applied.results) results.push_back(std::move(result));
    store.applier().WakeWaiting();
    if (applied.stopped.ok()) continue;
    if (applied.disk_refuses) return applied.stopped;
    results.emplace_back().set_error_reason("INTERNAL_ERROR");
  }
  return results;
}

}  // namespace suppressd
