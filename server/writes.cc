// The write path: ReportBounce, Suppress, Reactivate. Validate, normalise, classify, ask the policy, append; the answer
// is made from what the state machine said.
#include <utility>

#include "server/log.h"
#include "server/requests.h"
#include "server/service.h"
#include "storage/entry.h"
#include "storage/revision_token.h"

namespace suppression {
namespace {

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
    case v1::TOO_MANY_CAUSES:
      return MakeError(absl::StatusCode::kFailedPrecondition, reason,
                       "the entry holds 47 causes that all count; lift some first");
    default:
      return MakeError(absl::StatusCode::kInternal, v1::INTERNAL_ERROR, "stored data that this write needs is damaged");
  }
}

}  // namespace

SuppressionService::SuppressionService(Store* store, CommitLog* log, const RuleBook* rules, Clock clock,
                                       const ServiceOptions& options)
    : store_(store),
      log_(log),
      rules_(rules),
      clock_(std::move(clock)),
      options_(options),
      calls_(options.calls_in_flight_max),
      listings_(options.listings_in_flight_max),
      listing_pool_(options.listing_threads),
      watches_(store, options.watches_max) {}

std::string SuppressionService::Token(uint64_t revision) const {
  return EncodeToken({store_->lineage(), revision});
}

template <typename Request, typename Answer>
grpc::ServerUnaryReactor* SuppressionService::Write(
    grpc::CallbackServerContext* context, const Request* request,
    absl::StatusOr<stored::Command> (SuppressionService::*make)(const Request&) const, Answer answer) {
  return RunUnary(context, *request, options_.request_octets_max, &calls_, [&](Done done) {
    absl::StatusOr<stored::Command> command = (this->*make)(*request);
    if (!command.ok()) return done(command.status());
    log_->Append(*std::move(command),
                 [done = std::move(done), answer = std::move(answer)](absl::StatusOr<stored::CommandResult> result) {
                   if (!result.ok()) return done(result.status());
                   if (!result->error_reason().empty()) return done(RefusalOf(*result));
                   answer(*std::move(result));
                   done(absl::OkStatus());
                 });
  });
}

grpc::ServerUnaryReactor* SuppressionService::ReportBounce(grpc::CallbackServerContext* context,
                                                           const v1::ReportBounceRequest* request,
                                                           v1::ReportBounceResponse* response) {
  return Write(context, request, &SuppressionService::MakeReport, [this, response](stored::CommandResult result) {
    for (int i = 0; i < result.verdicts_size(); ++i) {
      v1::RecipientOutcome* outcome = response->add_outcomes();
      outcome->set_address(result.verdicts(i).address());
      *outcome->mutable_verdict() = std::move(*result.mutable_verdicts(i)->mutable_verdict());
      outcome->set_effect(result.effects(i));
    }
    response->set_token(Token(result.revision()));
    response->set_duplicate(result.duplicate());
  });
}

grpc::ServerUnaryReactor* SuppressionService::Suppress(grpc::CallbackServerContext* context,
                                                       const v1::SuppressRequest* request,
                                                       v1::SuppressResponse* response) {
  return Write(context, request, &SuppressionService::MakeSuppress, [this, response](stored::CommandResult result) {
    const int64_t now = absl::ToUnixMicros(clock_());
    LogInfo("suppress", {{"tenant", result.suppression().tenant()},
                         {"address_hash", AddressHash(result.suppression().address())},
                         {"revision", std::to_string(result.revision())}});
    *response->mutable_suppression() = std::move(*result.mutable_suppression());
    SetStatesAt(now, response->mutable_suppression());
    response->set_newly_suppressed(result.changed());
    response->set_token(Token(result.revision()));
    response->set_duplicate(result.duplicate());
  });
}

grpc::ServerUnaryReactor* SuppressionService::Reactivate(grpc::CallbackServerContext* context,
                                                         const v1::ReactivateRequest* request,
                                                         v1::ReactivateResponse* response) {
  return Write(context, request, &SuppressionService::MakeReactivate, [this, response](stored::CommandResult result) {
    const int64_t now = absl::ToUnixMicros(clock_());
    LogInfo("reactivate", {{"tenant", result.suppression().tenant()},
                           {"address_hash", AddressHash(result.suppression().address())},
                           {"revision", std::to_string(result.revision())}});
    *response->mutable_suppression() = std::move(*result.mutable_suppression());
    SetStatesAt(now, response->mutable_suppression());
    for (const v1::Cause& cause : response->suppression().causes()) {
      if (cause.state() == v1::Cause::ACTIVE) *response->add_blocking()->mutable_cause() = cause;
    }
    for (v1::Cause& cause : *result.mutable_domain_causes()) {
      v1::Match* match = response->add_blocking();
      *match->mutable_cause() = std::move(cause);
      match->set_whole_domain(true);
    }
    response->set_still_suppressed(response->blocking_size() > 0);
    response->set_changed(result.changed());
    response->set_token(Token(result.revision()));
    response->set_duplicate(result.duplicate());
  });
}

absl::StatusOr<stored::Command> SuppressionService::MakeReport(const v1::ReportBounceRequest& request) const {
  return MakeReportCommand(request, clock_(), *rules_->classifier(), *rules_->policy());
}

absl::StatusOr<stored::Command> SuppressionService::MakeSuppress(const v1::SuppressRequest& request) const {
  return MakeSuppressCommand(request, clock_());
}

absl::StatusOr<stored::Command> SuppressionService::MakeReactivate(const v1::ReactivateRequest& request) const {
  return MakeReactivateCommand(request, clock_());
}

}  // namespace suppression
