#include "server/sidecar/backoff.h"

#include <algorithm>

namespace suppression {

absl::Duration Backoff::Next(absl::Duration asked_for) {
  constexpr int kDoublingsMax = 30;
  const absl::Duration grown = options_.initial * (int64_t{1} << std::min(failures_, kDoublingsMax));
  absl::Duration wait = grown < options_.max ? grown : options_.max * random_();
  if (failures_ == 0) wait += options_.first_jitter * random_();
  ++failures_;
  return std::max(wait, asked_for);
}

}  // namespace suppression
