// Keeps tenants to their quotas: one bucket for each tenant and kind, which fills at the rate of the quota and holds
// what two seconds give.
//
// A call is let in while there is anything in the bucket, and may take more than there is: a batch of a thousand
// addresses is never too large for a small quota, and the calls after it wait until its debt is paid.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/access/quota_file.h"

namespace suppressd {

// How much of a bucket there is: what these seconds give.
inline constexpr double kQuotaBurstSeconds = 2;

// Thread-safe.
class Quotas {
 public:
  // What a tenant asked too much of.
  struct Exceeded {
    int per_second = 0;
    absl::Duration retry_after;
  };

  // `path`: a file of quotas. `clock` is one that nobody sets. INVALID_ARGUMENT, in one sentence.
  static absl::StatusOr<std::unique_ptr<Quotas>> Open(const std::string& path, std::function<absl::Time()> clock);

  // Reads the file again when it has changed, or `always`. Nothing: it has not. A file that is wrong changes nothing.
  // With a new one every tenant begins again with a full bucket.
  std::optional<absl::Status> Reload(bool always);

  // Takes `count` of what a tenant may do; nothing: it may. `tenant` is a name that is well-formed, so that there are
  // no more of them in memory than a few thousand: those whose bucket is full again are forgotten.
  std::optional<Exceeded> Take(absl::string_view tenant, QuotaKind kind, int64_t count);

  const std::string& path() const { return path_; }
  // Tenants in memory, for tests.
  size_t tenants() const;

 private:
  static constexpr size_t kShards = 16;
  static constexpr size_t kTenantsMaxInShard = 1'024;

  struct Bucket {
    double left = 0;
    absl::Time at;  // when that much was left
  };
  struct Tenant {
    Quota quota;
    std::array<Bucket, kQuotaKinds> buckets;
  };
  struct Shard {
    mutable absl::Mutex mutex;
    absl::flat_hash_map<std::string, Tenant> tenants ABSL_GUARDED_BY(mutex);
  };

  Quotas(std::string path, std::function<absl::Time()> clock) : path_(std::move(path)), clock_(std::move(clock)) {}
  // The tenant's buckets, made where there are none.
  Tenant& FindIn(Shard* shard, absl::string_view tenant, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard->mutex);
  // And whether the file names it.
  std::pair<Quota, bool> QuotaOf(absl::string_view tenant) const;

  const std::string path_;
  const std::function<absl::Time()> clock_;
  std::array<Shard, kShards> shards_;
  absl::Mutex reloading_;
  std::string looked_at_ ABSL_GUARDED_BY(reloading_);
  mutable absl::Mutex file_mutex_;
  QuotaFile file_ ABSL_GUARDED_BY(file_mutex_);
};

}  // namespace suppressd
