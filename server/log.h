// Structured logs: one JSON object per line on standard error.
//
//   Log("suppress", {{"tenant", tenant}, {"address", hash(address)}});
//
// An address never goes into a log; a keyed hash of it does (AddressHasher). Thread-safe.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace suppression {

using LogField = std::pair<absl::string_view, std::string>;

// Writes an event at level info, warning or error.
void LogInfo(absl::string_view event, std::initializer_list<LogField> fields = {});
void LogWarning(absl::string_view event, std::initializer_list<LogField> fields = {});
void LogError(absl::string_view event, std::initializer_list<LogField> fields = {});

// Sets the lowest level written: "debug", "info", "warning" or "error". False when it is none of these. Log lines of
// gRPC and protobuf go to debug.
bool SetLogLevel(const std::string& level);

// A hash of an address under a key made at start: equal addresses give equal text within one run of the process, and
// nobody without the key can tell which address it was. 16 hexadecimal digits.
std::string AddressHash(absl::string_view address);

}  // namespace suppression
