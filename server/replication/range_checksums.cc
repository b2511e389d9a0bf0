#include "server/replication/range_checksums.h"

#include <openssl/evp.h>

#include <memory>
#include <string>
#include <utility>

#include "common/error.h"
#include "server/replication/replica_entry.h"
#include "server/rpc/field_checks.h"
#include "storage/revision_token.h"

namespace suppressd {
namespace {

constexpr size_t kKeyBytesMax = 1'024;
// How often a walk asks whether to stop.
constexpr int kEntriesPerStopCheck = 1024;

// SHA-256 of bytes that come bit by bit.
class Sha256Sum {
 public:
  Sha256Sum() { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }

  void Add(const std::string& bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }

  // The digest; begins again.
  std::string Take() {
    std::string digest(EVP_MAX_MD_SIZE, '\0');
    unsigned int size = 0;
    EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()), &size);
    digest.resize(size);
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
    return digest;
  }

 private:
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_{EVP_MD_CTX_new(), EVP_MD_CTX_free};
};

}  // namespace

absl::Status SumRanges(const Snapshot& snapshot, const SnapshotRange& range, int entries_per_range,
                       const std::function<bool()>& stop, v1::RangeChecksumsResponse* response) {
  Sha256Sum sum;
  std::string bytes;
  std::string last_key;
  int64_t in_range = 0, in_all = 0;
  bool stopped = false;
  const auto close = [&](const std::string& until_key) {
    v1::RangeChecksum* closed = response->add_ranges();
    closed->set_until_key(until_key);
    closed->set_entry_count(std::exchange(in_range, 0));
    closed->set_sha256(sum.Take());
  };
  const absl::Status walked = snapshot.Walk(range, [&](absl::string_view key, stored::StoredEntry entry) {
    if (in_all % kEntriesPerStopCheck == 0 && stop()) {
      stopped = true;
      return false;
    }
    const bool full = entries_per_range > 0 && in_range >= entries_per_range;
    if (full && response->ranges_size() + 1 < kChecksumRangesMax) close(last_key);
    bytes.clear();
    AppendCanonical(ToReplicaEntry(std::move(entry)), &bytes);
    sum.Add(bytes);
    last_key.assign(key.data(), key.size());
    ++in_range;
    ++in_all;
    return true;
  });
  if (!walked.ok()) return walked;
  if (stopped) {
    return MakeError(absl::StatusCode::kDeadlineExceeded, v1::DEADLINE_PASSED,
                     "the deadline passed while summing up the entries");
  }
  close(range.until_key);
  response->set_entry_count(in_all);
  response->set_checksum_form(kChecksumForm);
  return absl::OkStatus();
}

absl::Status SumStore(const ListReader* list, const v1::RangeChecksumsRequest& request,
                      const std::function<bool()>& stop, v1::RangeChecksumsResponse* response) {
  absl::StatusOr<std::set<std::string>> tenants = TenantsOf(request.tenants());
  if (!tenants.ok()) return tenants.status();
  absl::Status keys = CheckLength(request.after_key(), kKeyBytesMax, "after_key");
  if (keys.ok()) keys = CheckLength(request.until_key(), kKeyBytesMax, "until_key");
  if (!keys.ok()) return keys;
  if (request.entries_per_range() < 0) {
    return InvalidArgument(v1::INVALID_FIELD, "entries_per_range must not be negative", "entries_per_range");
  }
  const absl::StatusOr<std::unique_ptr<Snapshot>> snapshot = list->TakeSnapshot();
  if (!snapshot.ok()) return snapshot.status();
  response->set_revision_token(EncodeToken({list->lineage(), (*snapshot)->revision()}));
  return SumRanges(**snapshot, {*std::move(tenants), request.after_key(), request.until_key()},
                   request.entries_per_range(), stop, response);
}

}  // namespace suppressd
