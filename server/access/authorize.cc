#include "server/access/authorize.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error.h"

namespace suppressd {
namespace {

constexpr char kAllTenants[] = "*";
constexpr char kDefaultTenantName[] = "default";

absl::Status Denied(absl::string_view what) {
  return MakeError(absl::StatusCode::kPermissionDenied, v1::ACCESS_DENIED, what);
}

bool May(Permissions permissions, Permission permission) {
  return (permissions & Only(permission)) != 0;
}

// The first grant that gives it; null: none does.
const Grant* GrantFor(const Identity& identity, Permission permission, const std::string& tenant, bool any) {
  for (const Grant& grant : identity.grants) {
    const bool covers = any || grant.tenants.contains(kAllTenants) || grant.tenants.contains(tenant);
    if (covers && May(grant.permissions, permission)) return &grant;
  }
  return nullptr;
}

// The roles that give a permission, of these or of all.
std::string RolesThatGive(Permission permission, const std::set<std::string>* among) {
  std::vector<absl::string_view> names;
  for (const Role& role : Roles()) {
    const bool asked = among == nullptr || among->contains(std::string(role.name));
    if (asked && May(role.permissions, permission)) names.push_back(role.name);
  }
  return absl::StrJoin(names, ", ");
}

const CallPermission* FindCall(const std::string& name) {
  for (const CallPermission& call : CallPermissions()) {
    if (call.method == name || absl::EndsWith(call.method, absl::StrCat("/", name))) return &call;
  }
  return nullptr;
}

AccessAnswer Explain(const Identity& identity, const AccessQuestion& question, const CallPermission& call,
                     Permission permission, const std::string& tenant) {
  AccessAnswer answer{.identity = identity.name,
                      .call = std::string(call.method),
                      .permission = permission,
                      .tenant = tenant,
                      .allowed = false,
                      .why = ""};
  if (permission == Permission::kHealth) {
    answer.allowed = true;
    answer.why = "everyone may ask whether the server serves";
    return answer;
  }
  // As the guard asks (server/rpc/tenants_asked.h).
  const bool any = call.tenants == TenantsNamed::kNone;
  const TenantsAsked asked{.any = any, .all = !any && tenant == kAllTenants, .names = {tenant}};
  const absl::Status decided = Authorize(identity, permission, asked, question.ip);
  answer.allowed = decided.ok();
  const Grant* const grant = GrantFor(identity, permission, tenant, any);
  if (decided.ok() && grant != nullptr) {
    answer.why =
        absl::StrCat("the grant in line ", grant->line, " gives it by ", RolesThatGive(permission, &grant->roles));
  } else {
    answer.why = std::string(decided.message());
    if (grant == nullptr) absl::StrAppend(&answer.why, "; these would: ", RolesThatGive(permission, nullptr));
  }
  return answer;
}

}  // namespace

absl::Status Authorize(const Identity& identity, Permission permission, const TenantsAsked& tenants,
                       const std::string& ip) {
  if (!identity.networks.empty() && !ip.empty()) {
    const auto contains = [&ip](const Network& network) { return network.Contains(ip); };
    if (std::none_of(identity.networks.begin(), identity.networks.end(), contains)) {
      return Denied(absl::StrCat(identity.name, " may not call from this address"));
    }
  }
  const absl::string_view what = PermissionName(permission);
  if (tenants.any) {
    for (const Grant& grant : identity.grants) {
      if (May(grant.permissions, permission)) return absl::OkStatus();
    }
    return Denied(absl::StrCat("no role of ", identity.name, " gives it \"", what, "\""));
  }
  if (tenants.all) {
    if (May(identity.ForAll(), permission)) return absl::OkStatus();
    return Denied(absl::StrCat("no role of ", identity.name, " gives it \"", what, "\" for all tenants (\"*\")"));
  }
  for (const std::string& tenant : tenants.names) {
    if (May(identity.For(tenant), permission)) continue;
    return Denied(absl::StrCat("no role of ", identity.name, " gives it \"", what, "\" for this tenant"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<AccessAnswer>> ExplainAccess(const AccessFile& file, const AccessQuestion& question) {
  const AccessFile::Found identity = file.ByName(question.identity);
  if (identity == nullptr) {
    return absl::NotFoundError(absl::StrCat("the access file names no identity \"", question.identity, "\""));
  }
  const CallPermission* const call = FindCall(question.call);
  if (call == nullptr) return absl::NotFoundError(absl::StrCat("there is no call \"", question.call, "\""));
  std::string tenant = question.tenant;
  if (tenant.empty()) tenant = identity->only_tenant;
  if (tenant.empty()) tenant = call->tenants == TenantsNamed::kMany ? kAllTenants : kDefaultTenantName;
  std::vector<AccessAnswer> answers = {Explain(*identity, question, *call, call->permission, tenant)};
  if (call->permission == Permission::kSuppress || call->permission == Permission::kReactivate) {
    answers.push_back(Explain(*identity, question, *call, Permission::kConsent, tenant));
  }
  return answers;
}

}  // namespace suppressd
