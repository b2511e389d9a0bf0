// Watch: the change log for whoever wants it.
#include "server/list/watch_streams.h"

#include <memory>
#include <string>
#include <utility>

#include "server/rpc/change_stream.h"
#include "server/rpc/field_checks.h"
#include "storage/entry.h"

namespace suppressd {
namespace {

class WatchCall final : public ChangeStream<v1::WatchResponse> {
 public:
  WatchCall(StreamRegistry* registry, grpc::CallbackServerContext* context, const ListReader* list)
      : ChangeStream(registry, context, list, StreamTimes()), list_(list) {}

  // Begins to stream. Called once, after the call was registered.
  void Begin(const v1::WatchRequest& request) {
    absl::StatusOr<std::set<std::string>> tenants = TenantsOf(request.tenants());
    if (!tenants.ok()) return End(tenants.status());
    uint64_t after = list_->head().head();
    if (!request.after().empty()) {
      const absl::StatusOr<RevisionToken> token = DecodeToken(request.after(), list_->lineage(), "after");
      if (!token.ok()) return End(token.status());
      after = token->revision;
    }
    Follow(after, *std::move(tenants));
  }

 private:
  void AddEntries(stored::Change change, v1::WatchResponse* response) override {
    for (stored::StoredEntry& entry : *change.mutable_entries()) {
      SetStatesAt(ToMicros(change.at()), entry.mutable_suppression());
      v1::Change* one = response->add_changes();
      one->set_kind(entry.erased() ? v1::Change::ERASED : v1::Change::UPDATED);
      *one->mutable_suppression() = std::move(*entry.mutable_suppression());
    }
  }
  void SetState(const std::string& revision_token, v1::WatchResponse* response) override {
    response->set_revision_token(revision_token);
  }

  const ListReader* const list_;
};

}  // namespace

grpc::ServerWriteReactor<v1::WatchResponse>* WatchStreams::Start(grpc::CallbackServerContext* context,
                                                                 const v1::WatchRequest& request) {
  auto call = std::make_shared<WatchCall>(&streams_, context, list_);
  if (absl::Status refused = streams_.Add(call); !refused.ok()) {
    call->End(refused);
  } else {
    call->Begin(request);
  }
  return call.get();
}

}  // namespace suppressd
