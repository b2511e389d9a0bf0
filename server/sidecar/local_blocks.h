// What reports in the outbox suppress, and what the server took from here (forwarded.h): a layer over the replica until
// the replica has it from the server. In memory; of the outbox it is made again when the sidecar starts.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "storage/keys.h"
#include "storage/revision_token.h"
#include "storage/stored.h"

namespace suppressd {

// Whether two causes are one within an entry.
inline bool SameCause(const v1::Cause& a, const v1::Cause& b) {
  return a.type() == b.type() && a.reason() == b.reason() && a.stream() == b.stream();
}

// Whether a replica at this state has no more to learn of what the server made at the state `made`: it holds that, or
// it was replaced since (then it was of `served_lineage`) by one of other data than the server had, and nothing more
// comes.
inline bool IsSettled(const RevisionToken& made, uint64_t served_lineage, const RevisionToken& replica) {
  if (made.lineage == replica.lineage) return made.revision <= replica.revision;
  return served_lineage != replica.lineage;
}

// The numbers of reports in the outbox are less than this; those of writes that the server took begin here.
inline constexpr uint64_t kForwardedFirst = uint64_t{1} << 63;

// A cause that the replica does not know of.
struct LocalCause {
  v1::Cause cause;
  bool in_outbox = false;  // or the server has taken it
};

// Thread-safe.
class LocalBlocks {
 public:
  // Adds what the report with this number suppresses; `delivered` as for Delivered, if it was.
  void Add(uint64_t number, const google::protobuf::RepeatedPtrField<stored::LocalBlock>& blocks,
           const RevisionToken& delivered = {});
  // The server has the report since this state: a replica that has reached it knows better.
  void Delivered(uint64_t number, const RevisionToken& state);
  // Takes back what these reports suppress.
  void Remove(const std::vector<uint64_t>& numbers);

  // Whether there is nothing: then Find need not be asked.
  bool empty() const { return count_.load(std::memory_order_acquire) == 0; }
  // The causes on an address (or domain: empty local part) that a replica at this state does not know of, without
  // doubles.
  std::vector<LocalCause> Find(const EntryName& name, const RevisionToken& replica) const;

 private:
  struct Block {
    uint64_t number = 0;
    v1::Cause cause;
    RevisionToken delivered;  // lineage zero: not yet
  };

  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, std::vector<Block>> causes_ ABSL_GUARDED_BY(mutex_);
  // The keys of causes_ that a report has a part in.
  absl::flat_hash_map<uint64_t, std::vector<std::string>> keys_ ABSL_GUARDED_BY(mutex_);
  std::atomic<int64_t> count_{0};
};

}  // namespace suppressd
