// The write path of a sidecar: everything is the server's to decide. Reports go into the outbox while it is away.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/error.h"
#include "server/list/report_plan.h"
#include "server/rpc/field_checks.h"
#include "server/sidecar/local_report.h"
#include "server/sidecar/sidecar_list.h"

namespace suppressd {
namespace {

// Of the time that a caller gives, so much may be spent on the server before a report goes into the outbox.
constexpr double kForwardShare = 0.6;

absl::Status Undelivered() {
  return MakeError(absl::StatusCode::kUnavailable, v1::UPSTREAM_UNREACHABLE,
                   "reports that were taken before wait for the server");
}

// A report passed on: the request as it is sent, and what became of it. Lives until the answer.
struct PassedReport {
  v1::ReportBounceRequest request;
  v1::ReportBounceResponse response;
};

// A report that may have reached the server without its answer is repeated from the outbox: an id makes it count once.
// An event id does that too, and with a request id would no longer.
bool NeedsRequestId(const v1::ReportBounceRequest& request) {
  return request.request_id().empty() && request.event_id().empty();
}

// The key that the request as a whole is known by, where it has one. Events of a payload have keys of their own, which
// the server knows: a payload that shares an event with another is still delivered for the rest of it.
void SetKey(const ReportPlan& plan, stored::OutboxReport* report) {
  const stored::Command& first = plan.commands[0];
  if (!first.claim_key().empty()) {
    report->set_request_key(first.claim_key());
    report->set_payload_digest(first.claim_digest());
  } else if (plan.commands.size() == 1) {
    report->set_request_key(first.request_key());
    report->set_payload_digest(first.payload_digest());
  }
}

}  // namespace

SidecarList::SidecarList(const SidecarParts& parts, SidecarListOptions options)
    : parts_(parts),
      options_(std::move(options)),
      no_replica_(parts.no_replica),
      checks_(options_.service.calls_in_flight_max, &drain_),
      batches_(options_.service.batches_in_flight_max, &drain_),
      writes_(options_.service.writes_in_flight_max(), &drain_),
      mails_(options_.service.mails_in_flight_max, &drain_),
      listings_(options_.service.listings_in_flight_max, &drain_),
      details_(options_.service.listings_in_flight_max, &drain_),
      batch_pool_(options_.service.batch_threads, kBatchNice),
      listing_pool_(options_.service.listing_threads, kListingNice),
      report_pool_(options_.service.mail_threads, kMailNice) {}

void SidecarList::BeginDrain() {
  drain_.Begin();
  if (const View view = parts_.replica->view(); view != nullptr) view->watches.Drain();
}

template <typename Request, typename Response>
grpc::ServerUnaryReactor* SidecarList::PassOn(
    grpc::CallbackServerContext* context, const Request* request, Response* response,
    void (Upstream::List::async_interface::*method)(grpc::ClientContext*, const Request*, Response*,
                                                    std::function<void(grpc::Status)>),
    bool after_outbox, std::function<void(const Response&)> answered) {
  Admission* const admission = after_outbox ? &writes_ : &details_;
  return RunUnary(context, *request, options_.service.request_bytes_max, admission, [&](Done done) {
    const absl::Time deadline = GiveUp(*context);
    const auto pass = [this, request, response, method, deadline, done, answered](bool delivered) {
      if (!delivered) return done(Undelivered());
      parts_.upstream->Pass(method, request, response, deadline,
                            [response, done, answered](const absl::Status& status) {
                              if (status.ok() && answered) answered(*response);
                              done(status);
                            });
    };
    if (!after_outbox) return pass(true);
    parts_.delivery->AwaitDelivered(deadline, pass);
  });
}

// The server knows the sidecar; whom the sidecar knows goes with the call.
template <typename Request>
void SidecarList::NameCaller(const grpc::CallbackServerContext& context, const Request* request) const {
  const std::string caller = CallerName(context);
  if (caller.empty()) return;
  const std::string& claimed = request->on_behalf_of();
  if (claimed.size() > kLabelBytesMax) return;  // the server refuses it
  std::string both = claimed.empty() ? caller : absl::StrCat(caller, " for ", claimed);
  size_t end = std::min(both.size(), kLabelBytesMax);
  while (end > 0 && end < both.size() && (static_cast<unsigned char>(both[end]) & 0xc0) == 0x80)
    --end;  // whole letters
  both.resize(end);
  // gRPC has made the message for this call alone.
  const_cast<Request*>(request)->set_on_behalf_of(both);
}

grpc::ServerUnaryReactor* SidecarList::Suppress(grpc::CallbackServerContext* context,
                                                const v1::SuppressRequest* request, v1::SuppressResponse* response) {
  NameCaller(*context, request);
  const auto answered = [this](const v1::SuppressResponse& answer) { parts_.forwarded->Taken(answer); };
  return PassOn<v1::SuppressRequest, v1::SuppressResponse>(context, request, response,
                                                           &Upstream::List::async_interface::Suppress, true, answered);
}

grpc::ServerUnaryReactor* SidecarList::Reactivate(grpc::CallbackServerContext* context,
                                                  const v1::ReactivateRequest* request,
                                                  v1::ReactivateResponse* response) {
  NameCaller(*context, request);
  return PassOn(context, request, response, &Upstream::List::async_interface::Reactivate, true);
}

grpc::ServerUnaryReactor* SidecarList::GetBounceDetails(grpc::CallbackServerContext* context,
                                                        const v1::GetBounceDetailsRequest* request,
                                                        v1::GetBounceDetailsResponse* response) {
  return PassOn(context, request, response, &Upstream::List::async_interface::GetBounceDetails, false);
}

grpc::ServerUnaryReactor* SidecarList::ReportBounce(grpc::CallbackServerContext* context,
                                                    const v1::ReportBounceRequest* request,
                                                    v1::ReportBounceResponse* response) {
  Admission* const admission = request->has_raw_message() || request->has_provider_event() ? &mails_ : &writes_;
  return RunUnary(context, *request, options_.service.request_bytes_max, admission, [&](Done done) {
    const absl::Time taken_at = options_.clock();
    const auto forwarded = std::make_shared<PassedReport>();
    forwarded->request = *request;
    if (NeedsRequestId(*request)) forwarded->request.set_request_id(options_.request_id());
    // A report is read on a thread of its own: a large mail would keep checks waiting.
    const auto take = [this, forwarded, taken_at, response, done] {
      report_pool_.Run(
          [this, forwarded, taken_at, response, done] { TakeLocally(forwarded->request, taken_at, response, done); });
    };
    // Behind those that wait already, so that none overtakes another about the same address.
    if (!parts_.delivery->idle() || parts_.forwarded->full()) return take();
    const absl::Time now = absl::Now();
    const absl::Time deadline =
        std::min(now + options_.forward_timeout, now + (GiveUp(*context) - now) * kForwardShare);
    parts_.upstream->Pass(&Upstream::List::async_interface::ReportBounce, &forwarded->request, &forwarded->response,
                          deadline, [this, forwarded, taken_at, response, take, done](const absl::Status& status) {
                            if (!status.ok() && !IsAnswer(status)) return take();
                            if (status.ok()) {
                              parts_.forwarded->Taken(forwarded->request, forwarded->response, taken_at);
                            }
                            *response = std::move(forwarded->response);
                            done(status);
                          });
  });
}

grpc::ServerUnaryReactor* SidecarList::DeliverReport(grpc::CallbackServerContext* context,
                                                     const v1::DeliverReportRequest* request,
                                                     v1::DeliverReportResponse*) {
  return RunUnary(context, *request, options_.service.request_bytes_max, &writes_, [](Done done) {
    done(MakeError(absl::StatusCode::kFailedPrecondition, v1::NOT_SERVED_HERE,
                   "this is a sidecar: ask the server, or report with ReportBounce"));
  });
}

void SidecarList::TakeLocally(const v1::ReportBounceRequest& request, absl::Time taken_at,
                              v1::ReportBounceResponse* response, Done done) {
  const absl::StatusOr<ReportPlan> plan =
      PlanReport(request, taken_at, *parts_.rules->classifier(), *parts_.rules->policy());
  if (!plan.ok()) return done(plan.status());
  stored::OutboxReport report;
  const View view = parts_.replica->view();
  absl::Status answered = AnswerLocally(*plan, view == nullptr ? nullptr : &view->store->reader(), *parts_.blocks,
                                        taken_at, response, &report);
  if (!answered.ok()) return done(answered);
  if (plan->commands.empty()) return done(absl::OkStatus());  // nothing to keep
  *report.mutable_delivery()->mutable_report() = request;
  *report.mutable_delivery()->mutable_taken_at() = FromMicros(absl::ToUnixMicros(taken_at));
  SetKey(*plan, &report);
  const auto blocks = report.blocks();
  parts_.outbox->Add(std::move(report), [this, blocks, response, done](absl::StatusOr<Outbox::Added> added) {
    if (!added.ok()) return done(added.status());
    if (added->duplicate) {
      response->set_duplicate(true);
    } else {
      parts_.blocks->Add(added->number, blocks);
    }
    done(absl::OkStatus());
  });
}

}  // namespace suppressd
