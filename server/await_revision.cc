#include "server/await_revision.h"

#include <atomic>
#include <memory>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "grpcpp/alarm.h"
#include "protos/error.h"
#include "storage/revision_token.h"

namespace suppression {
namespace {

// One wait. The alarm is what continues the call, on a gRPC thread: at the deadline, or when the head cancels it.
struct Wait {
  grpc::Alarm alarm;
  std::function<void(absl::Status)> then;
};

}  // namespace

void AwaitRevision(Store* store, const std::string& token, absl::Time deadline,
                   std::function<void(absl::Status)> then) {
  if (token.empty()) return then(absl::OkStatus());
  const absl::StatusOr<RevisionToken> wanted = DecodeToken(token, store->lineage(), "at_least");
  if (!wanted.ok()) return then(wanted.status());
  const uint64_t revision = wanted->revision;
  if (store->head().head() >= revision) return then(absl::OkStatus());

  auto wait = std::make_shared<Wait>();
  wait->then = std::move(then);
  // Cancelling an alarm that is not set does nothing, so the alarm is set before the head may cancel it.
  auto id = std::make_shared<std::atomic<uint64_t>>(0);
  wait->alarm.Set(absl::ToChronoTime(deadline), [store, revision, wait, id](bool) {
    store->head().Cancel(id->load());
    if (store->head().head() >= revision) return wait->then(absl::OkStatus());
    wait->then(MakeError(absl::StatusCode::kUnavailable, v1::REVISION_NOT_REACHED,
                         "the state of the token was not reached in time", "at_least"));
  });
  id->store(store->head().CallAt(revision, [wait] { wait->alarm.Cancel(); }));
}

}  // namespace suppression
