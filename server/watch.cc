// Watch: the change log for whoever wants it.
#include <memory>
#include <string>
#include <utility>

#include "server/change_stream.h"
#include "server/field_checks.h"
#include "server/service.h"
#include "storage/entry.h"

namespace suppression {
namespace {

class WatchCall final : public ChangeStream<v1::WatchResponse> {
 public:
  WatchCall(StreamRegistry* registry, grpc::CallbackServerContext* context, Store* store)
      : ChangeStream(registry, context, store, StreamTimes()), store_(store) {}

  // Begins to stream. Called once, after the call was registered.
  void Begin(const v1::WatchRequest& request) {
    absl::StatusOr<std::set<std::string>> tenants = TenantsOf(request.tenants());
    if (!tenants.ok()) return End(tenants.status());
    uint64_t after = store_->head().head();
    if (!request.after().empty()) {
      const absl::StatusOr<RevisionToken> token = DecodeToken(request.after(), store_->lineage(), "after");
      if (!token.ok()) return End(token.status());
      after = token->revision;
    }
    Follow(after, *std::move(tenants));
  }

 private:
  void AddEntries(stored::Change change, v1::WatchResponse* response) override {
    for (stored::StoredEntry& entry : *change.mutable_entries()) {
      SetStatesAt(ToMicros(change.at()), entry.mutable_suppression());
      *response->add_suppressions() = std::move(*entry.mutable_suppression());
    }
  }

  Store* const store_;
};

}  // namespace

grpc::ServerWriteReactor<v1::WatchResponse>* SuppressionService::Watch(grpc::CallbackServerContext* context,
                                                                       const v1::WatchRequest* request) {
  auto call = std::make_shared<WatchCall>(&watches_, context, store_);
  if (absl::Status refused = watches_.Add(call); !refused.ok()) {
    call->End(refused);
  } else {
    call->Begin(*request);
  }
  return call.get();
}

}  // namespace suppression
