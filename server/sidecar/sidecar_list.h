// The suppression service beside a sender: reads from the replica through the handlers of the server, writes passed on.
//
//   sidecar_reads.cc    IsSuppressed, BatchIsSuppressed, ListSuppressions, CountSuppressions, Watch
//   sidecar_writes.cc   ReportBounce, DeliverReport, Suppress, Reactivate, GetBounceDetails: the server's, or the
//   outbox
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/list/list_metrics.h"
#include "server/list/rule_book.h"
#include "server/rpc/call.h"
#include "server/rpc/drain.h"
#include "server/rpc/service_options.h"
#include "server/rpc/unreadable_request.h"
#include "server/sidecar/delivery.h"
#include "server/sidecar/follower.h"
#include "server/sidecar/forwarded.h"
#include "server/sidecar/head_times.h"
#include "server/sidecar/local_blocks.h"
#include "server/sidecar/replica.h"
#include "server/sidecar/upstream.h"
#include "storage/outbox.h"
#include "storage/worker_pool.h"
#include "suppressd/v1/suppression_service.grpc.pb.h"

namespace suppressd {

// What the service is made of; all of it must outlive the service.
struct SidecarParts {
  Replica* replica = nullptr;
  Upstream* upstream = nullptr;
  Follower* follower = nullptr;
  HeadTimes* heads = nullptr;
  Outbox* outbox = nullptr;
  Delivery* delivery = nullptr;
  LocalBlocks* blocks = nullptr;
  Forwarded* forwarded = nullptr;
  const RuleBook* rules = nullptr;
  // What checks are answered from while there is no replica (--on_empty unknown): a view without a store. Null: they
  // are refused (REPLICA_NOT_READY).
  std::shared_ptr<ReplicaView> no_replica;
};

struct SidecarListOptions {
  // Limits, as those of the server.
  ServiceOptions service = {};
  // The lists that the replica holds; empty: all. Others are FAILED_PRECONDITION (NOT_SERVED_HERE).
  std::set<std::string> tenants = {};
  // How long the server is given to take a report before it goes into the outbox.
  absl::Duration forward_timeout = absl::Seconds(2);
  std::function<absl::Time()> clock;
  SteadyClock steady_clock;  // for ages
  // A new random UUID.
  std::function<std::string()> request_id;
};

// Thread-safe.
class SidecarList final : public SuppressionServiceWithReasons {
 public:
  SidecarList(const SidecarParts& parts, SidecarListOptions options);

  // As of SuppressionService.
  void BeginDrain();
  // Its pools of threads.
  std::vector<NamedWork> work() const {
    return {{"batches", &batch_pool_.times(), [this] { return batch_pool_.busy(); }},
            {"listings", &listing_pool_.times(), [this] { return listing_pool_.busy(); }},
            {"reports", &report_pool_.times(), [this] { return report_pool_.busy(); }}};
  }
  void AwaitDrained(absl::Time deadline) { drain_.Await(deadline); }
  const ListMetrics& metrics() const { return metrics_; }

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
  grpc::ServerWriteReactor<v1::WatchResponse>* Watch(grpc::CallbackServerContext* context,
                                                     const v1::WatchRequest* request) override;
  grpc::ServerUnaryReactor* ReportBounce(grpc::CallbackServerContext* context, const v1::ReportBounceRequest* request,
                                         v1::ReportBounceResponse* response) override;
  grpc::ServerUnaryReactor* DeliverReport(grpc::CallbackServerContext* context, const v1::DeliverReportRequest* request,
                                          v1::DeliverReportResponse* response) override;
  grpc::ServerUnaryReactor* Suppress(grpc::CallbackServerContext* context, const v1::SuppressRequest* request,
                                     v1::SuppressResponse* response) override;
  grpc::ServerUnaryReactor* Reactivate(grpc::CallbackServerContext* context, const v1::ReactivateRequest* request,
                                       v1::ReactivateResponse* response) override;
  grpc::ServerUnaryReactor* GetBounceDetails(grpc::CallbackServerContext* context,
                                             const v1::GetBounceDetailsRequest* request,
                                             v1::GetBounceDetailsResponse* response) override;

  // The work of the reads, without gRPC around it; benchmarks use it too. `view` is not null.
  absl::Status Check(const ReplicaView& view, const v1::IsSuppressedRequest& request,
                     v1::IsSuppressedResponse* response) const;
  absl::Status CheckBatch(const ReplicaView& view, const v1::BatchIsSuppressedRequest& request,
                          v1::BatchIsSuppressedResponse* response) const;

 private:
  bool IsFullForBatch(size_t bytes) const override { return bytes > kSmallBatchBytes && batches_.full(); }
  bool IsFullForReport(size_t bytes) const override { return bytes > kSmallReportBytes && mails_.full(); }
  using View = std::shared_ptr<ReplicaView>;
  using Ready = std::function<void(absl::Status, const View&)>;

  // Runs a read once the replica is as fresh as it demands; with a pool, on one of its threads.
  template <typename Request, typename Work>
  grpc::ServerUnaryReactor* Read(grpc::CallbackServerContext* context, const Request* request, Admission* admission,
                                 Work work, WorkerPool* pool = nullptr, LargeAnswer* large = nullptr);
  // Why there is no replica to answer from.
  absl::Status NoReplica() const;
  // The replica, if it may answer for these lists.
  absl::StatusOr<View> ViewFor(const std::string& tenant) const;
  // Waits until the replica holds at least what the server has now, unless it is fresh enough.
  void AwaitFresh(const View& view, absl::Duration max_staleness, absl::Time deadline,
                  std::function<void(absl::Status)> then) const;
  void SetFreshness(const ReplicaView& view, v1::Freshness* freshness) const;
  // When to give up waiting for something, so that the answer still reaches the caller.
  absl::Time GiveUp(const grpc::CallbackServerContext& context) const;

  // Passes a call on; `after_outbox`: behind the reports that wait for delivery, whatever they are about. `answered` is
  // called with an answer that is OK before the caller gets it.
  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* PassOn(grpc::CallbackServerContext* context, const Request* request, Response* response,
                                   void (Upstream::List::async_interface::*method)(grpc::ClientContext*, const Request*,
                                                                                   Response*,
                                                                                   std::function<void(grpc::Status)>),
                                   bool after_outbox, std::function<void(const Response&)> answered = nullptr);
  // Has a call that is passed on say who made it (on_behalf_of), where the sidecar knows that.
  template <typename Request>
  void NameCaller(const grpc::CallbackServerContext& context, const Request* request) const;
  // Takes a report into the outbox. `request` has an id of its own, if it needs one.
  void TakeLocally(const v1::ReportBounceRequest& request, absl::Time taken_at, v1::ReportBounceResponse* response,
                   Done done);

  const SidecarParts parts_;
  const SidecarListOptions options_;
  const std::shared_ptr<ReplicaView> no_replica_;
  ListMetrics metrics_;
  Drain drain_;
  Admission checks_;
  Admission batches_;
  Admission writes_;
  Admission mails_;  // reports that are mails or payloads
  Admission listings_;
  Admission details_;  // these wait for the server
  UnreadAnswers unread_;
  WorkerPool batch_pool_;
  WorkerPool listing_pool_;
  WorkerPool report_pool_;
};

}  // namespace suppressd
