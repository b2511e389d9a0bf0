// Whether an identity may make a call: decided from what the access file grants it, and explained. Pure.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/access/access_file.h"
#include "server/access/permissions.h"

namespace suppressd {

// Lists that a call is about.
struct TenantsAsked {
  bool any = false;  // of none in particular, such as a state of health: a grant for one tenant will do
  bool all = false;  // of all at once
  std::vector<std::string> names;
};

// PERMISSION_DENIED (ACCESS_DENIED) when the identity has no role that allows it for each of the tenants, or calls from
// an address that it may not call from. `ip`: empty where it came over a Unix socket.
absl::Status Authorize(const Identity& identity, Permission permission, const TenantsAsked& tenants,
                       const std::string& ip);

// What somebody asks of an access file.
struct AccessQuestion {
  std::string identity;
  std::string call;    // "IsSuppressed", or in full "/suppressd.v1.SuppressionService/IsSuppressed"
  std::string tenant;  // empty: the identity's only one, else what the call means by none; "*": all at once
  std::string ip;      // empty: one that it may call from
};
struct AccessAnswer {
  std::string identity;
  std::string call;  // in full
  Permission permission = Permission::kHealth;
  std::string tenant;
  bool allowed = false;
  // A sentence: by which grant it is allowed, or what is missing.
  std::string why;
};

// One answer, or two: of Suppress and Reactivate also what is said of complaints and unsubscriptions, the second.
// NOT_FOUND when the file has no such identity, or there is no such call.
absl::StatusOr<std::vector<AccessAnswer>> ExplainAccess(const AccessFile& file, const AccessQuestion& question);

}  // namespace suppressd
