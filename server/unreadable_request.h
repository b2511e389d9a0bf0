// What a caller is told whose request cannot be read.
#pragma once

#include "grpcpp/server_builder.h"

namespace suppression {

// gRPC answers UNIMPLEMENTED, without a reason, when the octets of a request are not a message of the call's type; with
// proto3 that is also a text field that is not UTF-8. This makes it INVALID_ARGUMENT (INVALID_FIELD) for the calls of
// our services. Calls that nobody serves stay UNIMPLEMENTED.
void AnswerUnreadableRequests(grpc::ServerBuilder* builder);

}  // namespace suppression
