// Waiting for a revision, for reads that demand a state at least as new as a token.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "storage/head_signal.h"
#include "storage/list_reader.h"

namespace suppressd {

// When a read that waits must give up, so that its answer still reaches the client before the client's deadline: a
// tenth of the time left before it (10 to 500 ms), and at the latest after `wait_max`.
absl::Time GiveUpAt(absl::Time now, absl::Time deadline, absl::Duration wait_max);

// Calls `then` once: with OK as soon as the store has reached `token` (at once, on this thread, when it has already or
// the token is empty); with UNAVAILABLE (REVISION_NOT_REACHED) at the deadline; with INVALID_TOKEN or LINEAGE_MISMATCH
// when the token does not fit. A later call comes on a gRPC thread. The store must outlive the wait.
void AwaitRevision(const ListReader* list, const std::string& token, absl::Time deadline,
                   std::function<void(absl::Status)> then);

// Calls `then` once: with true as soon as the head has reached `revision` (at once, on this thread, when it has
// already), with false at the deadline. A later call comes on a gRPC thread. `head` must outlive the wait.
void AwaitHead(HeadSignal* head, uint64_t revision, absl::Time deadline, std::function<void(bool reached)> then);

}  // namespace suppressd
