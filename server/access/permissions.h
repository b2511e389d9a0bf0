// What a call needs, and what each role gives: the two tables that decide who may do what.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace suppressd {

// What a caller may be allowed, for one list or for all.
enum class Permission {
  kHealth = 0,  // ask whether the server serves; everyone may, also who has no identity
  kCheck,       // ask whether an address is suppressed
  kReport,      // report bounces and complaints
  kList,        // list and count entries, watch changes
  kDiagnose,    // read the exact texts of bounces
  kReactivate,  // lift bounces and entries made by hand
  kSuppress,    // put addresses and domains on the list by hand
  kConsent,     // lift or add complaints and unsubscriptions
  kImport,      // take a list that was kept elsewhere, whatever its rows say
  kBackUp,      // have a backup made, and see those that there are
  kReplicate,   // take the list as a replica, and deliver its reports
  kStatus,      // see replicas and how a sidecar is doing
  kReflect,     // read the descriptions of the services
  kInspect,     // see connections and calls (channelz)
  kAudit,       // read the audit trail, texts included
};
inline constexpr int kPermissions = 15;
absl::string_view PermissionName(Permission permission);

// A set of permissions.
using Permissions = uint32_t;
constexpr Permissions Only(Permission permission) {
  return Permissions{1} << static_cast<int>(permission);
}

struct Role {
  absl::string_view name;
  absl::string_view what;  // for documents and messages
  Permissions permissions;
};
// All roles, the smallest first.
absl::Span<const Role> Roles();
// Null: there is none of that name.
const Role* FindRole(absl::string_view name);

// Which lists a call is about.
enum class TenantsNamed {
  kOne,   // the one that its request names, or that of the caller
  kMany,  // those that its request names; all, where it names none
  kNone,
};

struct CallPermission {
  absl::string_view method;  // "/suppressd.v1.SuppressionService/IsSuppressed"
  Permission permission;
  TenantsNamed tenants = TenantsNamed::kOne;
};
// Every call that the server serves, of its own services and of the libraries'.
absl::Span<const CallPermission> CallPermissions();
// What a call needs; nothing: the call is not known, and nobody may make it.
std::optional<Permission> PermissionFor(absl::string_view method);

}  // namespace suppressd
