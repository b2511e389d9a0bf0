#include "server/admin/audit_reads.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "common/error.h"
#include "server/base/return_if_error.h"
#include "server/bounces/rules/address.h"
#include "server/rpc/field_checks.h"
#include "server/rpc/page_token.h"
#include "storage/revision_token.h"

namespace suppressd {
namespace {

constexpr int kPageSizeDefault = 100;
constexpr int kPageSizeMax = 1'000;

// The entry that a request names; an empty domain: none.
absl::StatusOr<Address> TargetOf(const v1::ListAuditRequest& request) {
  if (request.has_address()) return WithField(NormaliseAddress(request.address()), "address");
  if (request.has_domain()) return WithField(NormaliseDomain(request.domain()), "domain");
  return Address();
}

absl::StatusOr<std::optional<int64_t>> BoundOf(bool set, const google::protobuf::Timestamp& time,
                                               absl::string_view field) {
  if (!set) return std::nullopt;
  const absl::StatusOr<int64_t> micros = TimeOf(true, time, 0, field);
  if (!micros.ok()) return micros.status();
  return std::optional<int64_t>(*micros);
}

absl::StatusOr<AuditQuery> QueryOf(const v1::ListAuditRequest& request, uint64_t lineage) {
  AuditQuery query;
  absl::StatusOr<std::set<std::string>> tenants = TenantsOf(request.tenants());
  if (!tenants.ok()) return tenants.status();
  query.tenants = *std::move(tenants);
  RETURN_IF_ERROR(CheckLength(request.actor(), kLabelBytesMax, "actor"));
  query.actor = request.actor();
  absl::StatusOr<Address> target = TargetOf(request);
  if (!target.ok()) return target.status();
  query.domain = std::move(target->domain);
  query.local_part = std::move(target->local_part);
  RETURN_IF_ERROR(CheckLength(request.action(), kAuditActionBytesMax, "action"));
  query.action = request.action();
  const auto since = BoundOf(request.has_since(), request.since(), "since");
  if (!since.ok()) return since.status();
  query.since_micros = *since;
  const auto until = BoundOf(request.has_until(), request.until(), "until");
  if (!until.ok()) return until.status();
  query.until_micros = *until;
  if (request.page_size() < 0) {
    return InvalidArgument(v1::INVALID_PAGE_SIZE, "page_size must not be negative", "page_size");
  }
  query.page_size = request.page_size() == 0 ? kPageSizeDefault : std::min(request.page_size(), kPageSizeMax);
  if (request.page_token().empty()) return query;
  const absl::StatusOr<uint64_t> after = DecodePageToken(lineage, request);
  if (!after.ok()) return after.status();
  query.after_revision = *after;
  return query;
}

}  // namespace

absl::Status ListAudit(const ListReader& list, const v1::ListAuditRequest& request, v1::ListAuditResponse* response) {
  const absl::StatusOr<AuditQuery> query = QueryOf(request, list.lineage());
  if (!query.ok()) return query.status();
  absl::StatusOr<AuditPage> page = list.ListAudit(*query);
  if (!page.ok()) return page.status();
  for (v1::AuditRecord& record : page->records) *response->add_records() = std::move(record);
  response->set_next_page_token(EncodePageToken(list.lineage(), request, page->next_after_revision));
  *response->mutable_head() = std::move(page->head);
  response->set_revision_token(EncodeToken({list.lineage(), page->revision}));
  return absl::OkStatus();
}

}  // namespace suppressd
