// What a server says of bytes that are no message, in each of its calls.
#pragma once

#include <grpcpp/impl/client_unary_call.h>
#include <gtest/gtest.h>

#include <string>

#include "google/protobuf/descriptor.h"
#include "grpcpp/support/byte_buffer.h"
#include "tests/testing/test_server.h"

namespace suppressd {

// Streams too: one that fails before its first answer looks like any other call.
inline void ExpectUnreadableRequestsAreRefusedWithAReason(const std::string& address) {
  const auto channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  int calls = 0;
  for (const char* name : {v1::SuppressionService::service_full_name(), v1::ReplicationService::service_full_name(),
                           v1::AdminService::service_full_name(), v1::SidecarService::service_full_name()}) {
    const google::protobuf::ServiceDescriptor* service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
    for (int i = 0; i < service->method_count(); ++i, ++calls) {
      const std::string path = std::string("/") + name + "/" + service->method(i)->name();
      const grpc::internal::RpcMethod method(path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC);
      const grpc::Slice bytes("\xff");  // a number that does not end
      const grpc::ByteBuffer request(&bytes, 1);
      grpc::ByteBuffer response;
      grpc::ClientContext context;
      const grpc::Status status =
          grpc::internal::BlockingUnaryCall(channel.get(), method, &context, request, &response);
      EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << path << ": " << status.error_message();
      EXPECT_EQ(GrpcReason(status), "INVALID_FIELD") << path;
    }
  }
  EXPECT_EQ(calls, 21);
}

}  // namespace suppressd
