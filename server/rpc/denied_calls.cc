#include "server/rpc/denied_calls.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "common/audit_chain.h"
#include "common/error.h"
#include "server/base/log.h"

namespace suppressd {
namespace {

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  return FromMicros(absl::ToUnixMicros(time));
}

}  // namespace

void DeniedCalls::MergeLocked(State* state, DeniedKind kind, const Count& count) {
  auto found = state->counts.find(kind);
  if (found == state->counts.end()) {
    const auto kinds = state->kinds_of.find(kind.identity);
    if (kinds != state->kinds_of.end() && kinds->second >= kDeniedKindsPerIdentityMax) {
      kind.method.clear();
      kind.tenant.clear();
    }
    if (state->counts.size() >= kDeniedKindsMax && !state->counts.contains(kind)) kind = DeniedKind();
    found = state->counts.try_emplace(kind, Count{.calls = 0, .first = count.first, .last = count.last}).first;
    if (found->second.calls == 0) ++state->kinds_of[kind.identity];
  }
  found->second.calls += count.calls;
  found->second.first = std::min(found->second.first, count.first);
  found->second.last = std::max(found->second.last, count.last);
}

void DeniedCalls::Merge(State* state, DeniedKind kind, const Count& count) {
  absl::MutexLock lock(&state->mutex);
  MergeLocked(state, std::move(kind), count);
}

void DeniedCalls::Add(DeniedKind kind) {
  const absl::Time now = clock_();
  Merge(state_.get(), std::move(kind), {.calls = 1, .first = now, .last = now});
}

void DeniedCalls::FlushIfDue() {
  {
    absl::MutexLock lock(&flushing_);
    const absl::Duration since = clock_() - last_flush_;
    if (since >= absl::ZeroDuration() && since < kDeniedFlushInterval) return;
  }
  Flush();
}

void DeniedCalls::Flush() {
  absl::MutexLock flushing(&flushing_);
  const absl::Time now = clock_();
  last_flush_ = now;
  if (!may_write_().ok()) return;
  Counts counts;
  {
    absl::MutexLock lock(&state_->mutex);
    counts.swap(state_->counts);
    state_->kinds_of.clear();
  }
  const auto warned = std::make_shared<std::atomic<bool>>(false);  // one line for all
  for (const auto& [kind, count] : counts) {
    stored::Command command;
    *command.mutable_at() = ToTimestamp(now);
    command.set_actor(kind.identity);
    stored::NoteOperation* note = command.mutable_note();
    note->set_action(kAuditDenied);
    note->set_tenant(kind.tenant);
    note->set_refused_reason(ReasonName(v1::ACCESS_DENIED));
    note->set_count(count.calls);
    note->set_detail(kind.method);
    *note->mutable_first_at() = ToTimestamp(count.first);
    *note->mutable_last_at() = ToTimestamp(count.last);
    log_->Append(std::move(command), [state = state_, warned, kind = kind, count = count](const AppendResult& result) {
      if (result.applied()) return;
      if (!warned->exchange(true)) {
        LogWarning("denied_calls_not_noted", {{"error", std::string(result.status.message())}});
      }
      Merge(state.get(), kind, count);
    });
  }
}

}  // namespace suppressd
