#include "server/access/quotas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/access/permissions.h"

namespace suppressd {
namespace {

using testing::HasSubstr;

constexpr char kFile[] = R"(
quotas:
  - tenant: "*"
    checks_per_second: 10
    writes_per_second: 2
  - {tenant: news, checks_per_second: 100}
)";

absl::Time at = absl::FromUnixSeconds(1'000);

class QuotasTest : public testing::Test {
 protected:
  QuotasTest()
      : path_(testing::TempDir() + "/quotas_" + testing::UnitTest::GetInstance()->current_test_info()->name()) {
    Write(kFile);
    absl::StatusOr<std::unique_ptr<Quotas>> quotas = Quotas::Open(path_, [] { return at; });
    EXPECT_TRUE(quotas.ok()) << quotas.status();
    quotas_ = *std::move(quotas);
  }
  ~QuotasTest() override { std::filesystem::remove(path_); }
  void Write(const std::string& text) const {
    std::ofstream(path_ + ".new") << text;
    std::filesystem::rename(path_ + ".new", path_);
  }
  // How many calls of one are let in, one after the other, of many.
  int Let(const std::string& tenant, QuotaKind kind) {
    int let = 0;
    while (let < 100'000 && !quotas_->Take(tenant, kind, 1).has_value()) ++let;
    return let;
  }

  const std::string path_;
  std::unique_ptr<Quotas> quotas_;
};

TEST_F(QuotasTest, TwoSecondsCanBeAskedAtOnceAndThenTheRate) {
  EXPECT_EQ(Let("shop", QuotaKind::kChecks), 20);
  const auto exceeded = quotas_->Take("shop", QuotaKind::kChecks, 1);
  ASSERT_TRUE(exceeded.has_value());
  EXPECT_EQ(exceeded->per_second, 10);
  EXPECT_EQ(exceeded->retry_after, absl::Milliseconds(100));
  at += exceeded->retry_after;
  EXPECT_EQ(Let("shop", QuotaKind::kChecks), 1);
  at += absl::Seconds(1);
  EXPECT_EQ(Let("shop", QuotaKind::kChecks), 10);
  at += absl::Hours(1);
  EXPECT_EQ(Let("shop", QuotaKind::kChecks), 20);
}

TEST_F(QuotasTest, EachTenantAndKindHasItsOwn) {
  EXPECT_EQ(Let("shop", QuotaKind::kChecks), 20);
  EXPECT_EQ(Let("shop", QuotaKind::kWrites), 4);
  EXPECT_EQ(Let("other", QuotaKind::kChecks), 20);
  EXPECT_EQ(Let("news", QuotaKind::kChecks), 200);
  EXPECT_EQ(Let("shop", QuotaKind::kListings), 100'000) << "what is not named is not limited";
  EXPECT_EQ(Let("news", QuotaKind::kWrites), 100'000) << "an item of its own replaces the item of all others";
}

TEST_F(QuotasTest, ABatchIsNeverTooLargeAndIsMadeGood) {
  EXPECT_FALSE(quotas_->Take("shop", QuotaKind::kChecks, 120).has_value());
  const auto exceeded = quotas_->Take("shop", QuotaKind::kChecks, 1);
  ASSERT_TRUE(exceeded.has_value());
  EXPECT_EQ(exceeded->retry_after, absl::Seconds(10.1));
  at += absl::Seconds(10);
  EXPECT_TRUE(quotas_->Take("shop", QuotaKind::kChecks, 1).has_value());
  at += absl::Milliseconds(101);
  EXPECT_FALSE(quotas_->Take("shop", QuotaKind::kChecks, 1).has_value());
}

TEST_F(QuotasTest, NamesOfTenantsTakeNoMemoryWithoutEnd) {
  for (int i = 0; i < 100'000; ++i) quotas_->Take(absl::StrCat("t", i), QuotaKind::kChecks, 1);
  EXPECT_LE(quotas_->tenants(), 16 * 1'025u);
  // Who came when there was no room has a share all the same.
  EXPECT_LE(Let("late", QuotaKind::kChecks), 20);
  // Those whose quota is full again make room.
  at += absl::Seconds(10);
  EXPECT_EQ(Let("later", QuotaKind::kChecks), 20);
}

TEST_F(QuotasTest, ANewFileIsTakenWholeOrNotAtAll) {
  EXPECT_EQ(Let("shop", QuotaKind::kChecks), 20);
  EXPECT_FALSE(quotas_->Reload(false).has_value()) << "it has not changed";
  Write("quotas:\n- {tenant: shop, checks_per_second: none}\n");
  const std::optional<absl::Status> refused = quotas_->Reload(false);
  ASSERT_TRUE(refused.has_value());
  EXPECT_THAT(std::string(refused->message()), HasSubstr(":2: "));
  EXPECT_EQ(Let("shop", QuotaKind::kChecks), 0) << "the one before stays, and what was used up of it";
  Write("quotas:\n- {tenant: shop, checks_per_second: 3}\n");
  EXPECT_EQ(*quotas_->Reload(false), absl::OkStatus());
  EXPECT_EQ(Let("shop", QuotaKind::kChecks), 6);
  std::filesystem::remove(path_);
  EXPECT_FALSE(quotas_->Reload(false)->ok());
  EXPECT_EQ(Let("shop", QuotaKind::kChecks), 0);
}

TEST(QuotaFileTest, WhatIsWrongIsSaidWithItsLine) {
  for (const auto& [text, what] : {
           std::pair("quota: []", "q:1: unknown key \"quota\"; wanted: quotas"),
           std::pair("quotas:\n- {checks_per_second: 1}", "q:2: the quota has no tenant"),
           std::pair("quotas:\n- {tenant: Shop}", "q:2: \"Shop\" is no name of a tenant"),
           std::pair("quotas:\n- {tenant: a, checks: 1}",
                     "q:2: unknown key \"checks\"; wanted: tenant, checks_per_second"),
           std::pair("quotas:\n- {tenant: a, checks_per_second: 0}", "q:2: "),
           std::pair("quotas:\n- {tenant: a, writes_per_second: -1}", "q:2: "),
           std::pair("quotas:\n- {tenant: a, listings_per_second: 99999999999}", "q:2: "),
           std::pair("quotas:\n- {tenant: a}\n- {tenant: a}", "q:3: a second quota of \"a\""),
           std::pair("quotas:\n- {tenant: '*'}\n- {tenant: '*'}", "q:3: a second quota of \"*\""),
           std::pair("quotas: {tenant: a}", "q:1: "),
           std::pair("quotas: [", "q:"),
       }) {
    const absl::StatusOr<QuotaFile> file = QuotaFile::Parse("q", text);
    ASSERT_FALSE(file.ok()) << text;
    EXPECT_THAT(std::string(file.status().message()), HasSubstr(what));
  }
  EXPECT_TRUE(QuotaFile::Parse("q", "").ok()) << "an empty file limits nobody";
}

TEST(QuotaFileTest, EachPermissionCountsAsWhatItIs) {
  for (const CallPermission& call : CallPermissions()) {
    const std::optional<QuotaKind> kind = QuotaKindFor(call.permission);
    const bool of_a_list =
        call.method.find("SuppressionService/") != absl::string_view::npos ||
        (call.method.find("AdminService/") != absl::string_view::npos && call.tenants != TenantsNamed::kNone);
    const bool delivers = call.method.find("DeliverReport") != absl::string_view::npos;
    EXPECT_EQ(kind.has_value(), of_a_list && !delivers) << call.method;
  }
}

}  // namespace
}  // namespace suppressd
