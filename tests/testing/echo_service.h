// Answers every check with the same message, without looking at anything: what a call costs of gRPC alone.
#pragma once

#include "suppressd/v1/suppression_service.grpc.pb.h"

namespace suppressd {

class EchoService final : public v1::SuppressionService::CallbackService {
 public:
  grpc::ServerUnaryReactor* IsSuppressed(grpc::CallbackServerContext* context, const v1::IsSuppressedRequest*,
                                         v1::IsSuppressedResponse* response) override {
    response->set_revision_token("AeX5OO14g2l5AAAAAAAAAAHUj7Fg");
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

}  // namespace suppressd
