// The suppression service: every RPC, each validated, decided and handed to the store or the commit log.
//
//   reads.cc    IsSuppressed, BatchIsSuppressed, ListSuppressions, CountSuppressions, GetBounceDetails
//   writes.cc   ReportBounce, DeliverReport, Suppress, Reactivate
//   watch_streams.cc   Watch
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "common/work_times.h"
#include "server/list/list_metrics.h"
#include "server/list/list_reads.h"
#include "server/list/rule_book.h"
#include "server/list/watch_streams.h"
#include "server/rpc/call.h"
#include "server/rpc/drain.h"
#include "server/rpc/service_options.h"
#include "server/rpc/unreadable_request.h"
#include "storage/list_reader.h"
#include "storage/log/commit_log.h"
#include "storage/worker_pool.h"
#include "suppressd/v1/suppression_service.grpc.pb.h"

namespace suppressd {

struct ReportPlan;
// One per command of the plan.
using ReportResults = std::vector<stored::CommandResult>;

// Thread-safe. Everything passed in must outlive it; BeginDrain must be called before the commit log closes.
class SuppressionService final : public SuppressionServiceWithReasons {
 public:
  using Clock = std::function<absl::Time()>;

  SuppressionService(const ListReader* list, CommitLog* log, const RuleBook* rules, Clock clock,
                     const ServiceOptions& options);

  // From now on every call is UNAVAILABLE (SHUTTING_DOWN); watches end with OK. Calls in flight go on.
  void BeginDrain() {
    drain_.Begin();
    watches_.Drain();
  }
  const ListMetrics& metrics() const { return metrics_; }
  // Unary calls that were let in and are not done.
  int64_t calls_in_flight() const { return drain_.in_flight(); }
  // Watches that have not ended.
  int watches() const { return watches_.size(); }
  // How long the thread of the watches has been at what it runs now.
  absl::Duration watches_busy() { return watches_.busy(); }
  // Its pools of threads.
  std::vector<NamedWork> work() const {
    return {{"batches", &batch_pool_.times(), [this] { return batch_pool_.busy(); }},
            {"listings", &listing_pool_.times(), [this] { return listing_pool_.busy(); }},
            {"mails", &mail_pool_.times(), [this] { return mail_pool_.busy(); }}};
  }
  // Waits until none is in flight; see Drain::Await.
  void AwaitDrained(absl::Time deadline) { drain_.Await(deadline); }

  grpc::ServerUnaryReactor* ReportBounce(grpc::CallbackServerContext* context, const v1::ReportBounceRequest* request,
                                         v1::ReportBounceResponse* response) override;
  grpc::ServerUnaryReactor* DeliverReport(grpc::CallbackServerContext* context, const v1::DeliverReportRequest* request,
                                          v1::DeliverReportResponse* response) override;
  grpc::ServerUnaryReactor* Suppress(grpc::CallbackServerContext* context, const v1::SuppressRequest* request,
                                     v1::SuppressResponse* response) override;
  grpc::ServerUnaryReactor* Reactivate(grpc::CallbackServerContext* context, const v1::ReactivateRequest* request,
                                       v1::ReactivateResponse* response) override;
  grpc::ServerUnaryReactor* IsSuppressed(grpc::CallbackServerContext* context, const v1::IsSuppressedRequest* request,
                                         v1::IsSuppressedResponse* response) override;
  grpc::ServerUnaryReactor* BatchIsSuppressed(grpc::CallbackServerContext* context,
                                              const v1::BatchIsSuppressedRequest* request,
                                              v1::BatchIsSuppressedResponse* response) override;
  grpc::ServerUnaryReactor* ListSuppressions(grpc::CallbackServerContext* context,
                                             const v1::ListSuppressionsRequest* request,
                                             v1::ListSuppressionsResponse* response) override;
  grpc::ServerUnaryReactor* CountSuppressions(grpc::CallbackServerContext* context,
                                              const v1::CountSuppressionsRequest* request,
                                              v1::CountSuppressionsResponse* response) override;
  grpc::ServerUnaryReactor* GetBounceDetails(grpc::CallbackServerContext* context,
                                             const v1::GetBounceDetailsRequest* request,
                                             v1::GetBounceDetailsResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchResponse>* Watch(grpc::CallbackServerContext* context,
                                                     const v1::WatchRequest* request) override {
    return watches_.Start(context, *request);
  }

 private:
  bool IsFullForBatch(size_t bytes) const override { return bytes > kSmallBatchBytes && batches_.full(); }
  bool IsFullForReport(size_t bytes) const override { return bytes > kSmallReportBytes && mails_.full(); }
  // Runs a read once the state it demands is reached; with a pool, on one of its threads.
  template <typename Request, typename Work>
  grpc::ServerUnaryReactor* Read(grpc::CallbackServerContext* context, const Request* request, Admission* admission,
                                 Work work, WorkerPool* pool = nullptr, LargeAnswer* large = nullptr);
  // Appends a command and answers from its result.
  template <typename Request, typename Answer>
  grpc::ServerUnaryReactor* Write(grpc::CallbackServerContext* context, const Request* request,
                                  absl::StatusOr<stored::Command> (SuppressionService::*make)(const Request&) const,
                                  Answer answer);
  absl::StatusOr<stored::Command> MakeSuppress(const v1::SuppressRequest& request) const;
  absl::StatusOr<stored::Command> MakeReactivate(const v1::ReactivateRequest& request) const;
  // When a sidecar took a report; nothing: it comes from its reporter.
  using TakenAt = absl::StatusOr<std::optional<int64_t>>;
  // Takes the report of a request, on the thread that its kind needs.
  template <typename Request>
  grpc::ServerUnaryReactor* TakeReport(grpc::CallbackServerContext* context, const Request& request,
                                       const v1::ReportBounceRequest& report, v1::ReportBounceResponse* response,
                                       TakenAt taken_at);
  // Reads a report and appends what it says.
  void Report(const v1::ReportBounceRequest& request, std::optional<int64_t> taken_at_micros,
              v1::ReportBounceResponse* response, Done done);
  // Completes the answer to a report from the results of its commands; the error when they were all refused.
  absl::Status AnswerReport(const ReportPlan& plan, const ReportResults& results, v1::ReportBounceResponse* response);
  std::string Token(uint64_t revision) const;
  absl::Status MayWrite() const { return options_.may_write ? options_.may_write() : absl::OkStatus(); }

  const ListReader* const list_;
  CommitLog* const log_;
  const RuleBook* const rules_;
  const Clock clock_;
  const ServiceOptions options_;
  const ListReads reads_;
  ListMetrics metrics_;
  Drain drain_;
  Admission checks_;
  Admission batches_;
  Admission writes_;
  Admission listings_;
  Admission mails_;
  UnreadAnswers unread_;  // before the pools, which use it
  WorkerPool batch_pool_;
  WorkerPool listing_pool_;
  WorkerPool mail_pool_;
  WatchStreams watches_;
};

}  // namespace suppressd
