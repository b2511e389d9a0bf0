#include "client/suppressctl/audit_source.h"

#include <google/protobuf/util/json_util.h>

#include <memory>
#include <utility>

#include "client/internal/channel.h"
#include "client/suppressctl/service_call.h"
#include "client/suppressctl/text.h"
#include "suppressd/v1/admin_service.grpc.pb.h"

namespace suppressd::suppressctl {

absl::StatusOr<AuditSource> ServerSource(const Session& session) {
  const absl::StatusOr<ClientOptions> options = session.MakeClientOptions(LineOutput::kTaken);
  if (!options.ok()) return options.status();
  auto made = client_internal::MakeChannel(*options);
  if (!made.ok()) return made.status();
  const std::shared_ptr<SecureChannel> channel = *std::move(made);
  const std::shared_ptr<v1::AdminService::StubInterface> stub = v1::AdminService::NewStub(channel->Get());
  return AuditSource([channel, stub, retry = options->retry,
                      timeout = options->deadline](const v1::ListAuditRequest& request) {
    return CallService(channel.get(), retry, stub.get(), &v1::AdminService::StubInterface::ListAudit, request, timeout);
  });
}

bool HoldsUnknownFields(const google::protobuf::Message& message) {
  const std::unique_ptr<google::protobuf::Message> known(message.New());
  known->CopyFrom(message);
  known->DiscardUnknownFields();
  return known->ByteSizeLong() != message.ByteSizeLong();
}

absl::StatusOr<std::string> AuditJson(const google::protobuf::Message& message) {
  if (HoldsUnknownFields(message)) {
    return absl::FailedPreconditionError("the trail holds what this suppressctl does not know; use a newer one");
  }
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json);
  if (!status.ok()) return absl::InternalError("a record cannot be written as JSON");
  return EscapeJson(json);
}

}  // namespace suppressd::suppressctl
