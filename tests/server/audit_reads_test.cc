#include "server/admin/audit_reads.h"

#include <gmock/gmock.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/error.h"
#include "tests/testing/apply.h"
#include "tests/testing/commands.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

using ::testing::ElementsAre;

class AuditReadsTest : public ::testing::Test {
 protected:
  AuditReadsTest() {
    store_ = *Store::Open({.path = directory_ / "data"});
    for (int i = 0; i < 7; ++i) Suppress("u" + std::to_string(i) + "@example.com", i);
  }
  void Suppress(const std::string& address, int day) {
    EXPECT_TRUE(ApplyTo(*store_, {SuppressCommand(address, v1::Cause::MANUAL, Day(day))}).ok());
  }
  v1::ListAuditResponse List(const v1::ListAuditRequest& request) {
    v1::ListAuditResponse response;
    const absl::Status status = ListAudit(store_->reader(), request, &response);
    EXPECT_TRUE(status.ok()) << status;
    return response;
  }
  // The reason and the field of a refusal.
  std::pair<v1::ErrorReason, std::string> Refusal(const std::function<void(v1::ListAuditRequest*)>& spoil) {
    v1::ListAuditRequest request;
    spoil(&request);
    v1::ListAuditResponse response;
    const absl::Status status = ListAudit(store_->reader(), request, &response);
    EXPECT_EQ(status.message().find("u1@"), absl::string_view::npos);
    return {ReasonOf(status), ErrorMetadata(status, "field")};
  }
  std::vector<std::string> Addresses(v1::ListAuditRequest request) {
    std::vector<std::string> addresses;
    do {
      const v1::ListAuditResponse page = List(request);
      for (const v1::AuditRecord& record : page.records()) addresses.push_back(record.text().address());
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return addresses;
  }

  TempDirectory directory_;
  std::unique_ptr<Store> store_;
};

TEST_F(AuditReadsTest, PagesOfAnySizeHoldEachRecordOnce) {
  v1::ListAuditRequest request;
  const std::vector<std::string> all = Addresses(request);
  ASSERT_EQ(all.size(), 7u);
  for (const int size : {1, 2, 3, 6, 7, 8, 5'000}) {
    request.set_page_size(size);
    EXPECT_EQ(Addresses(request), all) << size;
  }
  request.set_page_size(7);
  EXPECT_EQ(List(request).next_page_token(), "") << "the last page says so";
}

TEST_F(AuditReadsTest, AnAnswerSaysWhereTheTrailEndsWhateverTheFilter) {
  v1::ListAuditRequest request;
  request.set_action("erase");
  const v1::ListAuditResponse response = List(request);
  EXPECT_EQ(response.records_size(), 0);
  EXPECT_EQ(response.head().count(), 7u);
  EXPECT_EQ(response.head().hash().size(), 32u);
  EXPECT_NE(response.revision_token(), "");
}

TEST_F(AuditReadsTest, AnAddressIsFoundInAnySpelling) {
  v1::ListAuditRequest request;
  request.set_address("<U3@EXAMPLE.com.>");
  EXPECT_THAT(Addresses(request), ElementsAre("u3@example.com"));
  request.add_tenants("default");
  EXPECT_THAT(Addresses(request), ElementsAre("u3@example.com"));
  request.set_domain("Example.com");
  EXPECT_THAT(Addresses(request), ElementsAre());
  Suppress("@example.com", 8);
  EXPECT_THAT(Addresses(request), ElementsAre("@example.com"));
}

TEST_F(AuditReadsTest, TimesBoundTheRecords) {
  v1::ListAuditRequest request;
  *request.mutable_since() = FromMicros(Day(2));
  *request.mutable_until() = FromMicros(Day(4));
  EXPECT_THAT(Addresses(request), ElementsAre("u2@example.com", "u3@example.com"));
  *request.mutable_until() = FromMicros(Day(2));
  EXPECT_THAT(Addresses(request), ElementsAre());
}

TEST_F(AuditReadsTest, EveryFieldThatIsWrongIsNamed) {
  using Refused = std::pair<v1::ErrorReason, std::string>;
  EXPECT_EQ(Refusal([](auto* r) { r->add_tenants("Shop"); }), Refused(v1::INVALID_TENANT, "tenant"));
  EXPECT_EQ(Refusal([](auto* r) {
              for (int i = 0; i <= 100; ++i) r->add_tenants("t" + std::to_string(i));
            }),
            Refused(v1::FIELD_TOO_LONG, "tenants"));
  EXPECT_EQ(Refusal([](auto* r) { r->set_actor(std::string(129, 'a')); }), Refused(v1::FIELD_TOO_LONG, "actor"));
  EXPECT_EQ(Refusal([](auto* r) { r->set_address("no address"); }), Refused(v1::INVALID_ADDRESS, "address"));
  EXPECT_EQ(Refusal([](auto* r) { r->set_address(""); }), Refused(v1::INVALID_ADDRESS, "address"));
  EXPECT_EQ(Refusal([](auto* r) { r->set_domain("u1@example.com"); }), Refused(v1::INVALID_DOMAIN, "domain"));
  EXPECT_EQ(Refusal([](auto* r) { r->set_action(std::string(33, 'a')); }), Refused(v1::FIELD_TOO_LONG, "action"));
  EXPECT_EQ(Refusal([](auto* r) { r->mutable_since()->set_nanos(-1); }), Refused(v1::INVALID_FIELD, "since"));
  EXPECT_EQ(Refusal([](auto* r) { r->mutable_until()->set_seconds(int64_t{1} << 60); }),
            Refused(v1::INVALID_FIELD, "until"));
  EXPECT_EQ(Refusal([](auto* r) { r->set_page_size(-1); }), Refused(v1::INVALID_PAGE_SIZE, "page_size"));
  EXPECT_EQ(Refusal([](auto* r) { r->set_page_token("garbled"); }), Refused(v1::INVALID_PAGE_TOKEN, "page_token"));
}

TEST_F(AuditReadsTest, APageTokenIsBoundToItsFilters) {
  v1::ListAuditRequest first;
  first.set_page_size(2);
  const std::string token = List(first).next_page_token();
  ASSERT_NE(token, "");
  EXPECT_EQ(Refusal([&](auto* r) {
              r->set_page_token(token);
              r->set_page_size(7);
            }).first,
            v1::ERROR_REASON_UNSPECIFIED);
  for (const auto& change : std::vector<std::function<void(v1::ListAuditRequest*)>>{
           [](auto* r) { r->add_tenants("default"); }, [](auto* r) { r->set_actor("ops"); },
           [](auto* r) { r->set_action("suppress"); }, [](auto* r) { r->set_address("u1@example.com"); },
           [](auto* r) { r->mutable_since()->set_seconds(1); }, [](auto* r) { r->mutable_until()->set_seconds(1); }}) {
    EXPECT_EQ(Refusal([&](auto* r) {
                change(r);
                r->set_page_token(token);
              }).first,
              v1::INVALID_PAGE_TOKEN);
  }
}

TEST_F(AuditReadsTest, APageTokenOfOtherDataHasExpired) {
  v1::ListAuditRequest first;
  first.set_page_size(2);
  const std::string token = List(first).next_page_token();
  store_.reset();
  store_ = *Store::Open({.path = directory_ / "other"});
  EXPECT_EQ(Refusal([&](auto* r) { r->set_page_token(token); }).first, v1::PAGE_TOKEN_EXPIRED);
}

}  // namespace
}  // namespace suppressd
