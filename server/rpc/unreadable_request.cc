#include "server/rpc/unreadable_request.h"

#include "common/error.h"
#include "google/protobuf/descriptor.h"

namespace suppressd {

absl::Status UnreadableRequest() {
  return InvalidArgument(v1::INVALID_FIELD,
                         "the request is not a valid message of this call, or a text field is not UTF-8");
}

absl::Status NoRoom() {
  return MakeError(absl::StatusCode::kUnavailable, v1::OVERLOADED, "too many calls are in flight");
}

int MethodIndex(const char* service, const char* method) {
  return google::protobuf::DescriptorPool::generated_pool()
      ->FindServiceByName(service)
      ->FindMethodByName(method)
      ->index();
}

SuppressionServiceWithReasons::SuppressionServiceWithReasons() {
  using Calls = v1::SuppressionService::CallbackService;
  Serve("ReportBounce", &Calls::ReportBounce, [this](size_t bytes) { return IsFullForReport(bytes); });
  Serve("DeliverReport", &Calls::DeliverReport);
  Serve("IsSuppressed", &Calls::IsSuppressed);
  Serve("BatchIsSuppressed", &Calls::BatchIsSuppressed, [this](size_t bytes) { return IsFullForBatch(bytes); });
  Serve("ListSuppressions", &Calls::ListSuppressions);
  Serve("CountSuppressions", &Calls::CountSuppressions);
  Serve("GetBounceDetails", &Calls::GetBounceDetails);
  Serve("Reactivate", &Calls::Reactivate);
  Serve("Suppress", &Calls::Suppress);
  Serve("Watch", &Calls::Watch);
}

ReplicationServiceWithReasons::ReplicationServiceWithReasons() {
  using Calls = v1::ReplicationService::CallbackService;
  Serve("Snapshot", &Calls::Snapshot);
  Serve("Follow", &Calls::Follow);
  Serve("Acknowledge", &Calls::Acknowledge);
  Serve("RangeChecksums", &Calls::RangeChecksums);
  Serve("ListReplicas", &Calls::ListReplicas);
}

AdminServiceWithReasons::AdminServiceWithReasons() {
  using Calls = v1::AdminService::CallbackService;
  Serve("Import", &Calls::Import);
  Serve("Export", &Calls::Export);
  Serve("ListAudit", &Calls::ListAudit);
  Serve("CreateBackup", &Calls::CreateBackup);
  Serve("ListBackups", &Calls::ListBackups);
}

SidecarServiceWithReasons::SidecarServiceWithReasons() {
  Serve("GetSidecarStatus", &v1::SidecarService::CallbackService::GetSidecarStatus);
}

}  // namespace suppressd
