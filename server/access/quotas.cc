#include "server/access/quotas.h"

#include <algorithm>
#include <utility>

#include "absl/hash/hash.h"
#include "common/tls_files.h"
#include "server/access/access_control.h"
#include "server/bounces/rules/yaml_reader.h"

namespace suppressd {
namespace {

// Tenants that come when there is no room for their names share a bucket: no tenant has this name.
constexpr char kCrowd[] = "*";

double Holds(int per_second) {
  return per_second * kQuotaBurstSeconds;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Quotas>> Quotas::Open(const std::string& path, std::function<absl::Time()> clock) {
  std::unique_ptr<Quotas> quotas(new Quotas(path, std::move(clock)));
  if (const absl::Status read = *quotas->Reload(true); !read.ok()) return read;
  return quotas;
}

std::optional<absl::Status> Quotas::Reload(bool always) {
  absl::MutexLock reloading(&reloading_);
  std::string state = StateOfFiles({path_});
  if (!always && state == looked_at_) return std::nullopt;
  const absl::StatusOr<std::string> text = ReadAccessFile(path_, kYamlMaxBytes, false);
  const bool is_first = looked_at_.empty();
  if (!is_first && StateOfFiles({path_}) != state) return std::nullopt;  // somebody writes; the next look sees the rest
  looked_at_ = std::move(state);
  if (!text.ok()) return text.status();
  absl::StatusOr<QuotaFile> file = QuotaFile::Parse(path_, *text);
  if (!file.ok()) return file.status();
  {
    absl::MutexLock lock(&file_mutex_);
    file_ = *std::move(file);
  }
  for (Shard& shard : shards_) {
    absl::MutexLock lock(&shard.mutex);
    shard.tenants.clear();
  }
  return absl::OkStatus();
}

std::optional<Quotas::Exceeded> Quotas::Take(absl::string_view tenant, QuotaKind kind, int64_t count) {
  const auto index = static_cast<size_t>(kind);
  const absl::Time now = clock_();
  Shard& shard = shards_[absl::Hash<absl::string_view>()(tenant) % kShards];
  absl::MutexLock lock(&shard.mutex);
  Tenant& found = FindIn(&shard, tenant, now);
  const int per_second = found.quota.per_second[index];
  if (per_second == 0) return std::nullopt;
  Bucket& bucket = found.buckets[index];
  const double gained = absl::ToDoubleSeconds(now - bucket.at) * per_second;
  bucket.left = std::min(Holds(per_second), bucket.left + std::max(0.0, gained));
  bucket.at = now;
  if (bucket.left < 1) return Exceeded{per_second, absl::Seconds((1 - bucket.left) / per_second)};
  bucket.left -= static_cast<double>(count);
  return std::nullopt;
}

Quotas::Tenant& Quotas::FindIn(Shard* shard, absl::string_view tenant, absl::Time now) {
  if (const auto found = shard->tenants.find(tenant); found != shard->tenants.end()) return found->second;
  if (shard->tenants.size() >= kTenantsMaxInShard) {
    absl::erase_if(shard->tenants, [now](const auto& entry) {
      const Tenant& held = entry.second;
      for (size_t kind = 0; kind < kQuotaKinds; ++kind) {
        const int per_second = held.quota.per_second[kind];
        const double gained = absl::ToDoubleSeconds(now - held.buckets[kind].at) * per_second;
        if (held.buckets[kind].left + gained < Holds(per_second)) return false;
      }
      return true;
    });
  }
  // Those that the file names are few, and never in the crowd.
  const auto [quota, is_named] = QuotaOf(tenant);
  const bool is_crowd = !is_named && shard->tenants.size() >= kTenantsMaxInShard;
  const auto [place, is_new] = shard->tenants.try_emplace(is_crowd ? kCrowd : std::string(tenant));
  if (is_new) {
    place->second.quota = quota;  // of one that is not named the same as of the crowd
    for (size_t kind = 0; kind < kQuotaKinds; ++kind) {
      place->second.buckets[kind] = {Holds(place->second.quota.per_second[kind]), now};
    }
  }
  return place->second;
}

std::pair<Quota, bool> Quotas::QuotaOf(absl::string_view tenant) const {
  absl::MutexLock lock(&file_mutex_);
  return {file_.For(tenant), file_.Names(tenant)};
}

size_t Quotas::tenants() const {
  size_t count = 0;
  for (const Shard& shard : shards_) {
    absl::MutexLock lock(&shard.mutex);
    count += shard.tenants.size();
  }
  return count;
}

}  // namespace suppressd
