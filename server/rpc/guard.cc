#include "server/rpc/guard.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/error.h"
#include "server/base/log.h"
#include "server/bounces/rules/names.h"
#include "server/rpc/field_checks.h"
#include "server/rpc/grpc_status.h"

namespace suppressd {
namespace {

// "ipv4:192.0.2.1:4000" and "ipv6:%5B2001:db8::1%5D:4000", as gRPC writes them.
std::string IpOf(absl::string_view peer) {
  const bool v6 = absl::ConsumePrefix(&peer, "ipv6:");
  if (!v6 && !absl::ConsumePrefix(&peer, "ipv4:")) return "";
  peer = peer.substr(0, peer.rfind(':'));
  for (const absl::string_view bracket : {"[", "%5B", "%5b"}) absl::ConsumePrefix(&peer, bracket);
  for (const absl::string_view bracket : {"]", "%5D", "%5d"}) absl::ConsumeSuffix(&peer, bracket);
  return std::string(peer.substr(0, peer.find('%')));  // without a zone
}

// "unix:/uid/1000/gid/100", as server/gate/socket_gate.cc has it.
void ReadUnixPeer(absl::string_view peer, PeerFacts* facts) {
  if (!absl::ConsumePrefix(&peer, "unix:/uid/")) return;
  const size_t end = peer.find("/gid/");
  uint32_t uid = 0;
  uint32_t gid = 0;
  if (end == absl::string_view::npos || !absl::SimpleAtoi(peer.substr(0, end), &uid) ||
      !absl::SimpleAtoi(peer.substr(end + 5), &gid)) {
    return;
  }
  facts->uid = uid;
  facts->gid = gid;
}

// The names of a certificate, which gRPC has verified: our ports never ask for one without that.
void ReadCertificate(const grpc::AuthContext& context, PeerFacts* facts) {
  for (const auto& [property, prefix] : {std::pair("peer_uri", "uri:"), std::pair("peer_dns", "dns:")}) {
    for (const grpc::string_ref& value : context.FindPropertyValues(property)) {
      facts->certificate_names.push_back(prefix + std::string(value.data(), value.size()));
    }
  }
}

}  // namespace

PeerFacts FactsOf(const grpc::ServerContextBase& context) {
  PeerFacts facts;
  const std::string peer = context.peer();
  facts.ip = IpOf(peer);
  ReadUnixPeer(peer, &facts);
  if (const auto certificate = context.auth_context(); certificate != nullptr) ReadCertificate(*certificate, &facts);
  const auto headers = context.client_metadata().equal_range("authorization");
  for (auto header = headers.first; header != headers.second; ++header) {
    absl::string_view value(header->second.data(), header->second.size());
    const bool is_bearer = absl::StartsWithIgnoreCase(value, "bearer ") && value.size() > 7;
    facts.bad_authorization = !is_bearer || facts.bearer.has_value();
    if (facts.bad_authorization) break;
    facts.bearer = std::string(value.substr(7));
  }
  return facts;
}

absl::StatusOr<Guard::Caller> Guard::CallerOf(const grpc::ServerContextBase& context) const {
  PeerFacts facts = FactsOf(context);
  absl::StatusOr<std::shared_ptr<const Identity>> identity = access_->Authenticate(facts);
  if (!identity.ok()) return identity.status();
  return Caller{*std::move(identity), std::move(facts.ip)};
}

absl::Status Guard::Decide(const grpc::ServerContextBase& context, absl::string_view method, const Caller& caller,
                           Permission permission, const TenantsAsked& tenants) const {
  absl::Status decided = Authorize(*caller.identity, permission, tenants, caller.ip);
  if (decided.ok()) return decided;
  NoteDenial(caller.identity->name, method, permission, tenants);
  return Refuse(context, method, caller.identity->name, decided);
}

// Checks are left out: a sender that is set up wrongly makes thousands a second, and they change and tell nothing.
void Guard::NoteDenial(const std::string& identity, absl::string_view method, std::optional<Permission> permission,
                       const TenantsAsked& tenants) const {
  if (denied_calls_ == nullptr || permission == Permission::kHealth || permission == Permission::kCheck) return;
  // One list at most is named: a record is about one, and a name that is none is a stranger's text.
  const bool is_one = !tenants.any && !tenants.all && tenants.names.size() == 1 && IsName(tenants.names[0]);
  denied_calls_->Add({identity, std::string(method), is_one ? tenants.names[0] : ""});
}

absl::Status Guard::AdmitForeign(const grpc::ServerContextBase& context, absl::string_view method) const {
  const std::optional<Permission> permission = PermissionFor(method);
  if (!on() || permission == Permission::kHealth) return absl::OkStatus();
  const absl::StatusOr<Caller> caller = CallerOf(context);
  if (!caller.ok()) return Refuse(context, method, "", caller.status());
  if (caller->identity == nullptr) return absl::OkStatus();
  if (!permission.has_value()) {
    NoteDenial(caller->identity->name, method, permission, TenantsAsked());
    return Refuse(context, method, caller->identity->name,
                  MakeError(absl::StatusCode::kPermissionDenied, v1::ACCESS_DENIED, "nobody may make this call"));
  }
  TenantsAsked none;
  none.any = true;
  return Decide(context, method, *caller, *permission, none);
}

absl::Status Guard::TakeQuota(Permission permission, const TenantsAsked& tenants, int64_t count) const {
  const std::optional<QuotaKind> kind = QuotaKindFor(permission);
  // More names than a request may have are its handler's to refuse, too.
  if (!kind.has_value() || tenants.names.size() > kTenantsMax) return absl::OkStatus();
  for (const std::string& tenant : tenants.names) {
    if (!IsName(tenant)) continue;
    const std::optional<Quotas::Exceeded> exceeded = quotas_->Take(tenant, *kind, count);
    if (!exceeded.has_value()) continue;
    const std::string allows = absl::StrCat(QuotaKindName(*kind), ": ", exceeded->per_second, " a second");
    absl::Status refused = MakeError(absl::StatusCode::kResourceExhausted, v1::QUOTA_EXCEEDED,
                                     absl::StrCat("the tenant has used up its quota of ", allows), "tenant");
    refused = WithQuotaFailure(std::move(refused), absl::StrCat("tenant:", tenant), allows);
    return WithRetryAfter(std::move(refused), std::max(exceeded->retry_after, absl::Milliseconds(1)));
  }
  return absl::OkStatus();
}

absl::Status Guard::Refuse(const grpc::ServerContextBase& context, absl::string_view method,
                           const std::string& identity, const absl::Status& why) const {
  (absl::IsUnauthenticated(why) ? unauthenticated_ : denied_).fetch_add(1, std::memory_order_relaxed);
  LogWarning("access_denied", {{"identity", identity},
                               {"method", std::string(method)},
                               {"peer", context.peer()},
                               {"reason", ReasonName(ReasonOf(why))},
                               {"error", std::string(why.message())}});
  return why;
}

std::string Guard::NameOf(const grpc::ServerContextBase& context) const {
  if (!on()) return "";
  const absl::StatusOr<Caller> caller = CallerOf(context);
  return caller.ok() && caller->identity != nullptr ? caller->identity->name : "";
}

namespace {

// Lets a call begin, and takes its answer away when it may not be made: an interceptor can do no less.
class ForeignCall final : public grpc::experimental::Interceptor {
 public:
  ForeignCall(const Guard* guard, grpc::experimental::ServerRpcInfo* info) : guard_(guard), info_(info) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    using grpc::experimental::InterceptionHookPoints;
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_INITIAL_METADATA)) {
      refused_ = guard_->AdmitForeign(*info_->server_context(), info_->method());
    }
    if (!refused_.ok()) {
      if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_MESSAGE)) {
        methods->GetSerializedSendMessage()->Clear();
      }
      if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
        methods->ModifySendStatus(ToGrpcStatus(refused_));
      }
    }
    methods->Proceed();
  }

 private:
  const Guard* const guard_;
  grpc::experimental::ServerRpcInfo* const info_;
  absl::Status refused_;
};

class ForeignCalls final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit ForeignCalls(const Guard* guard) : guard_(guard) {}

  grpc::experimental::Interceptor* CreateServerInterceptor(grpc::experimental::ServerRpcInfo* info) override {
    const absl::string_view method = info->method();
    return absl::StartsWith(method, "/suppressd.") ? nullptr : new ForeignCall(guard_, info);
  }

 private:
  const Guard* const guard_;
};

}  // namespace

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> GuardForeignCalls(const Guard* guard) {
  return std::make_unique<ForeignCalls>(guard);
}

}  // namespace suppressd
