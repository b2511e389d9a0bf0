// The server, as a sidecar reaches it: one channel, and how its answers and its silence are told apart.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/secure_channel.h"
#include "grpcpp/client_context.h"
#include "suppressd/v1/replication.grpc.pb.h"
#include "suppressd/v1/suppression_service.grpc.pb.h"

namespace suppressd {

// What became of a call to the server: OK and every error that suppressd gave stay as they are; whatever else went
// wrong is UNAVAILABLE (UPSTREAM_UNREACHABLE), in words that say how.
absl::Status UpstreamStatus(const grpc::Status& status);

// Whether the server took up the call, so that its status is an answer: not UPSTREAM_UNREACHABLE nor another
// UNAVAILABLE.
bool IsAnswer(const absl::Status& status);

// Thread-safe.
class Upstream {
 public:
  using List = v1::SuppressionService::StubInterface;
  using Replication = v1::ReplicationService::StubInterface;

  // `target`: HOST:PORT or unix:PATH. Connects at the first call. Errors: SecureChannel::Open.
  static absl::StatusOr<std::unique_ptr<Upstream>> Open(const std::string& target, const ChannelSecurity& security);

  const std::string& target() const { return target_; }
  // For one call that blocks, with a context that went through Prepare.
  std::shared_ptr<Replication> replication() { return replication_.Get(); }
  // What every call to the server carries.
  void Prepare(grpc::ClientContext* context) const { channel_->AddToken(context); }

  // Passes a call on. `then` is called once, on a gRPC thread, with UpstreamStatus; at the deadline at the latest.
  // Request and response must live until then.
  template <typename Request, typename Response>
  void Pass(void (List::async_interface::*method)(grpc::ClientContext*, const Request*, Response*,
                                                  std::function<void(grpc::Status)>),
            const Request* request, Response* response, absl::Time deadline, std::function<void(absl::Status)> then) {
    PassTo(list_.Get().get(), method, request, response, deadline, std::move(then));
  }
  template <typename Request, typename Response>
  void Pass(void (Replication::async_interface::*method)(grpc::ClientContext*, const Request*, Response*,
                                                         std::function<void(grpc::Status)>),
            const Request* request, Response* response, absl::Time deadline, std::function<void(absl::Status)> then) {
    PassTo(replication_.Get().get(), method, request, response, deadline, std::move(then));
  }

 private:
  Upstream(const std::string& target, std::unique_ptr<SecureChannel> channel);

  template <typename Stub, typename Service, typename Request, typename Response>
  void PassTo(Stub* stub,
              void (Service::*method)(grpc::ClientContext*, const Request*, Response*,
                                      std::function<void(grpc::Status)>),
              const Request* request, Response* response, absl::Time deadline,
              std::function<void(absl::Status)> then) const {
    const auto context = std::make_shared<grpc::ClientContext>();
    context->set_deadline(absl::ToChronoTime(deadline));
    Prepare(context.get());
    (stub->async()->*method)(context.get(), request, response,
                             [context, then = std::move(then)](grpc::Status status) { then(UpstreamStatus(status)); });
  }

  const std::string target_;
  const std::unique_ptr<SecureChannel> channel_;
  SecureStub<v1::SuppressionService> list_;
  SecureStub<v1::ReplicationService> replication_;
};

}  // namespace suppressd
