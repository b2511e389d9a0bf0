// A Connection for the tests of applications, with GoogleMock.
//
//   auto connection = std::make_shared<suppressd::MockConnection>();
//   EXPECT_CALL(*connection, IsSuppressed).WillOnce(Return(suppressd::CheckResult{}));
//   suppressd::Client client(connection);
//
// Thread-safe as far as GoogleMock is. Link GTest::gmock yourself.
#pragma once

#include <gmock/gmock.h>

#include "suppressd/connection.h"

namespace suppressd {
inline namespace client_v1 {

class MockConnection : public Connection {
 public:
  MOCK_METHOD(absl::StatusOr<CheckResult>, IsSuppressed, (const CheckRequest&, const CallOptions&), (override));
  MOCK_METHOD(absl::StatusOr<BatchResult>, BatchIsSuppressed, (const BatchRequest&, const CallOptions&), (override));
  MOCK_METHOD(absl::StatusOr<ReportResult>, ReportBounce, (const ReportRequest&, const CallOptions&), (override));
  MOCK_METHOD(absl::StatusOr<Page>, ListSuppressions, (const ListRequest&, const CallOptions&), (override));
  MOCK_METHOD(absl::StatusOr<Counts>, CountSuppressions, (const CountRequest&, const CallOptions&), (override));
  MOCK_METHOD(absl::StatusOr<Details>, GetBounceDetails, (const DetailsRequest&, const CallOptions&), (override));
  MOCK_METHOD(absl::StatusOr<ReactivateResult>, Reactivate, (const ReactivateRequest&, const CallOptions&), (override));
  MOCK_METHOD(absl::StatusOr<SuppressResult>, Suppress, (const SuppressRequest&, const CallOptions&), (override));
  MOCK_METHOD(absl::Status, Watch, (const WatchRequest&, const OnStep&, const Cancellation&), (override));
};

}  // namespace client_v1
}  // namespace suppressd
