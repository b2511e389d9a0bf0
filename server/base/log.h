// Structured logs: one JSON object per line on standard error.
//
//   LogInfo("suppress", {{"tenant", tenant}, {"address", hash(address)}});
//
// Whoever logs never waits for standard error: lines go through a queue of at most kLogQueueLines, in order, and a
// thread of its own writes them. What standard error does not take in time or refuses is dropped and counted (LogSink),
// so a reader that stands still costs lines, never an answer. The thread starts with the first line or SetLogLevel; no
// fork may come after it. Lines of the last moments are lost when the process is killed or crashes; FlushLog before an
// orderly end.
//
// An address never goes into a log; a keyed hash of it does (AddressHash), with the id of the key. Thread-safe.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/address_hash.h"

namespace suppressd {

// Lines that wait to be written; the oldest is dropped when one more comes. With the longest line: 32 MiB.
inline constexpr size_t kLogQueueLines = 8192;
// Longest line, so that a pipe takes it whole or not at all. A longer one is cut, and says so: "truncated":"true".
inline constexpr size_t kLogLineBytesMax = 4096;
// At the end of the process, at most this long is waited for standard error to take what was logged.
inline constexpr absl::Duration kLogFlushMax = absl::Seconds(1);

using LogField = std::pair<absl::string_view, std::string>;

// Logs an event at level info, warning or error.
void LogInfo(absl::string_view event, std::initializer_list<LogField> fields = {});
void LogWarning(absl::string_view event, std::initializer_list<LogField> fields = {});
void LogError(absl::string_view event, std::initializer_list<LogField> fields = {});

// Sets the lowest level written: "debug", "info", "warning" or "error". False when it is none of these. Log lines of
// gRPC and protobuf go to debug; those of gRPC that are no errors are left out, since they may repeat what callers
// send.
bool SetLogLevel(const std::string& level);

// Waits until all that was logged before this call is written or dropped. False when it takes longer than `timeout`.
bool FlushLog(absl::Duration timeout);

// Why the process ends, as plain text on standard error: "suppressd: " and the sentence, after what was logged before.
// Given up when standard error takes nothing for kLogFlushMax.
void PrintError(absl::string_view sentence);

// The key of all address hashes from now on. Set it before the first line that holds one; otherwise a key is made then,
// and nothing can be compared with other processes or other runs.
void SetLogKey(LogKey key);

// What a line holds of a normalised address, or of "@domain": LogKey::Hash under the key that is set. A line with it
// also has LogKeyId() in the field log_key_id.
std::string AddressHash(absl::string_view address);
std::string LogKeyId();

}  // namespace suppressd
