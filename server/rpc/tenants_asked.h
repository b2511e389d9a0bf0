// Which lists a request is about, and what it needs beyond what its call needs: by the fields that requests have in
// common.
#pragma once

#include <algorithm>
#include <string>

#include "server/access/authorize.h"
#include "server/rpc/field_checks.h"
#include "suppressd/v1/admin_service.pb.h"
#include "suppressd/v1/replication.pb.h"
#include "suppressd/v1/suppression_service.pb.h"

namespace suppressd {

// The list that requests mean that name none.
inline constexpr char kDefaultTenant[] = "default";

template <typename Request>
concept NamesOneTenant = requires(Request request) {
  request.set_tenant(std::string());
};
template <typename Request>
concept NamesTenants = requires(Request request) {
  request.add_tenants(std::string());
};
template <typename Request>
concept HoldsReport = requires(Request request) {
  request.mutable_report()->set_tenant(std::string());
};

template <typename Request>
TenantsAsked TenantsOfRequest(const Request& request) {
  TenantsAsked asked;
  if constexpr (NamesOneTenant<Request>) {
    asked.names = {request.tenant().empty() ? kDefaultTenant : request.tenant()};
  } else if constexpr (HoldsReport<Request>) {
    asked.names = {request.report().tenant().empty() ? kDefaultTenant : request.report().tenant()};
  } else if constexpr (NamesTenants<Request>) {
    asked.all = request.tenants().empty();
    asked.names.assign(request.tenants().begin(), request.tenants().end());
  } else {
    asked.any = true;
  }
  return asked;
}

// Names the only list of a caller where the request names none; nothing: the caller has several.
template <typename Request>
void FillInTenant(const std::string& only, Request* request) {
  if (only.empty()) return;
  if constexpr (NamesOneTenant<Request>) {
    if (request->tenant().empty()) request->set_tenant(only);
  } else if constexpr (HoldsReport<Request>) {
    if (request->report().tenant().empty()) request->mutable_report()->set_tenant(only);
  } else if constexpr (NamesTenants<Request>) {
    if (request->tenants().empty()) request->add_tenants(only);
  }
}

template <typename Request>
Permission NeededFor(Permission permission, const Request&) {
  return permission;
}
// Complaints and unsubscriptions are their owner's word: who lifts or makes them up needs more than who lifts a bounce.
inline Permission NeededFor(Permission permission, const v1::ReactivateRequest& request) {
  const auto is_owners_word = [](const v1::CauseSelector& cause) {
    return cause.type() == v1::Cause::COMPLAINT || cause.type() == v1::Cause::UNSUBSCRIBE;
  };
  const bool consent =
      request.has_consent() || std::any_of(request.causes().begin(), request.causes().end(), is_owners_word);
  return consent ? Permission::kConsent : permission;
}
inline Permission NeededFor(Permission permission, const v1::SuppressRequest& request) {
  const bool consent = request.type() == v1::Cause::COMPLAINT || request.type() == v1::Cause::UNSUBSCRIBE;
  return consent ? Permission::kConsent : permission;
}

// The exact texts of bounces are more than a list.
inline Permission NeededFor(Permission permission, const v1::ExportRequest& request) {
  return request.with_history() ? Permission::kDiagnose : permission;
}

// How much of a quota a request takes: each address that is asked about, as far as a batch may ask, else one.
template <typename Request>
int64_t CountForQuota(const Request&) {
  return 1;
}
inline int64_t CountForQuota(const v1::BatchIsSuppressedRequest& request) {
  return std::clamp<int64_t>(request.addresses_size(), 1, kBatchMax);
}
inline int64_t CountForQuota(const v1::ImportRequest& request) {
  return std::clamp<int64_t>(request.rows_size(), 1, kBatchMax);
}

}  // namespace suppressd
