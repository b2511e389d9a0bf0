// The read path of a sidecar: as fresh as demanded, what the replica answers (list_reads.h), and what reports in the
// outbox suppress on top.
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "grpcpp/alarm.h"
#include "server/await_revision.h"
#include "server/field_checks.h"
#include "server/refused_stream.h"
#include "server/rules/address.h"
#include "server/sidecar/sidecar_service.h"
#include "storage/entry.h"

namespace suppression {
namespace {

absl::Status NoReplica() {
  return MakeError(absl::StatusCode::kUnavailable, v1::NO_REPLICA, "the sidecar has no replica yet");
}

absl::Status TooStale(absl::string_view why) {
  return MakeError(absl::StatusCode::kUnavailable, v1::TOO_STALE, why, "max_staleness");
}

// Calls `then` with the first of: an answer, the deadline. The alarm is what continues the call, on a gRPC thread: at
// the deadline, or earlier when an answer cancels it.
class FirstOf : public std::enable_shared_from_this<FirstOf> {
 public:
  using Then = std::function<void(absl::StatusOr<RevisionToken>)>;
  explicit FirstOf(Then then) : then_(std::move(then)) {}

  void Start(absl::Time deadline) {
    absl::MutexLock lock(&mutex_);
    alarm_ = std::make_unique<grpc::Alarm>();
    alarm_->Set(absl::ToChronoTime(deadline), [self = shared_from_this()](bool) { self->Finish(); });
  }
  void Take(absl::StatusOr<RevisionToken> head) {
    absl::MutexLock lock(&mutex_);
    if (alarm_ == nullptr) return;  // too late
    head_ = std::move(head);
    alarm_->Cancel();
  }

 private:
  void Finish() {
    std::unique_ptr<grpc::Alarm> alarm;  // let go at the end: it holds the callback that holds this
    absl::StatusOr<RevisionToken> head;
    {
      absl::MutexLock lock(&mutex_);
      alarm = std::move(alarm_);
      head = head_;
    }
    then_(std::move(head));
  }

  const Then then_;
  absl::Mutex mutex_;
  std::unique_ptr<grpc::Alarm> alarm_ ABSL_GUARDED_BY(mutex_);  // null: finished
  absl::StatusOr<RevisionToken> head_ ABSL_GUARDED_BY(mutex_) = TooStale("the centre did not tell its state in time");
};

// Adds the causes that count for this stream and are not there yet.
template <typename Response>
void AddCauses(std::vector<LocalCause> causes, bool whole_domain, int64_t now, const std::string& stream,
               Response* response) {
  for (LocalCause& local : causes) {
    const auto same = [&](const v1::Match& match) {
      return match.whole_domain() == whole_domain && SameCause(match.cause(), local.cause);
    };
    if (!Matches(local.cause, now, stream) ||
        std::any_of(response->matches().begin(), response->matches().end(), same)) {
      continue;
    }
    v1::Match* match = response->add_matches();
    *match->mutable_cause() = std::move(local.cause);
    match->set_whole_domain(whole_domain);
    match->set_not_yet_delivered(local.in_outbox);
    response->set_suppressed(true);
  }
}

// Adds what is suppressed here on an address or its domain and is unknown to a replica at this state.
template <typename Response>
void AddBlocks(const LocalBlocks& blocks, const EntryName& name, const RevisionToken& state, int64_t now,
               const std::string& stream, Response* response) {
  AddCauses(blocks.Find(name, state), false, now, stream, response);
  AddCauses(blocks.Find({name.tenant, name.domain, ""}, state), true, now, stream, response);
}

}  // namespace

absl::StatusOr<SidecarService::View> SidecarService::ViewFor(const std::string& tenant) const {
  if (!options_.tenants.empty()) {
    const absl::StatusOr<std::string> name = TenantOf(tenant);
    if (name.ok() && !options_.tenants.contains(*name)) {
      return MakeError(absl::StatusCode::kFailedPrecondition, v1::NOT_SERVED_HERE,
                       "this sidecar does not follow that list", "tenant");
    }
  }
  if (View view = parts_.replica->view(); view != nullptr) return view;
  if (no_replica_ != nullptr) return no_replica_;
  return NoReplica();
}

void SidecarService::SetFreshness(const ReplicaView& view, v1::Freshness* freshness) const {
  if (view.store == nullptr) return freshness->set_basis(v1::Freshness::NOTHING);
  freshness->set_basis(v1::Freshness::REPLICA);
  SetStaleness(*parts_.heads, view.state(), options_.steady_clock(), freshness);
}

absl::Time SidecarService::GiveUp(const grpc::CallbackServerContext& context) const {
  return GiveUpAt(absl::Now(), DeadlineOf(context), options_.service.await_revision_max);
}

void SidecarService::AwaitFresh(const View& view, absl::Duration max_staleness, absl::Time deadline,
                                std::function<void(absl::Status)> then) const {
  if (view->store == nullptr) return then(NoReplica());
  const std::optional<absl::Duration> staleness = parts_.heads->Staleness(view->state(), options_.steady_clock());
  if (staleness.has_value() && *staleness <= max_staleness) return then(absl::OkStatus());
  const auto reach = [view, deadline, then = std::move(then)](absl::StatusOr<RevisionToken> head) {
    if (!head.ok()) return then(TooStale("the replica is older than that, and the centre gives no answer"));
    if (head->lineage != view->store->lineage()) return then(TooStale("the centre holds other data than the replica"));
    AwaitHead(&view->store->head(), head->revision, deadline, [then, view](bool reached) {
      then(reached ? absl::OkStatus() : TooStale("the replica did not become newer in time"));
    });
  };
  const auto first = std::make_shared<FirstOf>(reach);
  first->Start(deadline);
  parts_.follower->AskHead([first](absl::StatusOr<RevisionToken> head) { first->Take(std::move(head)); });
}

template <typename Request, typename Work>
grpc::ServerUnaryReactor* SidecarService::Read(grpc::CallbackServerContext* context, const Request* request,
                                               Admission* admission, Work work, WorkerPool* pool, LargeAnswer* large) {
  const auto start = [&](Done done) {
    absl::StatusOr<View> found = ViewFor(request->tenant());
    if (!found.ok()) return done(found.status());
    const View view = *std::move(found);
    // Most checks demand nothing: they wait for nothing either.
    const bool waits = request->has_max_staleness() || !request->at_least().empty();
    if (!waits && pool == nullptr) return done(work(*view));
    const absl::Time deadline = GiveUp(*context);
    const auto read = [view, request, deadline, done, work = std::move(work), pool](absl::Status fresh) {
      if (!fresh.ok()) return done(fresh);
      if (view->store == nullptr && !request->at_least().empty()) return done(NoReplica());
      AwaitRevision(view->store == nullptr ? nullptr : &view->store->reader(), request->at_least(), deadline,
                    [view, done, work, pool](absl::Status reached) {
                      if (!reached.ok()) return done(reached);
                      if (pool == nullptr) return done(work(*view));
                      pool->Run([view, done, work] { done(work(*view)); });
                    });
    };
    if (!request->has_max_staleness()) return read(absl::OkStatus());
    const google::protobuf::Duration& max = request->max_staleness();
    if (max.seconds() < 0 || max.nanos() < 0 || max.nanos() > 999'999'999) {
      return done(
          InvalidArgument(v1::INVALID_FIELD, "max_staleness must be a valid time and not negative", "max_staleness"));
    }
    AwaitFresh(view, absl::Seconds(max.seconds()) + absl::Nanoseconds(max.nanos()), deadline, read);
  };
  return RunUnary(context, *request, options_.service.request_octets_max, admission, start, large);
}

grpc::ServerUnaryReactor* SidecarService::IsSuppressed(grpc::CallbackServerContext* context,
                                                       const v1::IsSuppressedRequest* request,
                                                       v1::IsSuppressedResponse* response) {
  return Read(context, request, &calls_,
              [this, request, response](const ReplicaView& view) { return Check(view, *request, response); });
}

absl::Status SidecarService::Check(const ReplicaView& view, const v1::IsSuppressedRequest& request,
                                   v1::IsSuppressedResponse* response) const {
  const RevisionToken state = view.state();  // before the lookup, which is of this state or a later one
  if (absl::Status status = view.reads.Check(request, response); !status.ok()) return status;
  if (!parts_.blocks->empty()) {
    // Both were valid a moment ago.
    const absl::StatusOr<std::string> tenant = TenantOf(request.tenant());
    const absl::StatusOr<Address> address = NormaliseAddress(request.address());
    AddBlocks(*parts_.blocks, {*tenant, address->domain, address->local_part}, state,
              absl::ToUnixMicros(options_.clock()), request.stream(), response);
  }
  if (response->suppressed()) {
    response->set_refusal_text(parts_.rules->classifier()->RefusalText(response->matches(0).cause()));
  }
  SetFreshness(view, response->mutable_freshness());
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* SidecarService::BatchIsSuppressed(grpc::CallbackServerContext* context,
                                                            const v1::BatchIsSuppressedRequest* request,
                                                            v1::BatchIsSuppressedResponse* response) {
  const auto check = [this, request, response](const ReplicaView& view) {
    return CheckBatch(view, *request, response);
  };
  return Read(context, request, &calls_, check, nullptr, new LargeAnswer(&unread_, context, response));
}

absl::Status SidecarService::CheckBatch(const ReplicaView& view, const v1::BatchIsSuppressedRequest& request,
                                        v1::BatchIsSuppressedResponse* response) const {
  const RevisionToken state = view.state();
  if (absl::Status status = view.reads.CheckBatch(request, response); !status.ok()) return status;
  SetFreshness(view, response->mutable_freshness());
  if (parts_.blocks->empty()) return absl::OkStatus();
  const int64_t now = absl::ToUnixMicros(options_.clock());
  const absl::StatusOr<std::string> tenant = TenantOf(request.tenant());
  google::protobuf::RepeatedPtrField<v1::BatchResult> merged;
  int next = 0;  // of the replica's results, which are in the order of the request
  for (int32_t i = 0; i < request.addresses_size(); ++i) {
    v1::BatchResult result;
    result.set_index(i);
    if (next < response->results_size() && response->results(next).index() == i) {
      result = std::move(*response->mutable_results(next++));
    }
    const absl::StatusOr<Address> address = NormaliseAddress(request.addresses(i));
    if (address.ok() && !result.matches_left_out()) {
      AddBlocks(*parts_.blocks, {*tenant, address->domain, address->local_part}, state, now, request.stream(), &result);
    }
    if (result.suppressed() || !result.error_reason().empty()) *merged.Add() = std::move(result);
  }
  *response->mutable_results() = std::move(merged);
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* SidecarService::ListSuppressions(grpc::CallbackServerContext* context,
                                                           const v1::ListSuppressionsRequest* request,
                                                           v1::ListSuppressionsResponse* response) {
  const auto list = [this, context, request, response](const ReplicaView& view) {
    if (view.store == nullptr) return NoReplica();
    SetFreshness(view, response->mutable_freshness());
    return view.reads.List(
        *request, [context] { return context->IsCancelled(); }, response);
  };
  return Read(context, request, &listings_, list, &listing_pool_, new LargeAnswer(&unread_, context, response));
}

grpc::ServerWriteReactor<v1::WatchResponse>* SidecarService::Watch(grpc::CallbackServerContext* context,
                                                                   const v1::WatchRequest* request) {
  absl::StatusOr<View> view = parts_.replica->view();
  for (const std::string& tenant : request->tenants()) {
    if (const auto served = ViewFor(tenant); !served.ok()) view = served.status();
  }
  if (view.ok() && *view == nullptr) view = NoReplica();
  if (!view.ok()) return new RefusedStream<v1::WatchResponse>(view.status());
  return (*view)->watches.Start(context, *request);
}

}  // namespace suppression
