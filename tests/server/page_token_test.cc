#include "server/rpc/page_token.h"

#include <gtest/gtest.h>

#include "common/error.h"

namespace suppressd {
namespace {

class PageTokenTest : public ::testing::Test {
 protected:
  PageTokenTest() {
    page_.first_revision = 12;
    page_.next_after_key = std::string("key\0with zero", 13);
    request_.mutable_filter()->set_domain("example.com");
    request_.set_page_token(EncodePageToken(7, request_, page_));
  }
  v1::ErrorReason Decode(uint64_t lineage, const v1::ListSuppressionsRequest& request) {
    return ReasonOf(DecodePageToken(lineage, request, &query_));
  }

  v1::ListSuppressionsRequest request_;
  ListPage page_;
  ListQuery query_;
};

TEST_F(PageTokenTest, RoundTripsAlsoWithAnotherPageSize) {
  request_.set_page_size(5);
  EXPECT_EQ(Decode(7, request_), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(query_.first_revision, 12u);
  EXPECT_EQ(query_.after_key, page_.next_after_key);
}

TEST_F(PageTokenTest, LastPageHasNone) {
  EXPECT_EQ(EncodePageToken(7, request_, {}), "");
}

TEST_F(PageTokenTest, AnyOtherFilterOrderOrTenantIsRefused) {
  auto other = request_;
  other.set_tenant("shop");
  EXPECT_EQ(Decode(7, other), v1::INVALID_PAGE_TOKEN);
  other = request_;
  other.set_order(v1::ListSuppressionsRequest::BY_ADDRESS);
  EXPECT_EQ(Decode(7, other), v1::INVALID_PAGE_TOKEN);
  other = request_;
  other.mutable_filter()->clear_domain();
  EXPECT_EQ(Decode(7, other), v1::INVALID_PAGE_TOKEN);
}

TEST_F(PageTokenTest, OtherLineageIsExpired) {
  EXPECT_EQ(Decode(8, request_), v1::PAGE_TOKEN_EXPIRED);
}

TEST_F(PageTokenTest, EveryGarbledCharacterIsNoticed) {
  const std::string token = request_.page_token();
  for (size_t i = 0; i + 1 < token.size(); ++i) {
    std::string garbled = token;
    garbled[i] = garbled[i] == 'A' ? 'B' : 'A';
    request_.set_page_token(garbled);
    EXPECT_EQ(Decode(7, request_), v1::INVALID_PAGE_TOKEN) << i;
  }
}

}  // namespace
}  // namespace suppressd
