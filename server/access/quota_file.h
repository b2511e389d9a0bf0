// How much each tenant may ask of a server in a second: a YAML file (docs/access.md, "Quotas").
//
//   quotas:
//     - tenant: "*"                # each tenant that has no item of its own
//       checks_per_second: 2000
//       writes_per_second: 100
//       listings_per_second: 20
//     - tenant: news
//       checks_per_second: 20000
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/access/permissions.h"

namespace suppressd {

// What is counted together.
enum class QuotaKind {
  kChecks = 0,    // each address that is asked about
  kWrites = 1,    // each report, Suppress, Reactivate
  kListings = 2,  // each page of entries, each count, the details of each entry, each Watch that begins
};
inline constexpr int kQuotaKinds = 3;
// "checks", "writes", "listings".
absl::string_view QuotaKindName(QuotaKind kind);
// What calls that need a permission count as; nothing: they are not counted (replication, status, reflection).
std::optional<QuotaKind> QuotaKindFor(Permission permission);

// Of one tenant, a second; by kind. Zero: no limit.
struct Quota {
  std::array<int, kQuotaKinds> per_second{};
};

class QuotaFile {
 public:
  static constexpr int kPerSecondMax = 10'000'000;

  // INVALID_ARGUMENT: "NAME:LINE: what".
  static absl::StatusOr<QuotaFile> Parse(absl::string_view name, absl::string_view text);

  const Quota& For(absl::string_view tenant) const;
  // Whether it has an item of its own.
  bool Names(absl::string_view tenant) const { return tenants_.find(tenant) != tenants_.end(); }

 private:
  std::map<std::string, Quota, std::less<>> tenants_;
  Quota others_;
};

}  // namespace suppressd
