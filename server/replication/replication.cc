// The unary calls of the replication service, and what it is made of.
#include "server/replication/replication.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/time/clock.h"
#include "common/error.h"
#include "server/replication/range_checksums.h"
#include "server/rpc/await_revision.h"
#include "server/rpc/field_checks.h"
#include "storage/revision_token.h"

namespace suppressd {
namespace {

constexpr int kReplicasPageDefault = 100;
constexpr int kReplicasPageMax = 1'000;

bool IsReplicaId(const std::string& id) {
  return std::all_of(id.begin(), id.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-' || c == ':' || c == '/';
  });
}

// A page token is the last id of the page, disguised.
absl::StatusOr<std::string> IdOfPageToken(const std::string& token) {
  std::string id;
  if (absl::WebSafeBase64Unescape(token, &id) && id.size() <= kReplicaIdBytesMax && IsReplicaId(id)) return id;
  return InvalidArgument(v1::INVALID_PAGE_TOKEN, "the page token is garbled or was not made by this service",
                         "page_token");
}

}  // namespace

absl::StatusOr<ReplicaName> ReplicaNameOf(const std::string& id, const std::string& version) {
  if (id.empty()) return InvalidArgument(v1::MISSING_FIELD, "replica_id is missing", "replica_id");
  if (absl::Status status = CheckLength(id, kReplicaIdBytesMax, "replica_id"); !status.ok()) return status;
  if (!IsReplicaId(id)) {
    return InvalidArgument(v1::INVALID_FIELD, "replica_id may hold only A-Z a-z 0-9 . _ - : /", "replica_id");
  }
  if (absl::Status status = CheckLength(version, kLabelBytesMax, "replica_version"); !status.ok()) return status;
  return ReplicaName{id, version};
}

ReplicationService::ReplicationService(const ListReader* list, Clock clock, const ReplicationOptions& options)
    : list_(list),
      clock_(std::move(clock)),
      options_(options),
      calls_(options.calls_in_flight_max, &drain_),
      checksums_(options.checksums_in_flight_max, &drain_),
      replicas_(list->lineage()),
      held_(list, options.snapshots),
      // HeldSnapshots counts snapshots; this only bounds what it has yet to refuse.
      snapshots_("snapshots", options.follows_max),
      follows_("replicas", options.follows_max),
      snapshot_pool_(options.snapshot_threads),
      checksum_pool_(1) {}

void ReplicationService::BeginDrain() {
  drain_.Begin();
  snapshots_.Drain();
  follows_.Drain();
}

void ReplicationService::Sweep() {
  held_.Sweep(clock_());
  replicas_.Sweep(clock_());
}

std::string ReplicationService::Token(uint64_t revision) const {
  return EncodeToken({list_->lineage(), revision});
}

absl::StatusOr<uint64_t> ReplicationService::RevisionOf(const v1::Position& position, const ReplicaName& name,
                                                        absl::string_view field) {
  const std::string& token = position.revision_token();
  const uint64_t timeline = position.timeline();
  const absl::StatusOr<RevisionToken> any = DecodeToken(token, field);
  if (!any.ok()) return any.status();
  if (any->lineage != list_->lineage()) replicas_.RefuseLineage(name, any->lineage, clock_());
  const absl::StatusOr<RevisionToken> ours = DecodeToken(token, list_->lineage(), field);
  if (!ours.ok()) return ours.status();
  if (timeline != 0 && !list_->HasState(timeline, ours->revision)) {
    replicas_.RefuseLineage(name, list_->lineage(), clock_());
    return MakeError(absl::StatusCode::kFailedPrecondition, v1::LINEAGE_MISMATCH,
                     "an older backup was restored: the replica holds what this server never had, or no longer has",
                     field);
  }
  return ours->revision;
}

grpc::ServerUnaryReactor* ReplicationService::Acknowledge(grpc::CallbackServerContext* context,
                                                          const v1::AcknowledgeRequest* request,
                                                          v1::AcknowledgeResponse* response) {
  return RunUnary(context, *request, options_.request_bytes_max, &calls_,
                  [&](Done done) { done(Acknowledged(*request, response)); });
}

absl::Status ReplicationService::Acknowledged(const v1::AcknowledgeRequest& request,
                                              v1::AcknowledgeResponse* response) {
  const absl::StatusOr<ReplicaName> name = ReplicaNameOf(request.replica_id(), request.replica_version());
  if (!name.ok()) return name.status();
  if (request.position().revision_token().empty()) {
    return InvalidArgument(v1::MISSING_FIELD, "position is missing", "position");
  }
  const absl::StatusOr<uint64_t> revision = RevisionOf(request.position(), *name, "position");
  if (!revision.ok()) return revision.status();
  replicas_.Acknowledge(*name, *revision, clock_());
  response->set_head_token(Token(list_->head().head()));
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* ReplicationService::RangeChecksums(grpc::CallbackServerContext* context,
                                                             const v1::RangeChecksumsRequest* request,
                                                             v1::RangeChecksumsResponse* response) {
  return RunUnary(context, *request, options_.request_bytes_max, &checksums_, [&](Done done) {
    AwaitRevision(list_, request->at_least(), GiveUpAt(absl::Now(), DeadlineOf(*context), options_.await_revision_max),
                  [this, context, request, response, done = std::move(done)](absl::Status reached) {
                    if (!reached.ok()) return done(reached);
                    checksum_pool_.Run([this, context, request, response, done] {
                      done(SumStore(
                          list_, *request, [context] { return context->IsCancelled(); }, response));
                    });
                  });
  });
}

grpc::ServerUnaryReactor* ReplicationService::ListReplicas(grpc::CallbackServerContext* context,
                                                           const v1::ListReplicasRequest* request,
                                                           v1::ListReplicasResponse* response) {
  return RunUnary(context, *request, options_.request_bytes_max, &calls_,
                  [&](Done done) { done(List(*request, response)); });
}

grpc::ServerUnaryReactor* NoSidecarService::GetSidecarStatus(grpc::CallbackServerContext* context,
                                                             const v1::GetSidecarStatusRequest* request,
                                                             v1::GetSidecarStatusResponse*) {
  return RunUnary(context, *request, request_bytes_max_, &calls_, [&](Done done) {
    done(MakeError(absl::StatusCode::kFailedPrecondition, v1::NOT_SERVED_HERE,
                   "this server holds the list itself and is no sidecar"));
  });
}

absl::Status ReplicationService::List(const v1::ListReplicasRequest& request,
                                      v1::ListReplicasResponse* response) const {
  if (request.page_size() < 0) {
    return InvalidArgument(v1::INVALID_PAGE_SIZE, "page_size must not be negative", "page_size");
  }
  const absl::StatusOr<std::string> after = IdOfPageToken(request.page_token());
  if (!after.ok()) return after.status();
  const int size = request.page_size() == 0 ? kReplicasPageDefault : std::min(request.page_size(), kReplicasPageMax);
  const uint64_t head = list_->head().head();
  bool more = false;
  std::vector<v1::Replica> page = replicas_.List(*after, size, head, &more);
  for (v1::Replica& replica : page) *response->add_replicas() = std::move(replica);
  if (more) response->set_next_page_token(absl::WebSafeBase64Escape(response->replicas().rbegin()->id()));
  response->set_head_token(Token(head));
  return absl::OkStatus();
}

}  // namespace suppressd
