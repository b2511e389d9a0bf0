#include "server/list/requests.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "server/base/return_if_error.h"
#include "server/list/address_search.h"
#include "server/list/start_command.h"
#include "server/rpc/field_checks.h"
#include "server/rpc/page_token.h"
#include "storage/revision_token.h"

namespace suppressd {
namespace {

constexpr int kSelectorsMax = 64;
constexpr int kPageSizeDefault = 100;
constexpr int kPageSizeMax = 1'000;

// Entries that never were suppressed have neither causes nor a place in the index by time.
absl::Status CheckNeverSuppressed(const ListFilter& filter) {
  const bool filtered = !filter.reasons.empty() || !filter.cause_types.empty() || filter.stream.has_value() ||
                        !filter.source.empty() || filter.listed_from_micros != 0 || filter.listed_before_micros != 0;
  if (!filtered) return absl::OkStatus();
  return InvalidArgument(
      v1::INVALID_FIELD,
      "state NEVER_SUPPRESSED goes with no other filter than domain, address_prefix and address_contains",
      "filter.state");
}

absl::StatusOr<ListFilter> FilterOf(const v1::SuppressionFilter& from) {
  ListFilter filter;
  if (!v1::SuppressionFilter::State_IsValid(from.state())) return UnknownEnum("filter.state");
  if (from.state() != v1::SuppressionFilter::STATE_UNSPECIFIED) filter.state = from.state();
  for (const int reason : from.reasons()) {
    if (!v1::BounceReason_IsValid(reason)) return UnknownEnum("filter.reasons");
    filter.reasons.push_back(static_cast<v1::BounceReason>(reason));
  }
  for (const int type : from.cause_types()) {
    if (!v1::Cause::Type_IsValid(type) || type == v1::Cause::TYPE_UNSPECIFIED) return UnknownEnum("filter.cause_types");
    filter.cause_types.push_back(static_cast<v1::Cause::Type>(type));
  }
  RETURN_IF_ERROR(CheckListLength(filter.reasons.size(), "filter.reasons"));
  RETURN_IF_ERROR(CheckListLength(filter.cause_types.size(), "filter.cause_types"));
  if (from.has_stream()) {
    RETURN_IF_ERROR(CheckStream(from.stream(), "filter.stream"));
    filter.stream = from.stream();
  }
  RETURN_IF_ERROR(CheckLength(from.source(), kLabelBytesMax, "filter.source"));
  filter.source = from.source();
  if (!from.domain().empty()) {
    absl::StatusOr<Address> domain = WithField(NormaliseDomain(from.domain()), "filter.domain");
    if (!domain.ok()) return domain.status();
    filter.domain = domain->domain;
  }
  absl::StatusOr<std::string> prefix = SearchText(from.address_prefix(), "filter.address_prefix");
  if (!prefix.ok()) return prefix.status();
  filter.address_prefix = *std::move(prefix);
  absl::StatusOr<std::string> part = SearchText(from.address_contains(), "filter.address_contains");
  if (!part.ok()) return part.status();
  if (!from.address_contains().empty() && from.address_contains().size() < kSearchBytesMin) {
    return InvalidArgument(v1::INVALID_FIELD, "address_contains must have 3 bytes or more", "filter.address_contains");
  }
  filter.address_contains = *std::move(part);
  const auto listed_from = TimeOf(from.has_listed_from(), from.listed_from(), 0, "filter.listed_from");
  if (!listed_from.ok()) return listed_from.status();
  const auto before = TimeOf(from.has_listed_before(), from.listed_before(), 0, "filter.listed_before");
  if (!before.ok()) return before.status();
  filter.listed_from_micros = *listed_from;
  filter.listed_before_micros = *before;
  if (filter.state == v1::SuppressionFilter::NEVER_SUPPRESSED) RETURN_IF_ERROR(CheckNeverSuppressed(filter));
  return filter;
}

// Tenant, filter and time of a query.
template <typename Request>
absl::StatusOr<ListQuery> StartQuery(const Request& request, absl::Time now) {
  ListQuery query;
  absl::StatusOr<std::string> tenant = TenantOf(request.tenant());
  if (!tenant.ok()) return tenant.status();
  query.tenant = *std::move(tenant);
  absl::StatusOr<ListFilter> filter = FilterOf(request.filter());
  if (!filter.ok()) return filter.status();
  query.filter = *std::move(filter);
  query.now_micros = absl::ToUnixMicros(now);
  return query;
}

}  // namespace

absl::Status NoTarget() {
  return InvalidArgument(v1::MISSING_FIELD, "one of address and domain must be set", "address");
}

absl::StatusOr<stored::Command> MakeSuppressCommand(const v1::SuppressRequest& request, absl::Time now) {
  absl::StatusOr<stored::Command> command = StartCommand("Suppress", request, now);
  if (!command.ok()) return command;
  const absl::StatusOr<Address> target = TargetOf(request);
  if (!target.ok()) return target.status();
  RETURN_IF_ERROR(CheckStream(request.stream()));
  RETURN_IF_ERROR(CheckRequired(request.note(), kNoteBytesMax, "note"));
  RETURN_IF_ERROR(CheckLength(request.on_behalf_of(), kLabelBytesMax, "on_behalf_of"));
  RETURN_IF_ERROR(CheckLength(request.source(), kLabelBytesMax, "source"));
  if (!v1::Cause::Type_IsValid(request.type())) return UnknownEnum("type");
  if (!v1::BounceReason_IsValid(request.reason())) return UnknownEnum("reason");
  const v1::Cause::Type type = request.type() == v1::Cause::TYPE_UNSPECIFIED ? v1::Cause::MANUAL : request.type();
  if (type == v1::Cause::HARD_BOUNCE || type == v1::Cause::SOFT_BOUNCE) {
    return InvalidArgument(v1::INVALID_FIELD, "bounces come through ReportBounce", "type");
  }
  if (type != v1::Cause::MANUAL && request.reason() != v1::BOUNCE_REASON_UNSPECIFIED) {
    return InvalidArgument(v1::INVALID_FIELD, "only a MANUAL cause can have a bounce reason", "reason");
  }
  const auto expires = TimeOf(request.has_expires_at(), request.expires_at(), 0, "expires_at");
  if (!expires.ok()) return expires.status();
  if (request.has_expires_at() && *expires <= absl::ToUnixMicros(now)) {
    return InvalidArgument(v1::INVALID_FIELD, "expires_at is not in the future", "expires_at");
  }
  command->set_on_behalf_of(request.on_behalf_of());
  stored::SuppressOperation* operation = command->mutable_suppress();
  SetTarget(*target, request.address(), operation->mutable_target());
  v1::Cause* cause = operation->mutable_cause();
  cause->set_type(type);
  cause->set_reason(request.reason());
  cause->set_stream(request.stream());
  cause->set_note(request.note());
  cause->set_source(request.source());
  cause->set_on_behalf_of(request.on_behalf_of());
  if (request.has_expires_at()) *cause->mutable_expires_at() = FromMicros(*expires);
  return command;
}

absl::StatusOr<stored::Command> MakeReactivateCommand(const v1::ReactivateRequest& request, absl::Time now,
                                                      uint64_t lineage) {
  absl::StatusOr<stored::Command> command = StartCommand("Reactivate", request, now);
  if (!command.ok()) return command;
  const absl::StatusOr<Address> target = TargetOf(request);
  if (!target.ok()) return target.status();
  RETURN_IF_ERROR(CheckRequired(request.note(), kNoteBytesMax, "note"));
  RETURN_IF_ERROR(CheckLength(request.on_behalf_of(), kLabelBytesMax, "on_behalf_of"));
  if (request.causes_size() > kSelectorsMax) {
    return InvalidArgument(v1::FIELD_TOO_LONG, absl::StrCat("causes holds more than ", kSelectorsMax, " selectors"),
                           "causes");
  }
  command->set_on_behalf_of(request.on_behalf_of());
  stored::ReactivateOperation* operation = command->mutable_reactivate();
  SetTarget(*target, request.address(), operation->mutable_target());
  operation->set_note(request.note());
  if (!request.unchanged_since().empty()) {
    const absl::StatusOr<RevisionToken> token = DecodeToken(request.unchanged_since(), lineage, "unchanged_since");
    if (!token.ok()) return token.status();
    // Revision 0 is before every entry.
    operation->set_unchanged_since_revision(std::max<uint64_t>(token->revision, 1));
  }
  for (const v1::CauseSelector& selector : request.causes()) {
    if (!v1::Cause::Type_IsValid(selector.type())) return UnknownEnum("causes.type");
    if (!v1::BounceReason_IsValid(selector.reason())) return UnknownEnum("causes.reason");
    if (selector.type() == v1::Cause::TYPE_UNSPECIFIED) {
      return InvalidArgument(v1::MISSING_FIELD, "causes.type must be set", "causes.type");
    }
    RETURN_IF_ERROR(CheckStream(selector.stream(), "causes.stream"));
    *operation->add_selectors() = selector;
  }
  if (request.has_consent()) {
    RETURN_IF_ERROR(CheckRequired(request.consent().evidence(), kNoteBytesMax, "consent.evidence"));
    if (!request.consent().has_obtained_at()) {
      return InvalidArgument(v1::MISSING_FIELD, "consent.obtained_at must be set", "consent.obtained_at");
    }
    const auto obtained = TimeOf(true, request.consent().obtained_at(), 0, "consent.obtained_at");
    if (!obtained.ok()) return obtained.status();
    if (*obtained > absl::ToUnixMicros(now)) {
      return InvalidArgument(v1::INVALID_FIELD, "consent.obtained_at is in the future", "consent.obtained_at");
    }
    *operation->mutable_consent()->mutable_obtained_at() = FromMicros(*obtained);
    operation->mutable_consent()->set_evidence(request.consent().evidence());
  }
  return command;
}

absl::StatusOr<ListQuery> MakeListQuery(const v1::ListSuppressionsRequest& request, absl::Time now, uint64_t lineage) {
  absl::StatusOr<ListQuery> query = StartQuery(request, now);
  if (!query.ok()) return query;
  if (request.page_size() < 0) {
    return InvalidArgument(v1::INVALID_PAGE_SIZE, "page_size must not be negative", "page_size");
  }
  query->page_size = request.page_size() == 0 ? kPageSizeDefault : std::min(request.page_size(), kPageSizeMax);
  if (!v1::ListSuppressionsRequest::Order_IsValid(request.order())) return UnknownEnum("order");
  if (request.order() != v1::ListSuppressionsRequest::ORDER_UNSPECIFIED) query->order = request.order();
  if (query->filter.state == v1::SuppressionFilter::NEVER_SUPPRESSED &&
      query->order != v1::ListSuppressionsRequest::BY_ADDRESS) {
    return InvalidArgument(v1::INVALID_FIELD, "state NEVER_SUPPRESSED can be listed BY_ADDRESS only", "order");
  }
  if (!request.page_token().empty()) RETURN_IF_ERROR(DecodePageToken(lineage, request, &*query));
  return query;
}

absl::StatusOr<ListQuery> MakeCountQuery(const v1::CountSuppressionsRequest& request, absl::Time now) {
  return StartQuery(request, now);
}

absl::StatusOr<ListQuery> MakeExportQuery(const v1::ExportRequest& request, absl::Time now) {
  absl::StatusOr<ListQuery> query = StartQuery(request, now);
  if (!query.ok() || request.filter().state() != v1::SuppressionFilter::STATE_UNSPECIFIED) return query;
  query->filter.state = v1::SuppressionFilter::EVER_SUPPRESSED;
  query->filter.or_never_suppressed = true;
  return query;
}

}  // namespace suppressd
