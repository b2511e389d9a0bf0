// The way back for a list that was written while the clock was ahead.
#pragma once

#include <cstdint>

#include "absl/status/status.h"

namespace suppressd {

class Database;

// Moves every time that is later than `now` back to it: of entries, with the expiry of what bounced or complained after
// it moved back as far; of events, of idempotency records, and log time. Nothing is lost but the change log: readers of
// it are told HISTORY_GONE or LINEAGE_MISMATCH and read the list again, and page tokens end. Takes some seconds for
// some million entries. Before the list is written or read. UNAVAILABLE (STORAGE_UNAVAILABLE) or INTERNAL as every
// write; then it can be repeated.
absl::Status MoveTimesBack(int64_t now_micros, Database* database);

}  // namespace suppressd
