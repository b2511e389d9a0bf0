// The write path: ReportBounce, Suppress, Reactivate. Validate, normalise, classify, ask the policy, append; the answer
// is made from what the state machine said.
#include <algorithm>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "google/protobuf/unknown_field_set.h"
#include "server/base/log.h"
#include "server/list/report_plan.h"
#include "server/list/requests.h"
#include "server/list/service.h"
#include "server/rpc/digest.h"
#include "server/rpc/field_checks.h"
#include "storage/entry.h"
#include "storage/revision_token.h"

namespace suppressd {
namespace {

using AppendedAll = std::function<void(const ReportPlan&, absl::StatusOr<ReportResults>)>;

// The error of a command that the state machine refused.
absl::Status RefusalOf(const stored::CommandResult& result) {
  const v1::ErrorReason reason = ReasonFromName(result.error_reason());
  switch (reason) {
    case v1::REQUEST_ID_REUSED:
      return MakeError(absl::StatusCode::kAlreadyExists, reason,
                       "this request or event id was used with another payload");
    case v1::SUPPRESSION_NOT_FOUND:
      return MakeError(absl::StatusCode::kNotFound, reason, "nothing is known of this address or domain");
    case v1::CONSENT_REQUIRED:
      return MakeError(absl::StatusCode::kFailedPrecondition, reason,
                       "a complaint or unsubscription is lifted only with consent dated after it", "consent");
    case v1::ENTRY_CHANGED:
      return MakeError(absl::StatusCode::kAborted, reason, "the entry has changed after the state of unchanged_since",
                       "unchanged_since");
    case v1::TOO_MANY_CAUSES:
      return MakeError(absl::StatusCode::kFailedPrecondition, reason,
                       "the entry holds 47 causes that all count; lift some first");
    default:
      return MakeError(absl::StatusCode::kInternal, v1::INTERNAL_ERROR, "stored data that this write needs is damaged");
  }
}

// When a sidecar took the report that it delivers.
absl::StatusOr<std::optional<int64_t>> TakenAtOf(const v1::DeliverReportRequest& request, absl::Time now) {
  // Those of the report are checked with it.
  if (!request.GetReflection()->GetUnknownFields(request).empty()) return UnknownField();
  if (!request.has_taken_at()) return InvalidArgument(v1::MISSING_FIELD, "taken_at must be set", "taken_at");
  const absl::StatusOr<int64_t> taken_at = TimeOf(true, request.taken_at(), 0, "taken_at");
  if (!taken_at.ok()) return taken_at.status();
  // A sidecar whose clock is ahead must not lose its report.
  return std::optional<int64_t>(std::min(*taken_at, absl::ToUnixMicros(now)));
}

absl::string_view DomainOf(absl::string_view address) {
  return address.substr(address.rfind('@') + 1);
}

void SetActor(const std::string& actor, stored::Command* command) {
  command->set_actor(actor);
  if (command->has_suppress()) command->mutable_suppress()->mutable_cause()->set_actor(actor);
}

// The answers to several commands, as they come in.
struct Gathering {
  ReportPlan plan;
  AppendedAll then;
  absl::Mutex mutex;
  ReportResults results ABSL_GUARDED_BY(mutex);
  absl::Status failed ABSL_GUARDED_BY(mutex);
  size_t missing ABSL_GUARDED_BY(mutex);
};

// Takes the answer to one command; the last one to come completes the call. One that needs what is damaged fails alone.
void Gather(const std::shared_ptr<Gathering>& all, size_t index, AppendResult result) {
  absl::StatusOr<ReportResults> results;
  {
    absl::MutexLock lock(&all->mutex);
    if (result.applied()) {
      all->results[index] = std::move(result.result);
    } else if (ReasonOf(result.status) == v1::INTERNAL_ERROR) {
      all->results[index].set_error_reason(ReasonName(v1::INTERNAL_ERROR));
    } else {
      all->failed.Update(result.status);
    }
    if (--all->missing > 0) return;
    results = all->failed.ok() ? absl::StatusOr<ReportResults>(std::move(all->results)) : all->failed;
  }
  all->then(all->plan, std::move(results));
}

// Appends the commands of a plan, in order. `then` is called once: with a result for each, or with the first failure;
// in that case some of the commands may be applied all the same, and a repeat finds them by their ids.
void AppendAll(CommitLog* log, ReportPlan plan, AppendedAll then) {
  if (plan.commands.empty()) return then(plan, ReportResults());
  const auto all = std::make_shared<Gathering>();
  all->plan = std::move(plan);
  all->then = std::move(then);
  const size_t count = all->plan.commands.size();
  {
    absl::MutexLock lock(&all->mutex);
    all->results.resize(count);
    all->missing = count;
  }
  for (size_t i = 0; i < count; ++i) {
    log->Append(std::move(all->plan.commands[i]), [all, i](AppendResult result) { Gather(all, i, std::move(result)); });
  }
}

// Completes an outcome with what became of a recipient of a command.
void Complete(const stored::CommandResult& result, int recipient, v1::RecipientOutcome* outcome) {
  if (recipient >= std::min(result.verdicts_size(), result.effects_size())) {
    *outcome->mutable_error() = ItemErrorOf(RefusalOf(stored::CommandResult()));
    return;
  }
  outcome->set_address(result.verdicts(recipient).address());
  *outcome->mutable_verdict() = result.verdicts(recipient).verdict();
  outcome->set_effect(result.effects(recipient));
  outcome->set_duplicate(recipient < result.repeats_size() && result.repeats(recipient));
}

// Whether the result of the only command of a plan is about the recipients that the report is read as naming. A first
// answer may not be: the rules have changed since, and the same mail is read differently now.
bool IsAbout(const ReportPlan& plan, const stored::CommandResult& result) {
  int recipients = 0;
  for (const PlannedOutcome& planned : plan.outcomes) {
    if (planned.command < 0) continue;
    recipients = std::max(recipients, planned.recipient + 1);
    const bool same = planned.recipient < result.verdicts_size() &&
                      result.verdicts(planned.recipient).address() == planned.outcome.address();
    if (!same) return false;
  }
  return recipients == result.verdicts_size();
}

void AddOutcomes(const ReportPlan& plan, const ReportResults& results, v1::ReportBounceResponse* response) {
  const bool is_payload = plan.kind == v1::BounceEvent::PROVIDER_WEBHOOK;
  if (results.size() == 1 && !is_payload && results[0].duplicate() && !IsAbout(plan, results[0])) {
    for (int i = 0; i < results[0].verdicts_size(); ++i) Complete(results[0], i, response->add_outcomes());
    return;
  }
  for (const PlannedOutcome& planned : plan.outcomes) {
    v1::RecipientOutcome* outcome = response->add_outcomes();
    *outcome = planned.outcome;
    if (planned.command < 0) continue;
    const stored::CommandResult& result = results[planned.command];
    if (!result.error_reason().empty()) {
      *outcome->mutable_error() = ItemErrorOf(RefusalOf(result));
      outcome->clear_address();  // nothing is said of it
      continue;
    }
    Complete(result, planned.recipient, outcome);
    if (is_payload && result.duplicate()) outcome->set_duplicate(true);
  }
}

}  // namespace

SuppressionService::SuppressionService(const ListReader* list, CommitLog* log, const RuleBook* rules, Clock clock,
                                       const ServiceOptions& options)
    : list_(list),
      log_(log),
      rules_(rules),
      clock_(std::move(clock)),
      options_(options),
      reads_(list, clock_),
      checks_(options.calls_in_flight_max, &drain_),
      batches_(options.batches_in_flight_max, &drain_),
      writes_(options.writes_in_flight_max(), &drain_),
      listings_(options.listings_in_flight_max, &drain_),
      mails_(options.mails_in_flight_max, &drain_),
      batch_pool_(options.batch_threads, kBatchNice),
      listing_pool_(options.listing_threads, kListingNice),
      mail_pool_(options.mail_threads, kMailNice),
      watches_(list, options.watches_max) {}

std::string SuppressionService::Token(uint64_t revision) const {
  return EncodeToken({list_->lineage(), revision});
}

template <typename Request, typename Answer>
grpc::ServerUnaryReactor* SuppressionService::Write(
    grpc::CallbackServerContext* context, const Request* request,
    absl::StatusOr<stored::Command> (SuppressionService::*make)(const Request&) const, Answer answer) {
  return RunUnary(context, *request, options_.request_bytes_max, &writes_, [&](Done done) {
    if (absl::Status refused = MayWrite(); !refused.ok()) return done(refused);
    absl::StatusOr<stored::Command> command = (this->*make)(*request);
    if (!command.ok()) return done(command.status());
    SetActor(CallerName(*context), &*command);
    absl::StatusOr<std::string> salt = NewAuditSalt();
    if (!salt.ok()) return done(salt.status());
    command->set_audit_salt(*std::move(salt));
    log_->Append(*std::move(command), [done = std::move(done), answer = std::move(answer)](AppendResult result) {
      if (!result.applied()) return done(result.status);
      if (!result.result.error_reason().empty()) return done(RefusalOf(result.result));
      answer(std::move(result.result));
      done(absl::OkStatus());
    });
  });
}

template <typename Request>
grpc::ServerUnaryReactor* SuppressionService::TakeReport(grpc::CallbackServerContext* context, const Request& request,
                                                         const v1::ReportBounceRequest& report,
                                                         v1::ReportBounceResponse* response, TakenAt taken_at) {
  // A reply or complaint is read at once; a mail or payload may take long, and must not keep checks waiting.
  const bool is_long = report.has_raw_message() || report.has_provider_event();
  Admission* admission = is_long ? &mails_ : &writes_;
  return RunUnary(context, request, options_.request_bytes_max, admission, [&](Done done) {
    if (absl::Status refused = MayWrite(); !refused.ok()) return done(refused);
    if (!taken_at.ok()) return done(taken_at.status());
    if (!is_long) return Report(report, *taken_at, response, std::move(done));
    RunUnlessGone(
        &mail_pool_, [context] { return context->IsCancelled(); },
        [this, &report, taken_at = *taken_at, response](Done read_done) {
          Report(report, taken_at, response, std::move(read_done));
        },
        std::move(done));
  });
}

grpc::ServerUnaryReactor* SuppressionService::ReportBounce(grpc::CallbackServerContext* context,
                                                           const v1::ReportBounceRequest* request,
                                                           v1::ReportBounceResponse* response) {
  return TakeReport(context, *request, *request, response, std::nullopt);
}

grpc::ServerUnaryReactor* SuppressionService::DeliverReport(grpc::CallbackServerContext* context,
                                                            const v1::DeliverReportRequest* request,
                                                            v1::DeliverReportResponse* response) {
  return TakeReport(context, *request, request->report(), response->mutable_response(), TakenAtOf(*request, clock_()));
}

void SuppressionService::Report(const v1::ReportBounceRequest& request, std::optional<int64_t> taken_at_micros,
                                v1::ReportBounceResponse* response, Done done) {
  absl::StatusOr<ReportPlan> plan =
      PlanReport(request, clock_(), *rules_->classifier(), *rules_->policy(), taken_at_micros);
  if (!plan.ok()) return done(plan.status());
  AppendAll(log_, *std::move(plan),
            [this, response, done = std::move(done)](const ReportPlan& planned, absl::StatusOr<ReportResults> results) {
              if (!results.ok()) return done(results.status());
              absl::Status answered = AnswerReport(planned, *results, response);
              if (response->revision_token().empty()) response->set_revision_token(Token(list_->head().head()));
              done(answered);
            });
}

absl::Status SuppressionService::AnswerReport(const ReportPlan& plan, const ReportResults& results,
                                              v1::ReportBounceResponse* response) {
  const auto refused = [](const stored::CommandResult& result) { return !result.error_reason().empty(); };
  if (!results.empty() && std::all_of(results.begin(), results.end(), refused)) return RefusalOf(results[0]);
  response->set_kind(plan.kind);
  response->set_truncated(plan.truncated);
  AddOutcomes(plan, results, response);
  for (const v1::RecipientOutcome& outcome : response->outcomes()) {
    if (!outcome.duplicate()) metrics_.Reported(outcome);
  }
  uint64_t revision = 0;
  bool duplicate = !results.empty();
  for (const stored::CommandResult& result : results) {
    revision = std::max(revision, result.revision());
    duplicate &= result.duplicate();
  }
  if (revision > 0) response->set_revision_token(Token(revision));
  response->set_duplicate(duplicate);
  response->set_durability(results.empty() ? v1::ReportBounceResponse::NOT_KEPT : v1::ReportBounceResponse::AT_SERVER);
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* SuppressionService::Suppress(grpc::CallbackServerContext* context,
                                                       const v1::SuppressRequest* request,
                                                       v1::SuppressResponse* response) {
  return Write(context, request, &SuppressionService::MakeSuppress, [this, response](stored::CommandResult result) {
    const int64_t now = absl::ToUnixMicros(clock_());
    LogInfo("suppress", {{"tenant", result.suppression().tenant()},
                         {"address_hash", AddressHash(TargetText(result.suppression()))},
                         {"log_key_id", LogKeyId()},
                         {"revision", std::to_string(result.revision())}});
    *response->mutable_suppression() = std::move(*result.mutable_suppression());
    SetStatesAt(now, response->mutable_suppression());
    response->set_newly_suppressed(result.changed());
    if (result.changed()) metrics_.SuppressedByHand();
    response->set_revision_token(Token(result.revision()));
    response->set_duplicate(result.duplicate());
  });
}

grpc::ServerUnaryReactor* SuppressionService::Reactivate(grpc::CallbackServerContext* context,
                                                         const v1::ReactivateRequest* request,
                                                         v1::ReactivateResponse* response) {
  return Write(context, request, &SuppressionService::MakeReactivate, [this, response](stored::CommandResult result) {
    const int64_t now = absl::ToUnixMicros(clock_());
    LogInfo("reactivate", {{"tenant", result.suppression().tenant()},
                           {"address_hash", AddressHash(TargetText(result.suppression()))},
                           {"log_key_id", LogKeyId()},
                           {"revision", std::to_string(result.revision())}});
    *response->mutable_suppression() = std::move(*result.mutable_suppression());
    SetStatesAt(now, response->mutable_suppression());
    for (const v1::Cause& cause : response->suppression().causes()) {
      if (CountsAt(cause, now)) *response->add_blocking()->mutable_cause() = cause;
    }
    for (v1::Cause& cause : *result.mutable_domain_causes()) {
      v1::Match* match = response->add_blocking();
      *match->mutable_cause() = std::move(cause);
      match->set_matched_domain(std::string(DomainOf(response->suppression().address())));
    }
    response->set_suppressed_in_any_stream(response->blocking_size() > 0);
    response->set_suppressed(std::any_of(response->blocking().begin(), response->blocking().end(),
                                         [&](const v1::Match& match) { return Matches(match.cause(), now, ""); }));
    response->set_changed(result.changed());
    if (result.changed()) metrics_.Reactivated();
    response->set_revision_token(Token(result.revision()));
    response->set_duplicate(result.duplicate());
  });
}

absl::StatusOr<stored::Command> SuppressionService::MakeSuppress(const v1::SuppressRequest& request) const {
  return MakeSuppressCommand(request, clock_());
}

absl::StatusOr<stored::Command> SuppressionService::MakeReactivate(const v1::ReactivateRequest& request) const {
  return MakeReactivateCommand(request, clock_(), list_->lineage());
}

}  // namespace suppressd
