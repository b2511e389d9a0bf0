// The read calls: IsSuppressed, BatchIsSuppressed, ListSuppressions, CountSuppressions, GetBounceDetails. What they
// answer: list_reads.cc.
#include <utility>

#include "absl/time/clock.h"
#include "server/list/service.h"
#include "server/rpc/await_revision.h"

namespace suppressd {

template <typename Request, typename Work>
grpc::ServerUnaryReactor* SuppressionService::Read(grpc::CallbackServerContext* context, const Request* request,
                                                   Admission* admission, Work work, WorkerPool* pool,
                                                   LargeAnswer* large) {
  const auto read = [&](Done done) {
    if (request->at_least().empty() && pool == nullptr) return done(work());
    AwaitRevision(list_, request->at_least(), GiveUpAt(absl::Now(), DeadlineOf(*context), options_.await_revision_max),
                  [context, done = std::move(done), work = std::move(work), pool](absl::Status reached) {
                    if (!reached.ok()) return done(reached);
                    if (pool == nullptr) return done(work());
                    RunUnlessGone(
                        pool, [context] { return context->IsCancelled(); }, [work](const Done& end) { end(work()); },
                        done);
                  });
  };
  return RunUnary(context, *request, options_.request_bytes_max, admission, read, large);
}

grpc::ServerUnaryReactor* SuppressionService::IsSuppressed(grpc::CallbackServerContext* context,
                                                           const v1::IsSuppressedRequest* request,
                                                           v1::IsSuppressedResponse* response) {
  return Read(context, request, &checks_, [this, request, response] {
    absl::Status status = reads_.Check(*request, response);
    if (response->suppressed()) {
      response->set_refusal_text(rules_->classifier()->RefusalText(response->matches(0).cause()));
    }
    metrics_.Checked(status, *response);
    return status;
  });
}

grpc::ServerUnaryReactor* SuppressionService::BatchIsSuppressed(grpc::CallbackServerContext* context,
                                                                const v1::BatchIsSuppressedRequest* request,
                                                                v1::BatchIsSuppressedResponse* response) {
  const auto check = [this, request, response] {
    absl::Status status = reads_.CheckBatch(*request, response);
    if (status.ok()) metrics_.Checked(*response);
    return status;
  };
  const bool small = request->addresses_size() <= kSmallBatch;
  return Read(context, request, small ? &checks_ : &batches_, check, small ? nullptr : &batch_pool_,
              new LargeAnswer(&unread_, context, response));
}

grpc::ServerUnaryReactor* SuppressionService::ListSuppressions(grpc::CallbackServerContext* context,
                                                               const v1::ListSuppressionsRequest* request,
                                                               v1::ListSuppressionsResponse* response) {
  const auto list = [this, request, response] { return reads_.List(*request, response); };
  return Read(context, request, &listings_, list, &listing_pool_, new LargeAnswer(&unread_, context, response));
}

grpc::ServerUnaryReactor* SuppressionService::CountSuppressions(grpc::CallbackServerContext* context,
                                                                const v1::CountSuppressionsRequest* request,
                                                                v1::CountSuppressionsResponse* response) {
  const auto stop = [context] { return context->IsCancelled(); };
  const auto count = [this, stop, request, response] { return reads_.Count(*request, stop, response); };
  return Read(context, request, &listings_, count, &listing_pool_);
}

grpc::ServerUnaryReactor* SuppressionService::GetBounceDetails(grpc::CallbackServerContext* context,
                                                               const v1::GetBounceDetailsRequest* request,
                                                               v1::GetBounceDetailsResponse* response) {
  const auto read = [this, request, response] { return reads_.Details(*request, response); };
  return Read(context, request, &listings_, read, &listing_pool_, new LargeAnswer(&unread_, context, response));
}

}  // namespace suppressd
