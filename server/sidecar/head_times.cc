#include "server/sidecar/head_times.h"

#include <algorithm>

namespace suppressd {
namespace {

constexpr size_t kHeadsMax = 1'024;

}  // namespace

void HeadTimes::Seen(const RevisionToken& head, SteadyTime asked_at) {
  absl::MutexLock lock(&mutex_);
  // Of another lineage than the one before: those times say nothing any more.
  if (!heads_.empty() && heads_.back().head.lineage != head.lineage) heads_.clear();
  if (!heads_.empty() && heads_.back().asked_at > asked_at) return;  // an answer that came late
  // An older backup was restored: what was seen before says nothing of it.
  if (!heads_.empty() && heads_.back().head.revision > head.revision) heads_.clear();
  // Standing still: only the time of the newest matters.
  if (!heads_.empty() && heads_.back().head.revision == head.revision) {
    heads_.back().asked_at = asked_at;
    return;
  }
  // Too many that a lagging replica has not reached: drop every second one, which only makes it look staler.
  if (heads_.size() >= kHeadsMax) {
    std::deque<Head> fewer;
    for (size_t i = 0; i < heads_.size(); i += 2) fewer.push_back(heads_[i]);
    heads_ = std::move(fewer);
  }
  heads_.push_back({head, asked_at});
}

void HeadTimes::Noted(const RevisionToken& state, SteadyTime complete_at) {
  absl::MutexLock lock(&mutex_);
  if (heads_.empty()) heads_.push_back({state, complete_at});
}

std::optional<SteadyTime> HeadTimes::CompleteAt(const RevisionToken& state) const {
  absl::MutexLock lock(&mutex_);
  const auto reached = [&](const Head& head) {
    return head.head.lineage == state.lineage && head.head.revision <= state.revision;
  };
  if (heads_.empty() || !reached(heads_.front())) return std::nullopt;
  while (heads_.size() > 1 && reached(heads_[1])) heads_.pop_front();
  return heads_.front().asked_at;
}

std::optional<absl::Duration> HeadTimes::Staleness(const RevisionToken& state, SteadyTime now) const {
  const std::optional<SteadyTime> complete_at = CompleteAt(state);
  if (!complete_at.has_value()) return std::nullopt;
  return std::max(absl::ZeroDuration(), now - *complete_at);
}

}  // namespace suppressd
