#include <gtest/gtest.h>

#include "common/from_grpc.h"
#include "fake_service.h"
#include "suppressd/client.h"

namespace suppressd {
namespace {

TEST(StatusTest, OkStaysOk) {
  EXPECT_TRUE(FromGrpc(grpc::Status::OK).ok());
}

TEST(StatusTest, EveryCodeKeepsItsMeaning) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status = FromGrpc(grpc::Status(static_cast<grpc::StatusCode>(code), "text"));
    EXPECT_EQ(static_cast<int>(status.code()), code);
    EXPECT_EQ(status.message(), "text");
  }
}

TEST(StatusTest, ReasonAndDetailsComeThrough) {
  const absl::Status status =
      FromGrpc(WireError(grpc::StatusCode::INVALID_ARGUMENT, v1::INVALID_TENANT, "odd", {{"field", "tenant"}}));
  EXPECT_EQ(ErrorReason(status), "INVALID_TENANT");
  EXPECT_EQ(ErrorDetail(status, "field"), "tenant");
  EXPECT_EQ(ErrorDetail(status, "nothing"), "");
  EXPECT_EQ(RetryDelay(status), std::nullopt);
}

TEST(StatusTest, RetryInfoComesThrough) {
  const absl::Status status = FromGrpc(WireError(grpc::StatusCode::UNAVAILABLE, v1::OVERLOADED, "full", {}, 1500));
  EXPECT_EQ(RetryDelay(status), absl::Milliseconds(1500));
}

TEST(StatusTest, AReasonOfANewerServiceIsKept) {
  internal::v1::ErrorInfo info;
  info.set_reason("FROM_THE_FUTURE");
  info.set_domain("suppressd");
  absl::Status status = absl::InternalError("later");
  status.SetPayload(kErrorInfoTypeUrl, absl::Cord(info.SerializeAsString()));
  EXPECT_EQ(ErrorReason(status), "FROM_THE_FUTURE");
  info.set_domain("someone.else");
  status.SetPayload(kErrorInfoTypeUrl, absl::Cord(info.SerializeAsString()));
  EXPECT_EQ(ErrorReason(status), "");
}

TEST(StatusTest, GarbledDetailsLeaveTheStatus) {
  const absl::Status status = FromGrpc(grpc::Status(grpc::StatusCode::ABORTED, "text", "\xff\xff\xff"));
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(ErrorReason(status), "");
  EXPECT_EQ(ErrorReason(absl::OkStatus()), "");
}

TEST(StatusTest, ErrorsCrossARealSocket) {
  FakeService service;
  service.on_check = [](const auto&, auto*) {
    return WireError(grpc::StatusCode::FAILED_PRECONDITION, v1::LINEAGE_MISMATCH, "restored", {{"field", "at_least"}});
  };
  const absl::StatusOr<CheckResult> result = Client::Create(service.ClientOptions())->IsSuppressed("a@example.com");
  EXPECT_EQ(result.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(result.status().message(), "restored");
  EXPECT_EQ(ErrorReason(result.status()), "LINEAGE_MISMATCH");
  EXPECT_EQ(ErrorDetail(result.status(), "field"), "at_least");
}

}  // namespace
}  // namespace suppressd
