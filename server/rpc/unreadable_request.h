// How calls of our services are registered, so that each passes the guard, that a caller whose request cannot be read
// is told so: INVALID_ARGUMENT (INVALID_FIELD), and that a large request for which there is no room now is not read at
// all: UNAVAILABLE (OVERLOADED). What is refused must cost little, or who asks too much takes the time of all others.
//
// gRPC answers UNIMPLEMENTED, without a reason, when the bytes of a request are not a message of the call's type; with
// proto3 that is also a text field that is not UTF-8. Our services derive from the two classes below, which put a
// handler of their own around gRPC's. (An interceptor took some 4 % of each check.) Calls that nobody serves stay
// UNIMPLEMENTED.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/impl/rpc_service_method.h"
#include "grpcpp/support/server_callback.h"
#include "server/rpc/call_metrics.h"
#include "server/rpc/guard.h"
#include "server/rpc/refused_stream.h"
#include "suppressd/v1/admin_service.grpc.pb.h"
#include "suppressd/v1/replication.grpc.pb.h"
#include "suppressd/v1/suppression_service.grpc.pb.h"

namespace suppressd {

// INVALID_ARGUMENT (INVALID_FIELD).
absl::Status UnreadableRequest();
// UNAVAILABLE (OVERLOADED).
absl::Status NoRoom();

// Whether there is no room now for a request of so many bytes; null: there always is. Any thread.
using RoomCheck = std::function<bool(size_t bytes)>;

// A handler of gRPC's (Handler) for the requests that can be read, and one for the others.
template <typename Handler>
class HandlerWithReason final : public grpc::internal::MethodHandler {
 public:
  template <typename Serve, typename Refuse>
  HandlerWithReason(Serve serve, Refuse unreadable, Refuse no_room, RoomCheck is_full)
      : served_(std::move(serve)),
        unreadable_(std::move(unreadable)),
        no_room_(std::move(no_room)),
        is_full_(std::move(is_full)) {}

  void* Deserialize(grpc_call* call, grpc_byte_buffer* bytes, grpc::Status* status, void** data) final {
    // Null: the call has ended before its request came.
    const bool is_full = bytes != nullptr && is_full_ && is_full_(grpc_byte_buffer_length(bytes));
    if (is_full) {
      grpc_byte_buffer_destroy(bytes);
      bytes = grpc_raw_byte_buffer_create(nullptr, 0);  // an empty message
    }
    void* const request = served_.Deserialize(call, bytes, status, data);
    if (is_full) *status = grpc::Status(grpc::StatusCode::UNAVAILABLE, "");
    return request;
  }
  void RunHandler(const HandlerParameter& call) final {
    if (call.status.ok()) return served_.RunHandler(call);
    // Whoever refuses does not look at the request, but gRPC only asks him when all is well.
    Handler& refused = call.status.error_code() == grpc::StatusCode::UNAVAILABLE ? no_room_ : unreadable_;
    refused.RunHandler(
        {call.call, call.server_context, call.request, grpc::Status::OK, call.internal_data, call.call_requester});
  }

 private:
  Handler served_;
  Handler unreadable_;
  Handler no_room_;
  const RoomCheck is_full_;
};

// Where a method stands in its service, as gRPC counts. `service` and `method` must exist.
int MethodIndex(const char* service, const char* method);

// A service of grpc's callback API (Service, of the generated class Generated) whose calls are registered with Serve,
// and begin once a guard has let them in.
template <typename Generated, typename Service = typename Generated::CallbackService>
class ServiceWithReasons : public Service {
 public:
  // What was counted of each call of this service.
  const AllMethodMetrics& methods() const { return methods_; }
  // From now on calls pass this guard, which must outlive the service. Before any call; null: everyone may.
  void SetGuard(const Guard* guard) { guard_ = guard; }

 protected:
  // Who makes a call, by name; empty: nobody has a name here.
  std::string CallerName(const grpc::CallbackServerContext& context) const {
    return guard_ == nullptr ? "" : guard_->NameOf(context);
  }

  template <typename Owner, typename Request, typename Response>
  void Serve(const char* method,
             grpc::ServerUnaryReactor* (Owner::*serve)(grpc::CallbackServerContext*, const Request*, Response*),
             RoomCheck is_full = nullptr) {
    using Handler = grpc::internal::CallbackUnaryHandler<Request, Response>;
    const auto refuse = [](grpc::CallbackServerContext* context, const grpc::Status& why) {
      grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
      reactor->Finish(why);
      return reactor;
    };
    const auto guarded = [this, serve, refuse, call = CallOf(method)](grpc::CallbackServerContext* context,
                                                                      const Request* request, Response* response) {
      const CallRecord record = CallRecord::Begin(call.metrics);
      const absl::Status admitted = Admit(*context, call, request);
      if (admitted.ok()) {
        const CallRecord::Left left(record);
        return (this->*serve)(context, request, response);
      }
      const grpc::Status refused = ToGrpcStatus(admitted);
      record.End(refused.error_code());
      return refuse(context, refused);
    };
    const auto answer = [refuse, metrics = methods_.back().get()](absl::Status (*why)()) {
      return [refuse, metrics, why](grpc::CallbackServerContext* context, const Request*, Response*) {
        const CallRecord record = CallRecord::Begin(metrics);
        const grpc::Status refused = ToGrpcStatus(why());
        record.End(refused.error_code());
        return refuse(context, refused);
      };
    };
    this->MarkMethodCallback(
        MethodIndex(Generated::service_full_name(), method),
        new HandlerWithReason<Handler>(guarded, answer(UnreadableRequest), answer(NoRoom), std::move(is_full)));
  }
  template <typename Owner, typename Request, typename Response>
  void Serve(const char* method,
             grpc::ServerWriteReactor<Response>* (Owner::*serve)(grpc::CallbackServerContext*, const Request*)) {
    using Handler = grpc::internal::CallbackServerStreamingHandler<Request, Response>;
    const auto guarded = [this, serve, call = CallOf(method)](
                             grpc::CallbackServerContext* context,
                             const Request* request) -> grpc::ServerWriteReactor<Response>* {
      const CallRecord::Left left(CallRecord::Begin(call.metrics));
      const absl::Status admitted = Admit(*context, call, request);
      if (!admitted.ok()) return new RefusedStream<Response>(admitted);
      return (this->*serve)(context, request);
    };
    const auto unreadable = [](grpc::CallbackServerContext*, const Request*) -> grpc::ServerWriteReactor<Response>* {
      return new RefusedStream<Response>(UnreadableRequest());
    };
    this->MarkMethodCallback(MethodIndex(Generated::service_full_name(), method),
                             new HandlerWithReason<Handler>(guarded, unreadable, unreadable, nullptr));
  }

 private:
  struct GuardedCall {
    std::string method;
    Permission permission;
    MethodMetrics* metrics;
  };
  GuardedCall CallOf(const char* method) {
    std::string name = absl::StrCat("/", Generated::service_full_name(), "/", method);
    const Permission permission = *PermissionFor(name);
    methods_.push_back(std::make_unique<MethodMetrics>(name));
    return {std::move(name), permission, methods_.back().get()};
  }
  template <typename Request>
  absl::Status Admit(const grpc::CallbackServerContext& context, const GuardedCall& call,
                     const Request* request) const {
    if (guard_ == nullptr) return absl::OkStatus();
    // gRPC has made the message for this call alone.
    return guard_->Admit(context, call.method, call.permission, const_cast<Request*>(request));
  }

  const Guard* guard_ = nullptr;
  AllMethodMetrics methods_;
};

class SuppressionServiceWithReasons : public ServiceWithReasons<v1::SuppressionService> {
 protected:
  SuppressionServiceWithReasons();

 private:
  // Whether there is no room now for a batch, or a report, of so many bytes. Any thread.
  virtual bool IsFullForBatch(size_t bytes) const = 0;
  virtual bool IsFullForReport(size_t bytes) const = 0;
};

class AdminServiceWithReasons : public ServiceWithReasons<v1::AdminService> {
 protected:
  AdminServiceWithReasons();
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
