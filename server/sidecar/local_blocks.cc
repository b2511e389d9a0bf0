#include "server/sidecar/local_blocks.h"

#include <algorithm>

namespace suppressd {

void LocalBlocks::Add(uint64_t number, const google::protobuf::RepeatedPtrField<stored::LocalBlock>& blocks,
                      const RevisionToken& delivered) {
  absl::MutexLock lock(&mutex_);
  for (const stored::LocalBlock& block : blocks) {
    std::string key = EntryKey({block.tenant(), block.domain(), block.local_part()});
    causes_[key].push_back({number, block.cause(), delivered});
    keys_[number].push_back(std::move(key));
    count_.fetch_add(1, std::memory_order_release);
  }
}

void LocalBlocks::Delivered(uint64_t number, const RevisionToken& state) {
  absl::MutexLock lock(&mutex_);
  const auto keys = keys_.find(number);
  if (keys == keys_.end()) return;
  for (const std::string& key : keys->second) {
    for (Block& block : causes_[key]) {
      if (block.number == number) block.delivered = state;
    }
  }
}

void LocalBlocks::Remove(const std::vector<uint64_t>& numbers) {
  absl::MutexLock lock(&mutex_);
  for (const uint64_t number : numbers) {
    const auto keys = keys_.find(number);
    if (keys == keys_.end()) continue;
    for (const std::string& key : keys->second) {
      const auto causes = causes_.find(key);
      if (causes == causes_.end()) continue;
      const auto ours = [number](const Block& block) { return block.number == number; };
      const auto rest = std::remove_if(causes->second.begin(), causes->second.end(), ours);
      count_.fetch_sub(causes->second.end() - rest, std::memory_order_release);
      causes->second.erase(rest, causes->second.end());
      if (causes->second.empty()) causes_.erase(causes);
    }
    keys_.erase(keys);
  }
}

std::vector<LocalCause> LocalBlocks::Find(const EntryName& name, const RevisionToken& replica) const {
  std::vector<LocalCause> found;
  absl::MutexLock lock(&mutex_);
  const auto causes = causes_.find(EntryKey(name));
  if (causes == causes_.end()) return found;
  for (const Block& block : causes->second) {
    const RevisionToken& delivered = block.delivered;
    if (delivered.lineage != 0 && delivered.lineage == replica.lineage && delivered.revision <= replica.revision) {
      continue;
    }
    const auto same = [&block](const LocalCause& other) { return SameCause(block.cause, other.cause); };
    const auto known = std::find_if(found.begin(), found.end(), same);
    const bool in_outbox = block.number < kForwardedFirst;
    if (known == found.end()) {
      found.push_back({block.cause, in_outbox});
    } else {
      known->in_outbox |= in_outbox;
    }
  }
  return found;
}

}  // namespace suppressd
