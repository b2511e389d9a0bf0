// A Connection over gRPC: one try of each call.
#pragma once

#include <memory>

#include "common/secure_channel.h"
#include "suppressd/connection.h"
#include "suppressd/v1/suppression_service.grpc.pb.h"

namespace suppressd::client_internal {

// Turns values into messages, errors into absl::Status with their payloads. CallOptions::timeout is the
// deadline of the try. A request with text that is not UTF-8 is INVALID_ARGUMENT (INVALID_FIELD) without a
// call; of a batch only the addresses that are not UTF-8 fail; a reply's text may be anything. Thread-safe.
class GrpcConnection final : public Connection {
 public:
  explicit GrpcConnection(std::unique_ptr<SecureChannel> channel);

  absl::StatusOr<CheckResult> IsSuppressed(const CheckRequest& request, const CallOptions& call) override;
  absl::StatusOr<BatchResult> BatchIsSuppressed(const BatchRequest& request, const CallOptions& call) override;
  absl::StatusOr<ReportResult> ReportBounce(const ReportRequest& request, const CallOptions& call) override;
  absl::StatusOr<Page> ListSuppressions(const ListRequest& request, const CallOptions& call) override;
  absl::StatusOr<Counts> CountSuppressions(const CountRequest& request, const CallOptions& call) override;
  absl::StatusOr<Details> GetBounceDetails(const DetailsRequest& request, const CallOptions& call) override;
  absl::StatusOr<ReactivateResult> Reactivate(const ReactivateRequest& request, const CallOptions& call) override;
  absl::StatusOr<SuppressResult> Suppress(const SuppressRequest& request, const CallOptions& call) override;
  absl::Status Watch(const WatchRequest& request, const OnStep& on_step, const Cancellation& cancellation) override;

 private:
  template <typename Request, typename Response>
  auto Unary(grpc::Status (v1::SuppressionService::StubInterface::*method)(grpc::ClientContext*, const Request&,
                                                                           Response*),
             const Request& request, const CallOptions& call);

  const std::unique_ptr<SecureChannel> channel_;
  SecureStub<v1::SuppressionService> stub_;
};

}  // namespace suppressd::client_internal
