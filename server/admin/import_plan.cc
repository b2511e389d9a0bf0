#include "server/admin/import_plan.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "server/admin/exported_entry.h"
#include "server/base/return_if_error.h"
#include "server/bounces/rules/address.h"
#include "server/bounces/rules/provider_typing.h"
#include "server/bounces/rules/reply_text.h"
#include "server/list/report_facts.h"
#include "server/list/start_command.h"
#include "server/rpc/digest.h"
#include "server/rpc/field_checks.h"

namespace suppressd {
namespace {

constexpr size_t kProviderBytesMax = 32;
constexpr size_t kIdentityBytes = 16;

bool IsBounceType(v1::Cause::Type type) {
  return type == v1::Cause::HARD_BOUNCE || type == v1::Cause::SOFT_BOUNCE;
}

absl::Status CheckProvider(const std::string& provider) {
  RETURN_IF_ERROR(CheckRequired(provider, kProviderBytesMax, "provider"));
  const bool is_name = std::all_of(provider.begin(), provider.end(), [](unsigned char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-' || c == '_';
  });
  if (is_name) return absl::OkStatus();
  return InvalidArgument(v1::INVALID_FIELD, "provider may hold only a-z 0-9 - _", "provider");
}

absl::Status CheckReply(const v1::ImportRow& row) {
  RETURN_IF_ERROR(CheckLength(row.diagnostic(), kReplyTextBytesMax, "rows.diagnostic"));
  if (row.code() != 0 && (row.code() < 200 || row.code() > 599)) {
    return InvalidArgument(v1::INVALID_FIELD, "code is not an SMTP reply code (200 to 599)", "rows.code");
  }
  if (!row.enhanced_code().empty() && !IsEnhancedCode(row.enhanced_code())) {
    return InvalidArgument(v1::INVALID_FIELD, "enhanced_code is not of the form 5.1.1 (RFC 3463)",
                           "rows.enhanced_code");
  }
  return absl::OkStatus();
}

absl::Status CheckRow(const v1::ImportRow& row, absl::Time now) {
  if (!v1::Cause::Type_IsValid(row.type())) return UnknownEnum("rows.type");
  if (!v1::BounceReason_IsValid(row.reason())) return UnknownEnum("rows.reason");
  if (row.type() == v1::Cause::TYPE_UNSPECIFIED) {
    return InvalidArgument(v1::MISSING_FIELD, "type must be set", "rows.type");
  }
  const bool may_have_reason = IsBounceType(row.type()) || row.type() == v1::Cause::MANUAL;
  if (!may_have_reason && row.reason() != v1::BOUNCE_REASON_UNSPECIFIED) {
    return InvalidArgument(v1::INVALID_FIELD, "only a bounce or a MANUAL cause can have a bounce reason",
                           "rows.reason");
  }
  RETURN_IF_ERROR(CheckStream(row.stream(), "rows.stream"));
  RETURN_IF_ERROR(EventTimeOf(row.has_happened_at(), row.happened_at(), now, "rows.happened_at").status());
  RETURN_IF_ERROR(TimeOf(row.has_expires_at(), row.expires_at(), 0, "rows.expires_at").status());
  RETURN_IF_ERROR(EventTimeOf(row.has_lifted_at(), row.lifted_at(), now, "rows.lifted_at").status());
  RETURN_IF_ERROR(CheckLength(row.note(), kNoteBytesMax, "rows.note"));
  RETURN_IF_ERROR(CheckLength(row.message_id(), kMessageIdBytesMax, "rows.message_id"));
  return CheckReply(row);
}

// An entry of an export says all by itself.
absl::Status CheckEntryRow(const v1::ImportRow& row) {
  v1::ImportRow bare = row;
  bare.clear_entry();
  if (bare.ByteSizeLong() > 0) {
    return InvalidArgument(v1::INVALID_FIELD, "a row with an entry may hold nothing else", "rows.entry");
  }
  return CheckExported(row.entry());
}

absl::StatusOr<Address> TargetOfRow(const v1::ImportRow& row) {
  if (row.has_entry()) {
    const v1::Suppression& suppression = row.entry().suppression();
    if (suppression.has_domain()) return WithField(NormaliseDomain(suppression.domain()), "rows.entry");
    return WithField(NormaliseAddress(suppression.address()), "rows.entry");
  }
  if (row.has_address()) return WithField(NormaliseAddress(row.address()), "rows.address");
  if (row.has_domain()) return WithField(NormaliseDomain(row.domain()), "rows.domain");
  return InvalidArgument(v1::MISSING_FIELD, "one of address, domain and entry must be set", "rows.address");
}

// Plans the rows of one request.
class Planner {
 public:
  Planner(const v1::ImportRequest& request, const std::string& tenant, absl::Time now, const Classifier& classifier,
          const Policy& policy)
      : request_(request), tenant_(tenant), now_(now), classifier_(classifier), policy_(policy) {}

  // Fills in what a row means.
  absl::Status Plan(const v1::ImportRow& row, v1::ImportOutcome* outcome, stored::ImportedRow* planned) const {
    const absl::StatusOr<Address> target = TargetOfRow(row);
    if (!target.ok()) return target.status();
    SetTarget(*target, row.address(), planned->mutable_target());
    if (row.has_entry()) {
      RETURN_IF_ERROR(CheckEntryRow(row));
      *planned->mutable_entry() = row.entry();
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(CheckRow(row, now_));
    const bool is_domain = target->local_part.empty();
    v1::Cause cause;
    cause.set_type(is_domain && IsBounceType(row.type()) ? v1::Cause::MANUAL : row.type());
    cause.set_reason(row.reason());
    bool suppresses = !row.record_only();
    if (IsBounceType(cause.type())) {
      suppresses &= PlanBounce(row, *target, &cause, planned);
    } else {
      if (cause.type() == v1::Cause::COMPLAINT) *planned->mutable_event() = Complaint(row, *target);
      cause.set_stream(row.stream());
      cause.set_note(row.note());
      if (row.has_expires_at()) *cause.mutable_expires_at() = row.expires_at();
    }
    outcome->set_type(cause.type());
    outcome->set_reason(cause.reason());
    Complete(row, &cause);
    if (suppresses) *planned->mutable_cause() = std::move(cause);
    return absl::OkStatus();
  }

 private:
  int64_t now_micros() const { return absl::ToUnixMicros(now_); }

  // What all causes have.
  void Complete(const v1::ImportRow& row, v1::Cause* cause) const {
    cause->set_source(request_.provider());
    cause->set_on_behalf_of(request_.on_behalf_of());
    if (row.has_happened_at()) *cause->mutable_first_event_at() = *cause->mutable_last_event_at() = row.happened_at();
    if (!row.has_lifted_at()) return;
    cause->set_state(v1::Cause::REACTIVATED);
    *cause->mutable_reactivation()->mutable_reactivated_at() = row.lifted_at();
    cause->mutable_reactivation()->set_note(absl::StrCat("lifted at ", request_.provider()));
    if (!cause->has_first_event_at()) {
      *cause->mutable_first_event_at() = *cause->mutable_last_event_at() = row.lifted_at();
    }
  }

  v1::BounceEvent Event(const v1::ImportRow& row, const Address& target) const {
    v1::BounceEvent event;
    *event.mutable_received_at() = FromMicros(now_micros());
    *event.mutable_occurred_at() = row.has_happened_at() ? row.happened_at() : event.received_at();
    event.set_diagnostic(row.diagnostic());
    event.set_stream(row.stream());
    event.set_source(request_.provider());
    event.set_provider(request_.provider());
    event.set_message_id(std::string(BareMessageId(row.message_id())));
    event.set_identity(Identity(row, target));
    return event;
  }

  // The same for the same row, whatever the rules make of it.
  std::string Identity(const v1::ImportRow& row, const Address& target) const {
    const std::string what =
        absl::StrCat("import:", request_.provider(), ":", target.ToString(), "\t", row.type(), "\t", row.reason(), "\t",
                     row.stream(), "\t", row.has_happened_at() ? ToMicros(row.happened_at()) : -1);
    return absl::BytesToHexString(Sha256(what).substr(0, kIdentityBytes));
  }

  v1::BounceEvent Complaint(const v1::ImportRow& row, const Address& target) const {
    v1::BounceEvent event = Event(row, target);
    event.set_kind(v1::BounceEvent::FEEDBACK_REPORT);
    event.set_feedback_type("abuse");
    event.mutable_verdict()->set_bounce_class(v1::Verdict::COMPLAINT);
    event.mutable_verdict()->set_rule_id(absl::StrCat("provider.", request_.provider(), ".complaint"));
    event.mutable_verdict()->set_rule_set_version(kProviderRulesVersion);
    return event;
  }

  v1::Verdict VerdictOf(const v1::ImportRow& row) const {
    const bool is_hard = row.type() == v1::Cause::HARD_BOUNCE;
    const v1::Verdict::Class said = is_hard ? v1::Verdict::HARD : v1::Verdict::SOFT;
    const v1::BounceReason reason = row.reason() == v1::BOUNCE_REASON_UNSPECIFIED ? v1::UNDETERMINED : row.reason();
    const ProviderTyping typing{
        "", said, reason, request_.trust_provider() ? kTextNotAsked : said, is_hard ? "listed" : "listed_soft", ""};
    v1::SmtpReply reply;
    reply.set_text(row.diagnostic());
    reply.set_code(row.code());
    reply.set_enhanced_code(row.enhanced_code());
    return DecideProviderVerdict(request_.provider(), typing, reply, classifier_);
  }

  // The event of a bounce, and its cause as our own rules see it. False: it suppresses nothing.
  bool PlanBounce(const v1::ImportRow& row, const Address& target, v1::Cause* cause,
                  stored::ImportedRow* planned) const {
    v1::BounceEvent* event = planned->mutable_event();
    *event = Event(row, target);
    event->set_kind(v1::BounceEvent::SMTP_REPLY);
    *event->mutable_verdict() = VerdictOf(row);
    const v1::Verdict& verdict = event->verdict();
    cause->set_reason(verdict.reason());
    cause->set_rule_id(verdict.rule_id());
    if (row.has_expires_at()) *cause->mutable_expires_at() = row.expires_at();
    if (verdict.bounce_class() == v1::Verdict::SOFT) {
      cause->set_type(v1::Cause::SOFT_BOUNCE);
      return row.type() == v1::Cause::SOFT_BOUNCE && row.has_expires_at();
    }
    if (verdict.bounce_class() != v1::Verdict::HARD) return false;
    cause->set_type(v1::Cause::HARD_BOUNCE);
    if (verdict.reason() == v1::UNDETERMINED) return true;  // nothing but the other list says so
    const stored::PolicyDecision decision = policy_.Decide(tenant_, verdict);
    if (decision.expires_after_days() > 0 && !row.has_expires_at()) {
      const int64_t happened_at = row.has_happened_at() ? ToMicros(row.happened_at()) : now_micros();
      *cause->mutable_expires_at() = FromMicros(happened_at + decision.expires_after_days() * kMicrosPerDay);
    }
    return decision.action() == stored::PolicyDecision::SUPPRESS;
  }

  const v1::ImportRequest& request_;
  const std::string& tenant_;
  const absl::Time now_;
  const Classifier& classifier_;
  const Policy& policy_;
};

void Reject(const absl::Status& why, v1::ImportOutcome* outcome) {
  outcome->Clear();
  outcome->set_result(v1::ImportOutcome::REJECTED);
  *outcome->mutable_error() = ItemErrorOf(why);
}

}  // namespace

absl::StatusOr<ImportPlan> PlanImport(const v1::ImportRequest& request, absl::Time now, const Classifier& classifier,
                                      const Policy& policy) {
  const absl::StatusOr<std::string> tenant = TenantOf(request.tenant());
  if (!tenant.ok()) return tenant.status();
  RETURN_IF_ERROR(CheckKnownFields(request));
  RETURN_IF_ERROR(CheckProvider(request.provider()));
  RETURN_IF_ERROR(CheckLength(request.on_behalf_of(), kLabelBytesMax, "on_behalf_of"));
  if (request.rows_size() > kImportRowsMax) {
    return InvalidArgument(v1::BATCH_TOO_LARGE,
                           absl::StrCat("an import takes at most ", kImportRowsMax, " rows a call"), "rows");
  }
  ImportPlan plan;
  plan.command.set_tenant(*tenant);
  plan.command.set_on_behalf_of(request.on_behalf_of());
  *plan.command.mutable_at() = FromMicros(absl::ToUnixMicros(now));
  plan.command.mutable_import()->set_provider(request.provider());
  plan.outcomes.resize(request.rows_size());
  const Planner planner(request, *tenant, now, classifier, policy);
  for (int i = 0; i < request.rows_size(); ++i) {
    stored::ImportedRow row;
    if (const absl::Status refused = planner.Plan(request.rows(i), &plan.outcomes[i], &row); !refused.ok()) {
      Reject(refused, &plan.outcomes[i]);
      continue;
    }
    *plan.command.mutable_import()->add_rows() = std::move(row);
    plan.outcome_of_row.push_back(i);
  }
  return plan;
}

void CompleteImport(const stored::CommandResult& result, ImportPlan* plan) {
  for (size_t i = 0; i < plan->outcome_of_row.size(); ++i) {
    v1::ImportOutcome& outcome = plan->outcomes[plan->outcome_of_row[i]];
    // A result without it is one that cannot be: the record was taken by the log twice.
    const auto done = static_cast<int>(i) < result.imported_size()
                          ? static_cast<v1::ImportOutcome::Result>(result.imported(static_cast<int>(i)))
                          : v1::ImportOutcome::UNCHANGED;
    outcome.set_result(done);
    if (done != v1::ImportOutcome::REJECTED) continue;
    Reject(MakeError(absl::StatusCode::kFailedPrecondition, v1::TOO_MANY_CAUSES,
                     "the entry has no room for one more cause"),
           &outcome);
  }
}

}  // namespace suppressd
