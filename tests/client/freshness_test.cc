// What the client says of the freshness of a sidecar's answers, and asks of it.
#include <gtest/gtest.h>

#include "fake_service.h"
#include "suppressd/client.h"

namespace suppressd {
namespace {

class FreshnessTest : public ::testing::Test {
 protected:
  Client MakeClient() { return *Client::Create(service_.ClientOptions()); }

  // The max_staleness of the request that a check with this one makes.
  v1::IsSuppressedRequest Ask(std::optional<absl::Duration> max_staleness) {
    v1::IsSuppressedRequest got;
    service_.on_check = [&](const v1::IsSuppressedRequest& request, auto*) {
      got = request;
      return grpc::Status::OK;
    };
    CheckRequest request;
    request.address = "a@example.com";
    request.max_staleness = max_staleness;
    EXPECT_TRUE(MakeClient().IsSuppressed(request).ok());
    return got;
  }

  FakeService service_;
};

TEST_F(FreshnessTest, ACheckSaysHowFreshItIs) {
  service_.on_check = [](const auto&, v1::IsSuppressedResponse* response) {
    response->set_suppressed(true);
    response->set_revision_token("t");
    response->add_matches();
    response->add_matches()->set_not_yet_delivered(true);
    response->mutable_freshness()->set_basis(v1::Freshness::REPLICA);
    response->mutable_freshness()->mutable_staleness()->set_seconds(1);
    response->mutable_freshness()->mutable_staleness()->set_nanos(500'000'000);
    return grpc::Status::OK;
  };
  const absl::StatusOr<CheckResult> result = MakeClient().IsSuppressed("a@example.com");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->revision_token, "t");
  ASSERT_TRUE(result->freshness.has_value());
  EXPECT_EQ(result->freshness->basis, FreshnessBasis::kReplica);
  EXPECT_EQ(result->freshness->staleness, absl::Milliseconds(1500));
  ASSERT_EQ(result->matches.size(), 2u);
  EXPECT_FALSE(result->matches[0].not_yet_delivered);
  EXPECT_TRUE(result->matches[1].not_yet_delivered);
}

TEST_F(FreshnessTest, AnAnswerOfTheServerHasNone) {
  service_.on_check = [](const auto&, auto*) { return grpc::Status::OK; };
  service_.on_batch = [](const v1::BatchIsSuppressedRequest& request, v1::BatchIsSuppressedResponse* response) {
    for (int i = 0; i < request.addresses_size(); ++i) {
      response->add_answers(v1::IsSuppressedResponse::NOT_SUPPRESSED);
    }
    return grpc::Status::OK;
  };
  service_.on_list = [](const auto&, auto*) { return grpc::Status::OK; };
  EXPECT_EQ(MakeClient().IsSuppressed("a@example.com")->freshness, std::nullopt);
  EXPECT_EQ(MakeClient().BatchIsSuppressed(BatchRequest())->freshness, std::nullopt);
  EXPECT_EQ(MakeClient().ListSuppressions(ListRequest())->freshness, std::nullopt);
}

TEST_F(FreshnessTest, StalenessMayBeUnknown) {
  service_.on_batch = [](const auto&, v1::BatchIsSuppressedResponse* response) {
    response->mutable_freshness()->set_basis(v1::Freshness::NOTHING);
    response->add_results()->add_matches()->set_not_yet_delivered(true);
    return grpc::Status::OK;
  };
  const absl::StatusOr<BatchResult> result = MakeClient().BatchIsSuppressed(BatchRequest());
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->revision_token, "");
  ASSERT_TRUE(result->freshness.has_value());
  EXPECT_EQ(result->freshness->basis, FreshnessBasis::kNothing);
  EXPECT_EQ(result->freshness->staleness, std::nullopt);
  EXPECT_TRUE(result->items.at(0).matches.at(0).not_yet_delivered);
}

TEST_F(FreshnessTest, AListingAndAWalkSayHowFreshTheyAre) {
  v1::ListSuppressionsRequest got;
  service_.on_list = [&](const v1::ListSuppressionsRequest& request, v1::ListSuppressionsResponse* response) {
    got = request;
    response->mutable_freshness()->set_basis(v1::Freshness::REPLICA);
    response->mutable_freshness()->mutable_staleness()->set_seconds(7);
    return grpc::Status::OK;
  };
  ListRequest request;
  request.max_staleness = absl::Seconds(8);
  const absl::StatusOr<Page> page = MakeClient().ListSuppressions(request);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->freshness->staleness, absl::Seconds(7));
  EXPECT_EQ(got.max_staleness().seconds(), 8);
  const auto walk = MakeClient().ForEachSuppression(request, 10, [](const Suppression&) { return true; });
  ASSERT_TRUE(walk.ok()) << walk.status();
  EXPECT_EQ(walk->freshness->staleness, absl::Seconds(7));
}

TEST_F(FreshnessTest, MaxStalenessTravelsToTheNanosecond) {
  EXPECT_FALSE(Ask(std::nullopt).has_max_staleness());
  const v1::IsSuppressedRequest zero = Ask(absl::ZeroDuration());
  EXPECT_TRUE(zero.has_max_staleness());
  EXPECT_EQ(zero.max_staleness().seconds() + zero.max_staleness().nanos(), 0);
  const v1::IsSuppressedRequest some = Ask(absl::Seconds(3) + absl::Nanoseconds(9));
  EXPECT_EQ(some.max_staleness().seconds(), 3);
  EXPECT_EQ(some.max_staleness().nanos(), 9);
  const v1::IsSuppressedRequest negative = Ask(-absl::Milliseconds(1500));  // for the service to refuse
  EXPECT_EQ(negative.max_staleness().seconds(), -1);
  EXPECT_EQ(negative.max_staleness().nanos(), -500'000'000);
}

TEST_F(FreshnessTest, AnInfiniteMaxStalenessIsNoLimit) {
  EXPECT_FALSE(Ask(absl::InfiniteDuration()).has_max_staleness());
  EXPECT_TRUE(Ask(-absl::InfiniteDuration()).has_max_staleness());
}

TEST_F(FreshnessTest, ABatchCarriesItsMaxStaleness) {
  v1::BatchIsSuppressedRequest got;
  service_.on_batch = [&](const v1::BatchIsSuppressedRequest& request, auto*) {
    got = request;
    return grpc::Status::OK;
  };
  BatchRequest request;
  request.max_staleness = absl::Milliseconds(250);
  ASSERT_TRUE(MakeClient().BatchIsSuppressed(request).ok());
  EXPECT_EQ(got.max_staleness().nanos(), 250'000'000);
}

TEST_F(FreshnessTest, AReportSaysWhereItIsKept) {
  v1::ReportBounceResponse::Durability durability = v1::ReportBounceResponse::AT_SIDECAR;
  service_.on_report = [&](const auto&, v1::ReportBounceResponse* response) {
    response->set_durability(durability);
    return grpc::Status::OK;
  };
  ReportRequest request;
  request.report = Complaint{"a@example.com", "", ""};
  EXPECT_EQ(MakeClient().ReportBounce(request)->durability, Durability::kAtSidecar);
  durability = v1::ReportBounceResponse::AT_SERVER;
  EXPECT_EQ(MakeClient().ReportBounce(request)->durability, Durability::kAtServer);
  EXPECT_EQ(Name(Durability::kAtSidecar), "AT_SIDECAR");
  EXPECT_EQ(Name(FreshnessBasis::kReplica), "REPLICA");
  EXPECT_EQ(FromName<FreshnessBasis>("nothing"), FreshnessBasis::kNothing);
}

}  // namespace
}  // namespace suppressd
