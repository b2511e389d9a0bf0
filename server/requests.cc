#include "server/requests.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/error.h"
#include "server/field_checks.h"
#include "server/page_token.h"
#include "server/return_if_error.h"
#include "server/start_command.h"
#include "storage/revision_token.h"

namespace suppression {
namespace {

constexpr int kSelectorsMax = 64;
constexpr int kPageSizeDefault = 100;
constexpr int kPageSizeMax = 1'000;

// Entries that never were suppressed have neither causes nor a place in the index by time.
absl::Status CheckNeverSuppressed(const v1::ListSuppressionsRequest& request) {
  if (request.order() != v1::ListSuppressionsRequest::BY_ADDRESS) {
    return InvalidArgument(v1::INVALID_FIELD, "state NEVER_SUPPRESSED can be listed BY_ADDRESS only", "order");
  }
  const bool filtered = request.reason() != v1::BOUNCE_REASON_UNSPECIFIED || !request.source().empty() ||
                        request.cause_type() != v1::Cause::TYPE_UNSPECIFIED || request.has_listed_from() ||
                        request.has_listed_before();
  if (!filtered) return absl::OkStatus();
  return InvalidArgument(v1::INVALID_FIELD, "state NEVER_SUPPRESSED goes with no other filter than domain", "state");
}

}  // namespace

absl::StatusOr<Address> TargetOf(const std::string& address, const std::string& domain) {
  if (!address.empty() && !domain.empty()) {
    return InvalidArgument(v1::INVALID_FIELD, "only one of address and domain may be set", "domain");
  }
  if (!domain.empty()) return WithField(NormaliseDomain(domain), "domain");
  if (!address.empty()) return WithField(NormaliseAddress(address), "address");
  return InvalidArgument(v1::MISSING_FIELD, "one of address and domain must be set", "address");
}

absl::StatusOr<stored::Command> MakeSuppressCommand(const v1::SuppressRequest& request, absl::Time now) {
  absl::StatusOr<stored::Command> command = StartCommand("Suppress", request, now);
  if (!command.ok()) return command;
  const absl::StatusOr<Address> target = TargetOf(request.address(), request.domain());
  if (!target.ok()) return target.status();
  RETURN_IF_ERROR(CheckStream(request.stream()));
  RETURN_IF_ERROR(CheckRequired(request.note(), kNoteOctetsMax, "note"));
  RETURN_IF_ERROR(CheckLength(request.actor(), kLabelOctetsMax, "actor"));
  RETURN_IF_ERROR(CheckLength(request.source(), kLabelOctetsMax, "source"));
  if (!v1::Cause::Type_IsValid(request.type())) return UnknownEnum("type");
  if (!v1::BounceReason_IsValid(request.reason())) return UnknownEnum("reason");
  const v1::Cause::Type type = request.type() == v1::Cause::TYPE_UNSPECIFIED ? v1::Cause::MANUAL : request.type();
  if (type == v1::Cause::HARD_BOUNCE || type == v1::Cause::SOFT_BOUNCES) {
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
  command->set_actor(request.actor());
  stored::SuppressOperation* operation = command->mutable_suppress();
  SetTarget(*target, request.address(), operation->mutable_target());
  v1::Cause* cause = operation->mutable_cause();
  cause->set_type(type);
  cause->set_reason(request.reason());
  cause->set_stream(request.stream());
  cause->set_note(request.note());
  cause->set_source(request.source());
  if (request.has_expires_at()) *cause->mutable_expires_at() = FromMicros(*expires);
  return command;
}

absl::StatusOr<stored::Command> MakeReactivateCommand(const v1::ReactivateRequest& request, absl::Time now,
                                                      uint64_t lineage) {
  absl::StatusOr<stored::Command> command = StartCommand("Reactivate", request, now);
  if (!command.ok()) return command;
  const absl::StatusOr<Address> target = TargetOf(request.address(), request.domain());
  if (!target.ok()) return target.status();
  RETURN_IF_ERROR(CheckRequired(request.note(), kNoteOctetsMax, "note"));
  RETURN_IF_ERROR(CheckLength(request.actor(), kLabelOctetsMax, "actor"));
  if (request.causes_size() > kSelectorsMax) {
    return InvalidArgument(v1::FIELD_TOO_LONG, absl::StrCat("causes holds more than ", kSelectorsMax, " selectors"),
                           "causes");
  }
  command->set_actor(request.actor());
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
    RETURN_IF_ERROR(CheckStream(selector.stream()));
    v1::Cause* cause = operation->add_selectors();
    cause->set_type(selector.type());
    cause->set_reason(selector.reason());
    cause->set_stream(selector.stream());
  }
  if (request.has_consent()) {
    RETURN_IF_ERROR(CheckRequired(request.consent().evidence(), kNoteOctetsMax, "consent.evidence"));
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
  ListQuery query;
  absl::StatusOr<std::string> tenant = TenantOf(request.tenant());
  if (!tenant.ok()) return tenant.status();
  query.tenant = *std::move(tenant);
  if (request.page_size() < 0) {
    return InvalidArgument(v1::INVALID_PAGE_SIZE, "page_size must not be negative", "page_size");
  }
  query.page_size = request.page_size() == 0 ? kPageSizeDefault : std::min(request.page_size(), kPageSizeMax);
  if (!v1::ListSuppressionsRequest::Order_IsValid(request.order())) return UnknownEnum("order");
  if (!v1::ListSuppressionsRequest::StateFilter_IsValid(request.state())) return UnknownEnum("state");
  if (!v1::BounceReason_IsValid(request.reason())) return UnknownEnum("reason");
  if (!v1::Cause::Type_IsValid(request.cause_type())) return UnknownEnum("cause_type");
  RETURN_IF_ERROR(CheckLength(request.source(), kLabelOctetsMax, "source"));
  if (request.order() != v1::ListSuppressionsRequest::ORDER_UNSPECIFIED) query.order = request.order();
  if (request.state() != v1::ListSuppressionsRequest::STATE_FILTER_UNSPECIFIED) query.state = request.state();
  query.reason = request.reason();
  query.cause_type = request.cause_type();
  query.source = request.source();
  if (!request.domain().empty()) {
    absl::StatusOr<Address> domain = WithField(NormaliseDomain(request.domain()), "domain");
    if (!domain.ok()) return domain.status();
    query.domain = domain->domain;
  }
  const auto from = TimeOf(request.has_listed_from(), request.listed_from(), 0, "listed_from");
  if (!from.ok()) return from.status();
  const auto before = TimeOf(request.has_listed_before(), request.listed_before(), 0, "listed_before");
  if (!before.ok()) return before.status();
  query.listed_from_micros = *from;
  query.listed_before_micros = *before;
  query.now_micros = absl::ToUnixMicros(now);
  if (query.state == v1::ListSuppressionsRequest::NEVER_SUPPRESSED) RETURN_IF_ERROR(CheckNeverSuppressed(request));
  query.with_counts = request.with_counts();
  if (!request.page_token().empty()) RETURN_IF_ERROR(DecodePageToken(lineage, request, &query));
  return query;
}

}  // namespace suppression
