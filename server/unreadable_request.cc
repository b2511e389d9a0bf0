#include "server/unreadable_request.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "grpcpp/support/server_interceptor.h"
#include "protos/error.h"
#include "server/grpc_status.h"
#include "suppression/v1/replication.grpc.pb.h"
#include "suppression/v1/suppression_service.grpc.pb.h"

namespace suppression {
namespace {

using grpc::experimental::InterceptionHookPoints;

// No handler of ours ever answers UNIMPLEMENTED, so a call that is about to end so was never given to its handler.
class Interceptor final : public grpc::experimental::Interceptor {
 public:
  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS) &&
        methods->GetSendStatus().error_code() == grpc::StatusCode::UNIMPLEMENTED) {
      methods->ModifySendStatus(ToGrpcStatus(InvalidArgument(
          v1::INVALID_FIELD, "the request is not a valid message of this call, or a text field is not UTF-8")));
    }
    methods->Proceed();
  }
};

// gRPC asks for calls that nobody serves too; those, and the calls of other services, are left alone.
class Factory final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  Factory() {
    for (const char* name :
         {v1::SuppressionService::service_full_name(), v1::ReplicationService::service_full_name()}) {
      const google::protobuf::ServiceDescriptor* service =
          google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
      for (int i = 0; i < service->method_count(); ++i) {
        served_.insert(absl::StrCat("/", service->full_name(), "/", service->method(i)->name()));
      }
    }
  }

  grpc::experimental::Interceptor* CreateServerInterceptor(grpc::experimental::ServerRpcInfo* info) override {
    return served_.contains(absl::string_view(info->method())) ? new Interceptor : nullptr;
  }

 private:
  absl::flat_hash_set<std::string> served_;
};

}  // namespace

void AnswerUnreadableRequests(grpc::ServerBuilder* builder) {
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> factories;
  factories.push_back(std::make_unique<Factory>());
  builder->experimental().SetInterceptorCreators(std::move(factories));
}

}  // namespace suppression
