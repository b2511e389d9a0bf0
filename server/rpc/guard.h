// Who makes a call, whether it may be made, and whether its tenant's quota allows one more: what every call passes
// before its handler begins.
//
// Calls of our own services pass in server/rpc/unreadable_request.h, where they are registered. Those of gRPC's
// (reflection, channelz) pass in an interceptor (GuardForeignCalls); health is for everyone.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_interceptor.h"
#include "server/access/access_control.h"
#include "server/access/quotas.h"
#include "server/rpc/denied_calls.h"
#include "server/rpc/tenants_asked.h"

namespace suppressd {

// What the transport and the call's headers say of a caller.
PeerFacts FactsOf(const grpc::ServerContextBase& context);

// Thread-safe.
class Guard {
 public:
  // `access` may be null: everyone may do everything, and nobody has a name. `quotas` may be null: there are none. Both
  // must outlive this.
  explicit Guard(const AccessControl* access, Quotas* quotas = nullptr) : access_(access), quotas_(quotas) {}

  bool on() const { return access_ != nullptr; }
  // From now on calls of known identities that lack a role, but those for check and health, are noted there too. Null:
  // nowhere. Before any call; it must outlive the last one.
  void NoteDenied(DeniedCalls* denied) { denied_calls_ = denied; }

  // Whether the call may be made. An empty list of tenants is filled in where the caller has a single one. Refusals are
  // logged and counted. UNAUTHENTICATED, PERMISSION_DENIED: AccessControl. RESOURCE_EXHAUSTED (QUOTA_EXCEEDED).
  template <typename Request>
  absl::Status Admit(const grpc::ServerContextBase& context, absl::string_view method, Permission permission,
                     Request* request) const {
    if (on()) {
      const absl::StatusOr<Caller> caller = CallerOf(context);
      if (!caller.ok()) return Refuse(context, method, "", caller.status());
      if (caller->identity == nullptr) return absl::OkStatus();
      FillInTenant(caller->identity->only_tenant, request);
      absl::Status decided =
          Decide(context, method, *caller, NeededFor(permission, *request), TenantsOfRequest(*request));
      if (!decided.ok()) return decided;
    }
    if (quotas_ == nullptr) return absl::OkStatus();
    return TakeQuota(permission, TenantsOfRequest(*request), CountForQuota(*request));
  }
  // The same for a call that is about no list.
  absl::Status AdmitForeign(const grpc::ServerContextBase& context, absl::string_view method) const;

  // The name of who makes a call that was admitted; empty: nobody has a name here.
  std::string NameOf(const grpc::ServerContextBase& context) const;

  // Calls refused so far, for want of an identity, and for want of a role.
  int64_t unauthenticated() const { return unauthenticated_.load(std::memory_order_relaxed); }
  int64_t denied() const { return denied_.load(std::memory_order_relaxed); }

 private:
  struct Caller {
    std::shared_ptr<const Identity> identity;  // null: this process itself
    std::string ip;
  };
  absl::StatusOr<Caller> CallerOf(const grpc::ServerContextBase& context) const;
  absl::Status Decide(const grpc::ServerContextBase& context, absl::string_view method, const Caller& caller,
                      Permission permission, const TenantsAsked& tenants) const;
  // Of each list that a request names. A name that is not well-formed is its handler's to refuse.
  absl::Status TakeQuota(Permission permission, const TenantsAsked& tenants, int64_t count) const;
  // For the audit trail. No permission: the call is not known.
  void NoteDenial(const std::string& identity, absl::string_view method, std::optional<Permission> permission,
                  const TenantsAsked& tenants) const;
  absl::Status Refuse(const grpc::ServerContextBase& context, absl::string_view method, const std::string& identity,
                      const absl::Status& why) const;

  const AccessControl* const access_;
  Quotas* const quotas_;
  DeniedCalls* denied_calls_ = nullptr;
  mutable std::atomic<int64_t> unauthenticated_{0};
  mutable std::atomic<int64_t> denied_{0};
};

// For the builder of a server: calls of gRPC's own services are refused to those who may not make them. `guard` must
// outlive the server.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> GuardForeignCalls(const Guard* guard);

}  // namespace suppressd
