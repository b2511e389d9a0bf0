#include "storage/change_pins.h"

#include <algorithm>
#include <utility>

namespace suppressd {

ChangePin& ChangePin::operator=(ChangePin&& other) noexcept {
  if (this == &other) return *this;
  Release();
  pins_ = std::exchange(other.pins_, nullptr);
  id_ = other.id_;
  return *this;
}

void ChangePin::Move(uint64_t revision, int64_t until_micros) {
  if (pins_ == nullptr) return;
  absl::MutexLock lock(&pins_->mutex_);
  const auto found = pins_->pins_.find(id_);
  if (found != pins_->pins_.end()) found->second = {revision, until_micros};  // else its time had come
}

void ChangePin::Release() {
  if (pins_ == nullptr) return;
  absl::MutexLock lock(&pins_->mutex_);
  pins_->pins_.erase(id_);
  pins_ = nullptr;
}

ChangePin ChangePins::Add(uint64_t revision, int64_t until_micros) {
  absl::MutexLock lock(&mutex_);
  const uint64_t id = next_id_++;
  pins_[id] = {revision, until_micros};
  return ChangePin(this, id);
}

std::optional<uint64_t> ChangePins::Oldest(int64_t now_micros) {
  absl::MutexLock lock(&mutex_);
  std::optional<uint64_t> oldest;
  for (auto it = pins_.begin(); it != pins_.end();) {
    if (it->second.until_micros <= now_micros) {
      it = pins_.erase(it);
      continue;
    }
    oldest = std::min(oldest.value_or(it->second.revision), it->second.revision);
    ++it;
  }
  return oldest;
}

}  // namespace suppressd
