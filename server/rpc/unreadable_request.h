// What a caller is told whose request cannot be read: INVALID_ARGUMENT (INVALID_FIELD).
//
// gRPC answers UNIMPLEMENTED, without a reason, when the bytes of a request are not a message of the call's type; with
// proto3 that is also a text field that is not UTF-8. Our services derive from the two classes below, which put a
// handler of their own around gRPC's. (An interceptor took some 4 % of each check.) Calls that nobody serves stay
// UNIMPLEMENTED.
#pragma once

#include <functional>
#include <utility>

#include "grpcpp/impl/rpc_service_method.h"
#include "grpcpp/support/server_callback.h"
#include "server/rpc/refused_stream.h"
#include "suppressd/v1/replication.grpc.pb.h"
#include "suppressd/v1/suppression_service.grpc.pb.h"

namespace suppressd {

// INVALID_ARGUMENT (INVALID_FIELD).
absl::Status UnreadableRequest();

// A handler of gRPC's (Handler) for the requests that can be read, and one for the others.
template <typename Handler>
class HandlerWithReason final : public grpc::internal::MethodHandler {
 public:
  template <typename Serve, typename Refuse>
  HandlerWithReason(Serve serve, Refuse refuse) : served_(std::move(serve)), refused_(std::move(refuse)) {}

  void* Deserialize(grpc_call* call, grpc_byte_buffer* bytes, grpc::Status* status, void** data) final {
    return served_.Deserialize(call, bytes, status, data);
  }
  void RunHandler(const HandlerParameter& call) final {
    if (call.status.ok()) return served_.RunHandler(call);
    // Whoever refuses does not look at the request, but gRPC only asks him when all is well.
    refused_.RunHandler(
        {call.call, call.server_context, call.request, grpc::Status::OK, call.internal_data, call.call_requester});
  }

 private:
  Handler served_;
  Handler refused_;
};

// Where a method stands in its service, as gRPC counts. `service` and `method` must exist.
int MethodIndex(const char* service, const char* method);

// A service of grpc's callback API (Service, of the generated class Generated) whose calls are registered with Serve.
template <typename Generated, typename Service = typename Generated::CallbackService>
class ServiceWithReasons : public Service {
 protected:
  template <typename Owner, typename Request, typename Response>
  void Serve(const char* method,
             grpc::ServerUnaryReactor* (Owner::*serve)(grpc::CallbackServerContext*, const Request*, Response*)) {
    using Handler = grpc::internal::CallbackUnaryHandler<Request, Response>;
    const auto refuse = [](grpc::CallbackServerContext* context, const Request*, Response*) {
      grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
      reactor->Finish(ToGrpcStatus(UnreadableRequest()));
      return reactor;
    };
    this->MarkMethodCallback(MethodIndex(Generated::service_full_name(), method),
                             new HandlerWithReason<Handler>(std::bind_front(serve, this), refuse));
  }
  template <typename Owner, typename Request, typename Response>
  void Serve(const char* method,
             grpc::ServerWriteReactor<Response>* (Owner::*serve)(grpc::CallbackServerContext*, const Request*)) {
    using Handler = grpc::internal::CallbackServerStreamingHandler<Request, Response>;
    const auto refuse = [](grpc::CallbackServerContext*, const Request*) -> grpc::ServerWriteReactor<Response>* {
      return new RefusedStream<Response>(UnreadableRequest());
    };
    this->MarkMethodCallback(MethodIndex(Generated::service_full_name(), method),
                             new HandlerWithReason<Handler>(std::bind_front(serve, this), refuse));
  }
};

class SuppressionServiceWithReasons : public ServiceWithReasons<v1::SuppressionService> {
 protected:
  SuppressionServiceWithReasons();
};

class SidecarServiceWithReasons : public ServiceWithReasons<v1::SidecarService> {
 protected:
  SidecarServiceWithReasons();
};

class ReplicationServiceWithReasons : public ServiceWithReasons<v1::ReplicationService> {
 protected:
  ReplicationServiceWithReasons();
};

}  // namespace suppressd
