// The read path of a sidecar: as fresh as demanded, what the replica answers (list_reads.h), and what reports in the
// outbox suppress on top.
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "grpcpp/alarm.h"
#include "server/bounces/rules/address.h"
#include "server/rpc/await_revision.h"
#include "server/rpc/field_checks.h"
#include "server/rpc/refused_stream.h"
#include "server/sidecar/sidecar_list.h"
#include "storage/entry.h"

namespace suppressd {
namespace {

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
    std::unique_ptr<grpc::Alarm> alarm;  // released at the end: it holds the callback that holds this
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
  absl::StatusOr<RevisionToken> head_ ABSL_GUARDED_BY(mutex_) = TooStale("the server did not tell its state in time");
};

// Adds the causes that count for this stream and are not there yet. Returns whether there were any.
template <typename Response>
bool AddCauses(std::vector<LocalCause> causes, const std::string& domain, int64_t now, const std::string& stream,
               Response* response) {
  bool any = false;
  for (LocalCause& local : causes) {
    const auto same = [&](const v1::Match& match) {
      return match.matched_domain() == domain && SameCause(match.cause(), local.cause);
    };
    if (!Matches(local.cause, now, stream) ||
        std::any_of(response->matches().begin(), response->matches().end(), same)) {
      continue;
    }
    v1::Match* match = response->add_matches();
    *match->mutable_cause() = std::move(local.cause);
    match->set_matched_domain(domain);
    match->set_not_yet_delivered(local.in_outbox);
    any = true;
  }
  return any;
}

// Adds what is suppressed here on an address or its domain and is unknown to a replica at this state. Returns whether
// there was anything.
template <typename Response>
bool AddBlocks(const LocalBlocks& blocks, const EntryName& name, const RevisionToken& state, int64_t now,
               const std::string& stream, Response* response) {
  const bool on_address = AddCauses(blocks.Find(name, state), "", now, stream, response);
  const std::string domain(name.domain);
  return AddCauses(blocks.Find({name.tenant, domain, ""}, state), domain, now, stream, response) || on_address;
}

}  // namespace

absl::Status SidecarList::NoReplica() const {
  if (parts_.follower->outdated()) return OutdatedReplica();
  return MakeError(absl::StatusCode::kUnavailable, v1::REPLICA_NOT_READY, "the sidecar has no replica yet");
}

absl::StatusOr<SidecarList::View> SidecarList::ViewFor(const std::string& tenant) const {
  if (!options_.tenants.empty()) {
    const absl::StatusOr<std::string> name = TenantOf(tenant);
    if (name.ok() && !options_.tenants.contains(*name)) {
      return MakeError(absl::StatusCode::kFailedPrecondition, v1::NOT_SERVED_HERE,
                       "this sidecar does not follow that list", "tenant");
    }
  }
  if (View view = parts_.replica->view(); view != nullptr) return view;
  if (no_replica_ != nullptr && !parts_.follower->outdated()) return no_replica_;
  return NoReplica();
}

void SidecarList::SetFreshness(const ReplicaView& view, v1::Freshness* freshness) const {
  if (view.store == nullptr) return freshness->set_basis(v1::Freshness::NOTHING);
  freshness->set_basis(v1::Freshness::REPLICA);
  SetStaleness(*parts_.heads, view.state(), options_.steady_clock(), freshness);
}

absl::Time SidecarList::GiveUp(const grpc::CallbackServerContext& context) const {
  return GiveUpAt(absl::Now(), DeadlineOf(context), options_.service.await_revision_max);
}

void SidecarList::AwaitFresh(const View& view, absl::Duration max_staleness, absl::Time deadline,
                             std::function<void(absl::Status)> then) const {
  if (view->store == nullptr) return then(NoReplica());
  const std::optional<absl::Duration> staleness = parts_.heads->Staleness(view->state(), options_.steady_clock());
  if (staleness.has_value() && *staleness <= max_staleness) return then(absl::OkStatus());
  const auto reach = [view, deadline, then = std::move(then)](absl::StatusOr<RevisionToken> head) {
    if (!head.ok()) return then(TooStale("the replica is older than that, and the server gives no answer"));
    if (head->lineage != view->store->lineage()) return then(TooStale("the server holds other data than the replica"));
    AwaitHead(&view->store->head(), head->revision, deadline, [then, view](bool reached) {
      then(reached ? absl::OkStatus() : TooStale("the replica did not become newer in time"));
    });
  };
  const auto first = std::make_shared<FirstOf>(reach);
  first->Start(deadline);
  parts_.follower->AskHead([first](absl::StatusOr<RevisionToken> head) { first->Take(std::move(head)); });
}

template <typename Request, typename Work>
grpc::ServerUnaryReactor* SidecarList::Read(grpc::CallbackServerContext* context, const Request* request,
                                            Admission* admission, Work work, WorkerPool* pool, LargeAnswer* large) {
  const auto start = [&](Done done) {
    absl::StatusOr<View> found = ViewFor(request->tenant());
    if (!found.ok()) return done(found.status());
    const View view = *std::move(found);
    // Most checks demand nothing: they wait for nothing either.
    const bool waits = request->has_max_staleness() || !request->at_least().empty();
    if (!waits && pool == nullptr) return done(work(*view));
    const absl::Time deadline = GiveUp(*context);
    const auto read = [this, context, view, request, deadline, done, work = std::move(work), pool](absl::Status fresh) {
      if (!fresh.ok()) return done(fresh);
      if (view->store == nullptr && !request->at_least().empty()) return done(NoReplica());
      AwaitRevision(view->store == nullptr ? nullptr : &view->store->reader(), request->at_least(), deadline,
                    [context, view, done, work, pool](absl::Status reached) {
                      if (!reached.ok()) return done(reached);
                      if (pool == nullptr) return done(work(*view));
                      RunUnlessGone(
                          pool, [context] { return context->IsCancelled(); },
                          [view, work](const Done& end) { end(work(*view)); }, done);
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
  return RunUnary(context, *request, options_.service.request_bytes_max, admission, start, large);
}

grpc::ServerUnaryReactor* SidecarList::IsSuppressed(grpc::CallbackServerContext* context,
                                                    const v1::IsSuppressedRequest* request,
                                                    v1::IsSuppressedResponse* response) {
  return Read(context, request, &checks_, [this, request, response](const ReplicaView& view) {
    absl::Status status = Check(view, *request, response);
    metrics_.Checked(status, *response);
    return status;
  });
}

absl::Status SidecarList::Check(const ReplicaView& view, const v1::IsSuppressedRequest& request,
                                v1::IsSuppressedResponse* response) const {
  const RevisionToken state = view.state();  // before the lookup, which is of this state or a later one
  if (absl::Status status = view.reads.Check(request, response); !status.ok()) return status;
  if (!parts_.blocks->empty()) {
    // Both were valid a moment ago.
    const absl::StatusOr<std::string> tenant = TenantOf(request.tenant());
    const absl::StatusOr<Address> address = NormaliseAddress(request.address());
    const bool blocked = AddBlocks(*parts_.blocks, {*tenant, address->domain, address->local_part}, state,
                                   absl::ToUnixMicros(options_.clock()), request.stream(), response);
    if (blocked) {
      response->set_answer(v1::IsSuppressedResponse::SUPPRESSED);
      response->set_suppressed(true);
    }
  }
  if (response->suppressed()) {
    response->set_refusal_text(parts_.rules->classifier()->RefusalText(response->matches(0).cause()));
  }
  SetFreshness(view, response->mutable_freshness());
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* SidecarList::BatchIsSuppressed(grpc::CallbackServerContext* context,
                                                         const v1::BatchIsSuppressedRequest* request,
                                                         v1::BatchIsSuppressedResponse* response) {
  const auto check = [this, request, response](const ReplicaView& view) {
    absl::Status status = CheckBatch(view, *request, response);
    if (status.ok()) metrics_.Checked(*response);
    return status;
  };
  const bool small = request->addresses_size() <= kSmallBatch;
  return Read(context, request, small ? &checks_ : &batches_, check, small ? nullptr : &batch_pool_,
              new LargeAnswer(&unread_, context, response));
}

absl::Status SidecarList::CheckBatch(const ReplicaView& view, const v1::BatchIsSuppressedRequest& request,
                                     v1::BatchIsSuppressedResponse* response) const {
  const RevisionToken state = view.state();
  if (absl::Status status = view.reads.CheckBatch(request, response); !status.ok()) return status;
  SetFreshness(view, response->mutable_freshness());
  if (parts_.blocks->empty()) return absl::OkStatus();
  const int64_t now = absl::ToUnixMicros(options_.clock());
  const absl::StatusOr<std::string> tenant = TenantOf(request.tenant());
  google::protobuf::RepeatedPtrField<v1::BatchResult> merged;
  size_t bytes = 0;
  int next = 0;  // of the replica's results, which are in the order of the request
  for (int32_t i = 0; i < request.addresses_size(); ++i) {
    v1::BatchResult result;
    result.set_index(i);
    if (next < response->results_size() && response->results(next).index() == i) {
      result = std::move(*response->mutable_results(next++));
    }
    const absl::StatusOr<Address> address = NormaliseAddress(request.addresses(i));
    if (address.ok() && !result.matches_left_out() && !result.has_error() &&
        AddBlocks(*parts_.blocks, {*tenant, address->domain, address->local_part}, state, now, request.stream(),
                  &result)) {
      response->set_answers(i, v1::IsSuppressedResponse::SUPPRESSED);
    }
    if (response->answers(i) != v1::IsSuppressedResponse::SUPPRESSED && !result.has_error()) continue;
    if (bytes >= kBatchMatchesBytesMax && result.matches_size() > 0) {
      result.clear_matches();
      result.set_matches_left_out(true);
    }
    for (v1::Match& match : *result.mutable_matches()) {
      match.mutable_cause()->clear_note();
      bytes += match.ByteSizeLong();
    }
    *merged.Add() = std::move(result);
  }
  *response->mutable_results() = std::move(merged);
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* SidecarList::ListSuppressions(grpc::CallbackServerContext* context,
                                                        const v1::ListSuppressionsRequest* request,
                                                        v1::ListSuppressionsResponse* response) {
  const auto list = [this, request, response](const ReplicaView& view) {
    if (view.store == nullptr) return NoReplica();
    SetFreshness(view, response->mutable_freshness());
    return view.reads.List(*request, response);
  };
  return Read(context, request, &listings_, list, &listing_pool_, new LargeAnswer(&unread_, context, response));
}

grpc::ServerUnaryReactor* SidecarList::CountSuppressions(grpc::CallbackServerContext* context,
                                                         const v1::CountSuppressionsRequest* request,
                                                         v1::CountSuppressionsResponse* response) {
  const auto count = [this, context, request, response](const ReplicaView& view) {
    if (view.store == nullptr) return NoReplica();
    SetFreshness(view, response->mutable_freshness());
    return view.reads.Count(
        *request, [context] { return context->IsCancelled(); }, response);
  };
  return Read(context, request, &listings_, count, &listing_pool_);
}

grpc::ServerWriteReactor<v1::WatchResponse>* SidecarList::Watch(grpc::CallbackServerContext* context,
                                                                const v1::WatchRequest* request) {
  absl::StatusOr<View> view = parts_.replica->view();
  for (const std::string& tenant : request->tenants()) {
    if (const auto served = ViewFor(tenant); !served.ok()) view = served.status();
  }
  if (view.ok() && *view == nullptr) view = NoReplica();
  if (!view.ok()) return new RefusedStream<v1::WatchResponse>(view.status());
  return (*view)->watches.Start(context, *request);
}

}  // namespace suppressd
