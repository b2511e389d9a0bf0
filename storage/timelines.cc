#include "storage/timelines.h"

#include "storage/keys.h"

namespace suppression {
namespace {

constexpr size_t kNumberOctets = 8;
constexpr size_t kRunOctets = 2 * kNumberOctets;

}  // namespace

bool Timelines::Decode(absl::string_view octets) {
  runs_.clear();
  if (octets.size() % kRunOctets != 0) return false;
  for (; !octets.empty(); octets.remove_prefix(kRunOctets)) {
    runs_.push_back({.id = ParseRevisionKey(octets.substr(0, kNumberOctets)),
                     .first = ParseRevisionKey(octets.substr(kNumberOctets, kNumberOctets))});
  }
  return true;
}

std::string Timelines::Encode() const {
  std::string octets;
  for (const Run& run : runs_) octets += RevisionKey(run.id) + RevisionKey(run.first);
  return octets;
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

}  // namespace suppression
