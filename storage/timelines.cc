#include "storage/timelines.h"

#include "storage/keys.h"

namespace suppressd {
namespace {

constexpr size_t kNumberBytes = 8;
constexpr size_t kRunBytes = 2 * kNumberBytes;

}  // namespace

bool Timelines::Decode(absl::string_view bytes) {
  runs_.clear();
  if (bytes.size() % kRunBytes != 0) return false;
  for (; !bytes.empty(); bytes.remove_prefix(kRunBytes)) {
    runs_.push_back({.id = ParseRevisionKey(bytes.substr(0, kNumberBytes)),
                     .first = ParseRevisionKey(bytes.substr(kNumberBytes, kNumberBytes))});
  }
  return true;
}

std::string Timelines::Encode() const {
  std::string bytes;
  for (const Run& run : runs_) bytes += RevisionKey(run.id) + RevisionKey(run.first);
  return bytes;
}

void Timelines::Begin(uint64_t id, uint64_t first) {
  runs_.push_back({.id = id, .first = first});
  if (runs_.size() > kTimelinesMax) runs_.erase(runs_.begin());
}

bool Timelines::Share(uint64_t id, uint64_t revision, uint64_t head) const {
  for (size_t i = 0; i < runs_.size(); ++i) {
    if (runs_[i].id != id) continue;
    return i + 1 < runs_.size() ? revision < runs_[i + 1].first : revision <= head;
  }
  return false;
}

}  // namespace suppressd
