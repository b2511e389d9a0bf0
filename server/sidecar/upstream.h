// The server, as a sidecar reaches it: one channel, and how its answers and its silence are told apart.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
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

  // `target`: HOST:PORT or unix:PATH. Connects at the first call.
  explicit Upstream(const std::string& target);

  const std::string& target() const { return target_; }
  // For calls that block.
  List& list() { return *list_; }
  Replication& replication() { return *replication_; }

  // Passes a call on. `then` is called once, on a gRPC thread, with UpstreamStatus; at the deadline at the latest.
  // Request and response must live until then.
  template <typename Request, typename Response>
  void Pass(void (List::async_interface::*method)(grpc::ClientContext*, const Request*, Response*,
                                                  std::function<void(grpc::Status)>),
            const Request* request, Response* response, absl::Time deadline, std::function<void(absl::Status)> then) {
    PassTo(list_->async(), method, request, response, deadline, std::move(then));
  }
  template <typename Request, typename Response>
  void Pass(void (Replication::async_interface::*method)(grpc::ClientContext*, const Request*, Response*,
                                                         std::function<void(grpc::Status)>),
            const Request* request, Response* response, absl::Time deadline, std::function<void(absl::Status)> then) {
    PassTo(replication_->async(), method, request, response, deadline, std::move(then));
  }

 private:
  template <typename Service, typename Request, typename Response>
  static void PassTo(Service* service,
                     void (Service::*method)(grpc::ClientContext*, const Request*, Response*,
                                             std::function<void(grpc::Status)>),
                     const Request* request, Response* response, absl::Time deadline,
                     std::function<void(absl::Status)> then) {
    const auto context = std::make_shared<grpc::ClientContext>();
    context->set_deadline(absl::ToChronoTime(deadline));
    (service->*method)(context.get(), request, response,
                       [context, then = std::move(then)](grpc::Status status) { then(UpstreamStatus(status)); });
  }

  const std::string target_;
  std::unique_ptr<List> list_;
  std::unique_ptr<Replication> replication_;
};

}  // namespace suppressd
