// What judging history again needs of the service: entries that never were suppressed, and lifting only what was read.
#include <gmock/gmock.h>

#include "common/error.h"
#include "tests/testing/test_server.h"

namespace suppressd {
namespace {

using ::testing::ElementsAre;

class ReclassifyCallsTest : public ::testing::Test {
 protected:
  void Report(const std::string& recipient, const std::string& text) {
    grpc::ClientContext context;
    v1::ReportBounceRequest request;
    v1::ReportBounceResponse response;
    request.mutable_smtp_reply()->set_recipient(recipient);
    request.mutable_smtp_reply()->set_text(text);
    const grpc::Status status = server_.stub().ReportBounce(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    token_ = response.revision_token();
  }
  grpc::Status Reactivate(const std::string& unchanged_since, v1::ReactivateResponse* response) {
    grpc::ClientContext context;
    v1::ReactivateRequest request;
    request.set_address("jo@example.com");
    request.set_note("reclassified");
    request.set_unchanged_since(unchanged_since);
    return server_.stub().Reactivate(&context, request, response);
  }
  grpc::Status List(v1::ListSuppressionsRequest request, std::vector<std::string>* addresses) {
    request.mutable_filter()->set_state(v1::SuppressionFilter::NEVER_SUPPRESSED);
    do {
      grpc::ClientContext context;
      v1::ListSuppressionsResponse response;
      const grpc::Status status = server_.stub().ListSuppressions(&context, request, &response);
      if (!status.ok()) return status;
      for (const v1::Suppression& suppression : response.suppressions()) addresses->push_back(suppression.address());
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return grpc::Status::OK;
  }

  TestServer server_;
  std::string token_;
};

TEST_F(ReclassifyCallsTest, NeverSuppressedListsThoseWithAHistoryOnly) {
  Report("jo@example.com", "550 5.1.1 no such user");
  Report("soft@example.com", "451 4.4.1 connection timed out");
  Report("us@example.net", "550 5.7.26 unauthenticated email is not accepted due to dmarc");
  std::vector<std::string> addresses;
  v1::ListSuppressionsRequest request;
  request.set_order(v1::ListSuppressionsRequest::BY_ADDRESS);
  request.set_page_size(1);
  ASSERT_TRUE(List(request, &addresses).ok());
  EXPECT_THAT(addresses, ElementsAre("soft@example.com", "us@example.net"));
  addresses.clear();
  request.mutable_filter()->set_domain("example.net");
  ASSERT_TRUE(List(request, &addresses).ok());
  EXPECT_THAT(addresses, ElementsAre("us@example.net"));
}

TEST_F(ReclassifyCallsTest, NeverSuppressedGoesWithNoOtherOrderOrFilter) {
  std::vector<std::string> addresses;
  EXPECT_EQ(List({}, &addresses).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  v1::ListSuppressionsRequest request;
  request.set_order(v1::ListSuppressionsRequest::BY_ADDRESS);
  request.mutable_filter()->add_reasons(v1::MAILBOX_FULL);
  EXPECT_EQ(List(request, &addresses).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ReclassifyCallsTest, WhatHasChangedSinceIsNotLifted) {
  v1::ReactivateResponse response;
  Report("jo@example.com", "550 5.1.1 no such user");
  const std::string before = token_;
  Report("jo@example.com", "552 5.2.2 mailbox full");
  const grpc::Status status = Reactivate(before, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_THAT(status.error_details(), ::testing::HasSubstr("ENTRY_CHANGED"));
  ASSERT_TRUE(Reactivate(token_, &response).ok());
  EXPECT_TRUE(response.changed());
  EXPECT_FALSE(response.suppressed_in_any_stream());
}

TEST_F(ReclassifyCallsTest, AnotherEntrysChangesDoNotMatter) {
  v1::ReactivateResponse response;
  Report("jo@example.com", "550 5.1.1 no such user");
  const std::string before = token_;
  Report("ann@example.com", "550 5.1.1 no such user");
  EXPECT_TRUE(Reactivate(before, &response).ok());
}

TEST_F(ReclassifyCallsTest, AGarbledTokenIsAnError) {
  v1::ReactivateResponse response;
  Report("jo@example.com", "550 5.1.1 no such user");
  EXPECT_EQ(Reactivate("garbled", &response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace suppressd
